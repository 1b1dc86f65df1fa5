"""Inpainting: a part of a picture is known, the rest is sampled to fit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from torch import Tensor

from core.images import pixels_uri
from core.masks import enlarged
from core.metrics import psnr
from core.models import Model
from core.repaint import itinerary, repaint
from core.tapes import Frame, Panel, later
from demos.experiments.kinds.base import GUESS, NOISY, Experiment
from demos.experiments.kinds.known import known
from demos.experiments.kinds.places import region
from demos.pictures.masks import tinted
from demos.words import said

if TYPE_CHECKING:
    from demos.experiments.request import ExperimentRequest

JUMP = 10  # levels that a way back up has
KNOWN = Panel("known", "x₀", said("panel.known"))


class Inpainting(Experiment):
    """RePaint: down, back up by ten levels, and down again."""

    panels = (KNOWN, NOISY, GUESS)

    def __init__(self, model: Model, request: ExperimentRequest) -> None:
        """Count the steps of the way, which turns back on itself."""
        super().__init__(model, request)
        self.clean = self.placed(known(model, request))
        self.mask = region(request.place, request.painted, self.clean)
        self.total = 1 + sum(1 for _ in self.downs())

    @staticmethod
    def uses(request: ExperimentRequest) -> Collection[str]:
        """Which picture, where it is unknown, how often the way is walked, and as what."""
        return "known", "place", "repeats", "condition"

    @staticmethod
    def rows(request: ExperimentRequest) -> int:
        """Every stretch is walked as often."""
        return request.repeats

    def downs(self) -> Iterator[int]:
        """How many steps are left after each step down."""
        everywhere = bool((self.mask == 1).all())
        repeats = 1 if everywhere else self.request.repeats
        before = self.request.steps
        for left in itinerary(self.request.steps, JUMP, repeats):
            if left < before:
                yield left
            before = left

    def frames(self) -> Iterator[Frame]:
        """A frame for every step down."""
        x, noise = self.start()
        shown = later(pixels_uri, tinted(self.pixels(self.clean), self.mask))
        denoise = self.denoiser(self.request.condition)
        run = repaint(
            denoise, x, self.levels, known=self.clean, mask=self.mask, noise=noise, jump=JUMP,
            repeats=self.request.repeats,
        )  # fmt: skip
        top = 0
        for step in run:
            x0, calls = step.prediction.x0, step.calls * denoise.cost
            index = self.levels.index(step.level)
            say = [self.here(index, step.level, x0)]
            say += [said("experiment.again")] if index < top else []
            top = max(top, index)
            parts = {"known": shown, "x_t": step.x, "x0": x0}
            yield self.frame(say, step.level, parts, calls=calls, x0=x0)
        end = step.x_next
        parts = {"known": shown, "x_t": end, "x0": end}
        say = [said("experiment.painted", ratio=self.kept(end)), *self.reading(
            "experiment.read", end)]  # fmt: skip
        yield self.frame(say, step.next_level, parts, calls=calls, x0=end, done=True)

    def kept(self, end: Tensor) -> float:
        """PSNR of the picture where it was known."""
        pixels = self.pixels(end), self.pixels(self.clean)
        keep = ~enlarged(self.mask, pixels[0]).expand_as(pixels[0])
        return psnr(*(each[keep] for each in pixels))
