"""Which schedules there are, and the parameters of each: one table of their ranges."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from core.bridge import schedule_of
from core.drawn_schedules import LONGEST, START
from core.models import MODELS, ModelCard
from core.models.folder import folder_of
from core.paths import ROOT
from core.schedules import SCHEDULES, Schedule
from demos.runs.fields import Choice, Real, RealField, Text, Truth
from demos.runs.requests import Request
from demos.words import Say, said, table

OTHER = RealField(low=0, high=10_000)  # of a schedule that was added, with parameters of its own


def offered() -> list[str]:
    """The named schedules, then the models whose own schedule can be read."""
    own = [name for name, card in MODELS.items() if scheduler_file(card) is not None]
    return [*SCHEDULES, *(name for name in own if name not in SCHEDULES)]


def defaults_of(name: str) -> dict[str, Any]:
    """The parameters that a schedule takes and their defaults; a model's own takes none."""
    if name not in SCHEDULES:
        return {}
    taken = inspect.signature(SCHEDULES[name]).parameters.values()
    return {each.name: each.default for each in taken if each.name != "timesteps"}


def parameter(name: str, low: float, high: float, slider: tuple[float, float], step: float) -> Any:
    """A parameter of the schedules that take it, at the default of the first of them."""
    defaults = (defaults_of(each).get(name) for each in SCHEDULES)
    default = next(each for each in defaults if each is not None)
    needs = takes(name)
    return Real(low, high, default, slider=slider, step=step, needs=needs)


def takes(name: str) -> Any:
    """Whether the chosen schedule takes a parameter, as a need of its control."""
    return lambda asked: name in defaults_of(asked.schedule)


@dataclass(frozen=True)
class Parameters(Request):
    """A schedule and its parameters: the range of each, and the part of it on a slider."""

    event: ClassVar[str] = "schedule"

    schedule: str = Choice(offered, "linear", look="menu")
    beta_start: float = parameter("beta_start", 1e-8, 0.9999, (1e-5, 0.01), 1e-5)
    beta_end: float = parameter("beta_end", 1e-8, 0.9999, (0.001, 0.1), 0.0005)
    s: float = parameter("s", 0, 1, (0.0, 0.1), 0.001)
    max_beta: float = parameter("max_beta", 1e-6, 0.9999, (0.1, 0.9999), 0.0001)
    sigma_min: float = parameter("sigma_min", 1e-4, 1000, (0.001, 1.0), 0.001)
    sigma_max: float = parameter("sigma_max", 1e-4, 1000, (1.0, 160.0), 1.0)
    rho: float = parameter("rho", 1, 100, (1.0, 20.0), 0.5)
    shift: float = parameter("shift", 0.01, 100, (0.1, 10.0), 0.1)
    zero_terminal_snr: bool = Truth(False, needs=takes("zero_terminal_snr"))
    points: str = Text(LONGEST, START, needs=takes("points"))

    @classmethod
    def at_first(cls, name: str) -> Self:
        """A schedule with its defaults."""
        known = cls.controls()
        given = {key: each for key, each in defaults_of(name).items() if key in known}
        return cls.read(schedule=name, **given)

    def given(self) -> dict[str, Any]:
        """The parameters that the schedule takes."""
        return {key: each for key, each in self.settings().items() if key != "schedule"}


PARAMETERS = {name: each for name, each in Parameters.controls().items() if name != "schedule"}


def made(name: str, parameters: dict[str, Any]) -> Schedule:
    """The schedule of this name."""
    return SCHEDULES[name](**parameters) if name in SCHEDULES else own_schedule(name)


def own_schedule(name: str) -> Schedule:
    """The schedule that a model was trained with, from its scheduler's config alone.

    ValueError where there is no such file, or none that is a schedule on a grid of timesteps.
    """
    file = scheduler_file(MODELS[name])
    if file is None:
        raise ValueError(f"the schedule of the model {name} is not on this machine")
    folder = folder_of(MODELS[name], file.parent.parent).at("scheduler")
    return schedule_of(replace(folder, path=file.parent).json(file.name))


def scheduler_file(card: ModelCard) -> Path | None:
    """The config of a model's scheduler; None where it has none or is still on the hub."""
    part = "scheduler/scheduler_config.json"
    if card.revision:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(card.source, part, revision=card.revision)
        return Path(found) if isinstance(found, str) else None
    file = ROOT / card.source / part
    return file if file.exists() else None


def in_words(name: str) -> Say:
    """A schedule on the stage: in words where it has some; a model's without the owner."""
    if name not in SCHEDULES:
        return said("schedule.own", model=name.rpartition("/")[2])
    key = f"schedule.option.{name}"
    return said(key) if key in table("en") else name
