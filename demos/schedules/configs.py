"""Schedules as configs of diffusers' schedulers, and drawings of the schedules of such configs."""

from __future__ import annotations

import json
from typing import Any

from core.bridge import config_of, schedule_of
from core.drawn_schedules import drawn, parsed, placed
from core.schedules import CLEAN, Schedule
from demos.words import Refusal, Say, said

CLASS = "DDIMScheduler"  # any class that reads trained_betas would do
POINTS = "drawn_points"  # a key of our own, which diffusers leaves aside
SAME = 1e-6  # of alpha_bar: what diffusers' float32 may add


def config_text(name: Say, schedule: Schedule, spacing: str, points: str = "") -> str:
    """The `scheduler_config.json` of a schedule, with the points of one that is drawn.

    Refusal for one that diffusers does not hold as betas: where variance is not preserved.
    """
    try:
        config = config_of(schedule)
    except ValueError as error:
        raise Refusal("schedule.refused.config", schedule=name) from error
    drawing = {POINTS: points} if points else {}
    told = {"_class_name": CLASS, **config, "timestep_spacing": spacing, **drawing}
    return json.dumps(told, indent=1)


def config_points(config: Any) -> tuple[str, Say]:
    """A drawing of the schedule of a config, and how close it comes.

    ValueError, one sentence, for what is no JSON object, and for a config that `core.bridge`
    cannot read.
    """
    if not isinstance(config, dict):
        raise Refusal("schedule.refused.json")
    schedule = schedule_of(config)
    points = own_points(config.get(POINTS), schedule)
    if points:
        return points, said("schedule.placed.same", count=len(parsed(points)[1]))
    points, say = drawn_over(config.get("_class_name", said("schedule.nameless")), schedule)
    if schedule.final != CLEAN:
        return points, [say, said("schedule.placed.end")]
    return points, say


def own_points(text: Any, schedule: Schedule) -> str:
    """The points that a config brings, where they are those of its schedule; "" elsewhere."""
    try:
        alpha_bar = drawn(len(schedule), text).alpha_bar
    except ValueError:
        return ""
    return text if float((alpha_bar - schedule.alpha_bar).abs().max()) <= SAME else ""


def drawn_over(name: Say, schedule: Schedule) -> tuple[str, Say]:
    """A drawing of a schedule, and in words how many points it has and how close it comes."""
    points, error = placed(schedule)
    count = len(parsed(points)[1])
    return points, said("schedule.placed", count=count, schedule=name, error=error)
