"""What classifier-free guidance is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from core.denoisers import Denoiser, Guided, Prediction
from core.images import signed_uri
from core.metrics import rms
from core.samplers import Step
from core.schedules import Level
from core.tapes import Panel, later
from demos.sampling.panels.base import Panels, Part
from demos.words import Refusal, said

WONDER = 7.5  # the guidance to wonder about, until a learner chooses another one

if TYPE_CHECKING:
    from demos.sampling.request import SampleRequest


class Watched:
    """A guided denoiser whose two branches can be looked at after each call."""

    def __init__(self, guided: Guided) -> None:
        """Watch this one."""
        self.guided, self.cost = guided, guided.cost
        self.seen: tuple[Prediction, Prediction]

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """The guided prediction; its branches are kept."""
        self.seen = self.guided.branches(x, level)
        return self.guided.combined(*self.seen)


class GuidancePanels(Panels):
    """What guidance is made of: both branches, their difference, the guided prediction."""

    splits = True

    @staticmethod
    def refusal(request: SampleRequest) -> Refusal | None:
        """There have to be two branches."""
        if request.card.told:
            return Refusal("sample.refused.split_told", model=request.model)
        if request.classified:
            return Refusal("sample.refused.split_classifier")
        return Refusal("sample.refused.split") if request.guidance == 1 else None

    def denoiser(self) -> Denoiser:
        """The guided denoiser, watched."""
        guided = super().denoiser()
        if not isinstance(guided, Guided):
            raise Refusal("sample.refused.split")
        self.watched = Watched(guided)
        return self.watched

    def made(self) -> tuple[Panel, ...]:
        """Without and with the condition, what differs, the two mixed as asked and as wondered."""
        return (
            Panel("without", "x̂₀(∅)", said("panel.without")),
            Panel("with", "x̂₀(c)", said("panel.with"), "first"),
            Panel("difference", "c − ∅", said("panel.difference"), "difference", phone=False),
            Panel("x0", "x̂₀", said("panel.guided"), "signal"),
            Panel("what_if", "x̂₀(w)", said("panel.what_if"), "second", phone=False),
        )

    def parts(self, step: Step) -> dict[str, Part]:
        """Both branches, their difference in colours, the guided picture twice."""
        yes, no = self.watched.seen
        difference = later(signed_uri, yes.x0 - no.x0, 1.0)
        self.contrast = rms(yes.x0 - no.x0)
        mixed = {"x0": step.prediction.x0, "what_if": torch.lerp(no.x0, yes.x0, WONDER)}
        return {"without": no.x0, "with": yes.x0, "difference": difference, **mixed}
