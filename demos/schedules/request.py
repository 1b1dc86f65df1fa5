"""Which two schedules are compared, and what goes together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from core.drawn_schedules import DRAWN, parsed
from core.schedules import SCHEDULES, SPACINGS, Schedule
from demos.runs.fields import Choice, Table, Whole
from demos.runs.requests import Request
from demos.schedules.parameters import OTHER, PARAMETERS, defaults_of, in_words, made, offered
from demos.views.charts import PARTS, QUANTITIES
from demos.words import Refusal, Say, said
from demos.words.reasons import reason

SIDES = ("first", "second")
MOVES = "log_snr"  # with every schedule
SCHEDULE_DOC = "a schedule, or a model for the one that it was trained with"
TABLE_DOC = 'parameters of the {} schedule by name, such as {{"beta_end": 0.02}}; a model has none'


@dataclass(frozen=True)
class ScheduleRequest(Request):
    """The settings of one comparison of two schedules."""

    event: ClassVar[str] = "schedule"

    first: str = Choice(offered, "linear", look="menu", doc=SCHEDULE_DOC)
    second: str = Choice(offered, "cosine", look="menu", doc=SCHEDULE_DOC)
    quantity: str = Choice(QUANTITIES, "alpha_bar", look="menu")
    steps: int = Whole(1, 1000, 10, slider=(1, 100))
    spacing: str = Choice(SPACINGS, "trailing")
    digit: int = Whole(0, 9, 3, slider=(0, 9))
    first_parameters: Mapping[str, Any] | None = Table(
        PARAMETERS, OTHER, doc=TABLE_DOC.format("first")
    )
    second_parameters: Mapping[str, Any] | None = Table(
        PARAMETERS, OTHER, doc=TABLE_DOC.format("second")
    )

    def refusals(self) -> Iterator[tuple[str, Refusal]]:
        """What does not go together; ValueError for a model whose file holds no schedule."""
        for side in SIDES:
            for refusal in refused(self.name(side), self.given(side)):
                yield f"{side}_parameters", refusal
        lengths = [len(schedule) for schedule in self.pair]
        if len(set(lengths)) > 1:
            values = {"first": self.first, "second": self.second}
            yield (
                "second",
                Refusal("schedule.refused.length", a=lengths[0], b=lengths[1], **values),
            )
        for side, schedule in zip(SIDES, self.pair, strict=True):
            try:
                schedule.timesteps(self.steps, self.spacing)
            except ValueError:
                values = {"schedule": self.name(side), "timesteps": len(schedule)}
                values |= {"steps": self.steps, "spacing": self.spacing}
                yield "steps", Refusal("schedule.refused.steps", **values)

    def name(self, side: str) -> str:
        """The name of the first or the second schedule."""
        return getattr(self, side)

    def given(self, side: str) -> dict[str, Any]:
        """The parameters that were sent for a schedule."""
        return getattr(self, f"{side}_parameters") or {}

    @cached_property
    def pair(self) -> tuple[Schedule, Schedule]:
        """The two schedules."""
        first, second = (made(self.name(side), self.given(side)) for side in SIDES)
        return first, second

    def called_on_stage(self) -> tuple[Say, Say]:
        """The names of both, which differ."""
        first, second = in_words(self.first), in_words(self.second)
        return first, second if self.first != self.second else said("schedule.again", name=second)

    def still(self) -> Say | None:
        """The first of the schedules with which the chosen quantity does not move, if any.

        Where variance explodes, alpha stays 1 while sigma grows and the picture drowns.
        """
        for name, schedule in zip(self.called_on_stage(), self.pair, strict=True):
            if exploding(schedule) and constant(schedule, self.quantity):
                return name
        return None

    def shown(self) -> str:
        """The quantity that is drawn: one that moves."""
        return self.quantity if self.still() is None else MOVES

    def settings(self) -> dict[str, Any]:
        """What repeats the comparison: the quantity is the one that is drawn."""
        return super().settings() | {"quantity": self.shown()}

    @classmethod
    def linked(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """The settings, of the parameters those alone that differ from the schedule's own."""
        tables = {side: settings.get(f"{side}_parameters") or {} for side in SIDES}
        changed = {}
        for side, given in tables.items():
            own = defaults_of(settings[side]) if side in settings else {}
            kept = {key: value for key, value in given.items() if value != own.get(key)}
            changed[f"{side}_parameters"] = kept or None
        return {**settings, **changed}

    def title(self) -> Say:
        """Both schedules and the visited timesteps, then all else that was changed."""
        first, second = self.called_on_stage()
        spacing = said(f"spacing.option.{self.spacing}")
        head = said(
            "schedule.title", first=first, second=second, steps=self.steps, spacing=spacing
        )
        parts: list[Say] = [head]
        for side, name in zip(SIDES, (first, second), strict=True):
            defaults = defaults_of(self.name(side))
            changed = {k: v for k, v in self.given(side).items() if v != defaults[k]}
            parts += [changed_parameter(name, *each) for each in changed.items()]
        changed = self.changed()
        if "quantity" in changed:
            quantity = said(f"quantity.option.{self.shown()}")
            parts.append(said("schedule.title.quantity", quantity=quantity))
        if "digit" in changed:
            parts.append(said("schedule.title.digit", digit=self.digit))
        return parts


def refused(name: str, given: dict[str, Any]) -> Iterator[Refusal]:
    """Why a schedule cannot have these parameters."""
    taken = defaults_of(name)
    if given and name not in SCHEDULES:
        yield Refusal("schedule.refused.fixed", model=name)
    for key in given:
        if key not in taken:
            options = ", ".join(taken)
            yield Refusal("schedule.refused.parameter", schedule=name, name=key, options=options)
    values = taken | given
    if {"beta_start", "beta_end"} <= set(values) and values["beta_start"] > values["beta_end"]:
        low, high = values["beta_start"], values["beta_end"]
        yield Refusal("schedule.refused.betas", schedule=name, low=low, high=high)
    if {"sigma_min", "sigma_max"} <= set(values) and values["sigma_min"] >= values["sigma_max"]:
        low, high = values["sigma_min"], values["sigma_max"]
        yield Refusal("schedule.refused.sigmas", schedule=name, low=low, high=high)
    if name == DRAWN:
        try:
            parsed(values["points"])
        except ValueError as error:
            yield Refusal("points.refused", reason=reason(error))


def exploding(schedule: Schedule) -> bool:
    """Whether its noisy pictures have to be scaled to be shown: alpha^2 + sigma^2 is not 1."""
    return bool(((schedule.alpha**2 + schedule.sigma**2 - 1).abs() > 1e-3).any())


def constant(schedule: Schedule, quantity: str) -> bool:
    """Whether a quantity is the same at every timestep."""
    each = [getattr(schedule, part) for part in PARTS.get(quantity, (quantity,))]
    return all((values - values[0]).abs().max() < 1e-9 for values in each)


def changed_parameter(schedule: Say, name: str, value: Any) -> Say:
    """A parameter in the title."""
    if name == "points":
        quantity, points = parsed(value)
        drawn = said(f"quantity.option.{quantity}")
        return said("schedule.title.points", count=len(points), quantity=drawn)
    if isinstance(value, bool):
        flag = said(f"schedule.{name}.label")
        return said("schedule.title.flag", schedule=schedule, name=flag)
    return said("schedule.title.parameter", schedule=schedule, name=name, value=value)
