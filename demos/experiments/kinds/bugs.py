"""The bug lab: a run with a mistake beside the run without it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from core.metrics import psnr, rms
from core.mistakes import MISTAKES, Given, mistaken, predicted
from core.models import Model
from core.samplers import Step
from core.tapes import Frame, Panel, Say
from demos.experiments.kinds.base import Experiment, difference
from demos.experiments.kinds.known import PICTURE, known
from demos.words import Refusal, said

if TYPE_CHECKING:
    from demos.experiments.request import ExperimentRequest

OUTPUTS = {  # what a network predicts, as it is written
    "epsilon": "ε",
    "sample": "x₀",
    "v_prediction": "v = α ε − σ x₀",
    "flow": "u = ε − x₀",
}


class Bugs(Experiment):
    """Both runs from the same start, with the same fresh noise."""

    strip = "wrong"

    def __init__(self, model: Model, request: ExperimentRequest) -> None:
        """Take the spacing and the way from the mistake."""
        self.case = MISTAKES[request.bug]
        self.spacing = self.case.spacing
        super().__init__(model, request)
        self.clean = self.placed(known(model, request)) if self.case.inverts else None
        right, wrong = ("x̂₀", "x̂₀′") if self.clean is None else ("xₜ", "xₜ′")
        minus = f"{wrong} − {right}"
        self.panels = (
            *(() if self.clean is None else (PICTURE,)),
            Panel("right", right, said("panel.right"), "signal"),
            Panel("wrong", wrong, said("panel.wrong"), "first"),
            Panel("difference", minus, said("panel.wrong.difference"), "difference", phone=False),
        )
        if self.clean is not None:
            self.levels = [*reversed(self.levels), *self.levels[1:]]
            self.total = len(self.levels)

    @staticmethod
    def uses(request: ExperimentRequest) -> Collection[str]:
        """Which mistake, and of what."""
        return ("bug", "known") if MISTAKES[request.bug].inverts else ("bug", "condition")

    @staticmethod
    def refusals(request: ExperimentRequest) -> Iterator[tuple[str, Refusal]]:
        """Guidance can be misread where there is some, and a network where there is one."""
        if MISTAKES[request.bug].network and request.card.denoiser != "network":
            yield "bug", Refusal("experiment.refused.network", model=request.model)
        if not MISTAKES[request.bug].guided:
            return
        if request.card.told:
            yield "bug", Refusal("sample.refused.split_told", model=request.model)
        elif request.guidance == 1 or not request.condition:
            yield "bug", Refusal("experiment.refused.guidance")

    @staticmethod
    def rows(request: ExperimentRequest) -> int:
        """Two runs; up and down is twice the way."""
        return 4 if MISTAKES[request.bug].inverts else 2

    def given(self) -> Given:
        """What a run starts from; both draw the same noise."""
        if self.clean is None:
            (x, noise), denoise = self.start(), self.denoiser(self.request.condition)
        else:
            x, noise = self.clean, self.model.draw(self.request.seed)
            denoise = self.model.denoiser(self.request.of_known)
        return Given(denoise, x, self.levels, noise, self.model.schedule)

    def frames(self) -> Iterator[Frame]:
        """A frame for every step of both, and their ends."""
        given = self.given()
        self.why, self.cost = self.reason(given), 2 * given.denoise.cost
        for right, wrong in zip(self.case.right(given), self.case.run(self.given()), strict=True):
            seen = right.prediction.x0, wrong.prediction.x0
            say = [self.here(right.index, right.level, seen[0])]
            say += [] if right.index else [self.why]
            yield self.both(say, right, *(seen if self.clean is None else (right.x, wrong.x)))
        ends = right.x_next, wrong.x_next
        yield self.both(self.said(*ends), right, *ends, done=True)

    def reason(self, given: Given) -> Say:
        """What is wrong, and what comes of it."""
        values: dict[str, Any] = {"last": len(self.model.schedule) - 1}
        if self.request.bug == "other_type":
            kind = predicted(given.denoise)
            values |= {"kind": OUTPUTS[kind], "other": OUTPUTS[mistaken(kind)]}
        return said(f"experiment.why.{self.request.bug}", **values)

    def both(
        self, say: list[Say], step: Step, right: Tensor, wrong: Tensor, done: bool = False
    ) -> Frame:
        """One frame: what both runs have, and how far apart that is."""
        shown = [self.pixels(each) for each in (right, wrong)]
        parts = {"right": right, "wrong": wrong, "difference": difference(shown[1], shown[0])}
        parts |= {} if self.clean is None else {"picture": self.clean}
        level = step.next_level if done else step.level
        says = [*say, said("experiment.apart", rms=rms(shown[1] - shown[0]))]
        return self.frame(says, level, parts, calls=self.cost * step.calls, x0=right, done=done)

    def said(self, right: Tensor, wrong: Tensor) -> list[Say]:
        """What the mistake has done, measured, and why."""
        if torch.equal(right, wrong):
            return [said("experiment.same")]
        if self.clean is None:
            read = self.reading("experiment.read.right", right)
            return [self.why, *read, *self.reading("experiment.read.wrong", wrong)]
        pixels = [self.pixels(each) for each in (self.clean, right, wrong)]
        ratios = {"right": psnr(pixels[1], pixels[0]), "wrong": psnr(pixels[2], pixels[0])}
        return [self.why, said("experiment.returned", **ratios)]
