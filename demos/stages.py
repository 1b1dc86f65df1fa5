"""Panels that fill one after the other: how the last tab shows an inversion and its edits."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr
from torch import Tensor

from core.images import gray_uri
from core.models import Model
from core.samplers import Step
from core.schedules import Level
from demos.player import Reel
from demos.plots import facts, noise_share, percent, place


class Stage:
    """The five panels, filled one after the other."""

    def __init__(self, model: Model, reel: Reel, pictures: list[str]) -> None:
        """Start with these pictures."""
        self.model, self.reel, self.pictures = model, reel, pictures
        self.last: tuple[Tensor, Tensor] | None = None

    def show(self, panel: int, x: Tensor) -> None:
        """Put x into a panel; the others keep their pictures."""
        self.pictures = [*self.pictures]
        self.pictures[panel] = gray_uri(self.model.pixels(x))

    def streamed(self, steps, panel: int, doing: str):
        """Stream the steps of one panel; returns what the generator returns."""
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return stop.value
            self.show(panel, step.x)
            self.add(step, panel, doing)
            if self.reel.due():
                yield self.reel.message(), gr.skip()

    def pairs(self, pairs: Iterator[tuple[Step, Step]], doing: str):
        """Stream edit and SDEdit in step."""
        for ours, theirs in pairs:
            self.show(3, ours.x)
            self.show(4, theirs.x)
            self.add(ours, 3, doing)
            self.last = (ours.x_next, theirs.x_next)
            if self.reel.due():
                yield self.reel.message(), gr.skip()

    def rest(self, x: Tensor, level: Level, panel: int, text: str) -> None:
        """The frame in which a stage comes to rest."""
        self.show(panel, x)
        self.reel.add(self.pictures, text, pos=place(level), facts=facts(level), thumb=panel)

    def rest_pair(self, ends: tuple[Tensor, Tensor], level: Level, text: str) -> None:
        """The frame in which the edit comes to rest."""
        self.show(4, ends[1])
        self.rest(ends[0], level, 3, text)

    def add(self, step: Step, panel: int, doing: str) -> None:
        """One frame at the level of a step."""
        share = percent(noise_share(step.level))
        self.reel.add(
            self.pictures,
            f"{doing}: {share} of the variance is noise.",
            pos=place(step.level),
            facts=facts(step.level),
            thumb=panel,
        )
