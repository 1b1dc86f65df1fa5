"""Five panels that fill one after the other: how an inversion and its edits become frames."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from core.images import BLANK, pixels_uri, signed_uri
from core.metrics import rms
from core.models import Model
from core.samplers import Step
from core.schedules import Level
from core.tapes import Frame, Panel, Picture, Say, later
from demos.runs.archive import half, preview_uri
from demos.views.numbers import noise_power, of_level, place
from demos.words import said

ORDER = ("picture", "up", "back", "edit", "random")


def panels_of(model: Model, method: str) -> tuple[Panel, ...]:
    """The five panels; of latents the way to noise is shown channel by channel."""
    way = "random" if method == "sdedit" else "invert"
    shown = said(f"panel.{way}.{model.card.space}", channels=model.shape[0])
    return (
        Panel("picture", "x₀", said("panel.picture")),
        Panel("up", "xₜ ↑", shown, "noise"),
        Panel("back", "xₜ ↓", said("panel.back"), "signal"),
        Panel("edit", "xₜ ↓", said("panel.edit"), "difference"),
        Panel("random", "xₜ ↓", said("panel.random")),
    )


class Show:
    """The panels as they are now, and the frames that are made of them.

    While latents stream they are shown approximately, and kept in half precision, so that a frame
    can be decoded later; where a stage comes to rest they are decoded at once.
    """

    def __init__(self, model: Model, x0: Tensor, pictures: Mapping[str, Picture]) -> None:
        """Start with these pictures of x0, and leave the other panels empty."""
        self.model, self.x0 = model, x0
        self.pictures: dict[str, Picture] = dict.fromkeys(ORDER, BLANK) | dict(pictures)
        self.previews: dict[str, Tensor] = {}  # the latents behind approximate pictures
        self.known: dict[str, float] = {}  # numbers of an earlier stage
        self.doubts: Sequence[Say] = ()
        self.off: list[float] = []  # of the way up, at each level of the way back
        self.last: tuple[Tensor, Tensor] | None = None

    def put(self, panel: str, x: Tensor, pixels: Tensor | None = None) -> None:
        """Put x into a panel, or its `pixels`, decoded; the others keep their pictures."""
        self.previews.pop(panel, None)
        if panel == "up" and self.model.card.space == "latents":
            self.pictures[panel] = later(signed_uri, x)
        elif pixels is not None:
            self.pictures[panel] = pixels_uri(pixels)
        else:
            self.pictures[panel] = later(preview_uri, self.model, x)
            if not self.model.preview_exact:
                self.previews[panel] = half(x)

    def streamed(
        self, steps: Generator[Step, None, Any], panel: str, doing: str, asked: Say, path=()
    ) -> Generator[Frame, None, Any]:
        """The frames of the steps of one panel; returns what the generator of steps returns.

        `path` is the way up that a reconstruction should find again: how far off it is, is said.
        """
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return stop.value
            self.put(panel, step.x)
            if path:
                self.off.append(rms(step.x - path[-1 - step.index]))
            fitting = panel == "up" and step.next_level.log_snr > step.level.log_snr
            key = "invert.fitting" if fitting else doing
            yield self.step(step, panel, key, asked, self.off[-1] if path else None)

    def pairs(
        self, pairs: Iterator[tuple[Step, Step]], doing: Say
    ) -> Generator[Frame, None, tuple[Tensor, Tensor]]:
        """The frames of an edit and of SDEdit in step; returns their ends."""
        ends = (self.x0, self.x0)
        for ours, theirs in pairs:
            self.put("edit", ours.x)
            self.put("random", theirs.x)
            say = [doing, said("invert.share", share=noise_power(ours.level, self.x0, self.power))]
            yield self.frame(ours.level, "edit", say, {"calls": ours.calls})
            ends = (ours.x_next, theirs.x_next)
        return ends

    def rest(
        self, ends: Mapping[str, tuple[Tensor, Tensor | None]], level: Level, say: Say
    ) -> Frame:
        """The frame in which a stage comes to rest: latents and their pixels, if any, by panel."""
        for panel, end in ends.items():
            self.put(panel, *end)
        return self.frame(level, next(iter(ends)), say)

    @property
    def power(self) -> float:
        """Of the model's noise."""
        return self.model.noise_power

    def step(self, step: Step, panel: str, key: str, asked: Say, off: float | None) -> Frame:
        """One frame at the level of a step; `off` is its distance to the way up."""
        share = noise_power(step.level, self.x0, self.power)
        say: list[Say] = [said(key, asked=asked), said("invert.share", share=share)]
        numbers: dict[str, float] = {"calls": step.calls}
        if off is not None:
            say.append(said("invert.off", off=off))
            numbers["off"] = off
        return self.frame(step.level, panel, say, numbers)

    def frame(
        self, level: Level, panel: str, say: Say, numbers: Mapping[str, float] | None = None
    ) -> Frame:
        """One frame of the pictures as they are now."""
        return Frame(
            pictures=dict(self.pictures),
            say=say,
            pos=place(level),
            numbers={**of_level(level), **(numbers or {}), **self.known},
            doubts=self.doubts,
            thumb=panel,
            approximate=tuple(self.previews),
            latents=dict(self.previews),
        )
