"""Schedules as configs of diffusers' schedulers, and drawings of the schedules of such configs."""

from __future__ import annotations

import json
from typing import Any

from core.bridge import config_of, schedule_of
from core.drawn_schedules import parsed, placed
from core.schedules import CLEAN, Schedule
from demos.words import Refusal, Say, said

CLASS = "DDIMScheduler"  # any class that reads trained_betas would do


def config_text(name: Say, schedule: Schedule, spacing: str) -> str:
    """The `scheduler_config.json` of a schedule.

    Refusal for one that diffusers does not hold as betas: where variance is not preserved.
    """
    try:
        config = config_of(schedule)
    except ValueError as error:
        raise Refusal("schedule.refused.config", schedule=name) from error
    return json.dumps({"_class_name": CLASS, **config, "timestep_spacing": spacing}, indent=1)


def config_points(config: Any) -> tuple[str, Say]:
    """A drawing of the schedule of a config, and how close it comes.

    ValueError, one sentence, for what is no JSON object, and for a config that `core.bridge`
    cannot read.
    """
    if not isinstance(config, dict):
        raise Refusal("schedule.refused.json")
    schedule = schedule_of(config)
    name = config.get("_class_name", said("schedule.nameless"))
    points, say = drawn_over(name, schedule)
    if schedule.final != CLEAN:
        return points, [say, said("schedule.placed.end")]
    return points, say


def drawn_over(name: Say, schedule: Schedule) -> tuple[str, Say]:
    """A drawing of a schedule, and in words how many points it has and how close it comes."""
    points, error = placed(schedule)
    count = len(parsed(points)[1])
    return points, said("schedule.placed", count=count, schedule=name, error=error)
