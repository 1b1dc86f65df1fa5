"""What a classifier of noise does to the guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from core.classifier_guidance import ClassifierGuided
from core.denoisers import Denoiser, Prediction
from core.images import signed_uri
from core.metrics import rms
from core.samplers import Step
from core.schedules import Level
from core.tapes import Panel, Say, later
from demos.sampling.panels.base import Panels, Part, noisy, scale
from demos.words import Refusal, said

if TYPE_CHECKING:
    from demos.sampling.request import SampleRequest


STRONG = 0.3  # what the classifier adds is coloured up to: it is small beside the guess


class Pushed:
    """A denoiser guided by a classifier, whose parts can be looked at after each call."""

    def __init__(self, guided: ClassifierGuided) -> None:
        """Watch this one."""
        self.guided, self.cost = guided, guided.cost
        self.plain: Prediction
        self.gradient: Tensor

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """The guided prediction; its parts are kept."""
        self.plain, self.gradient = self.guided.parts(x, level)
        return self.guided.combined(self.plain, self.gradient, x, level)


class ClassifierPanels(Panels):
    """What a classifier of noise does: the guess without it, what its gradient adds, with it."""

    @staticmethod
    def refusal(request: SampleRequest) -> Refusal | None:
        """There has to be a classifier."""
        return None if request.classified else Refusal("sample.refused.by_classifier")

    def denoiser(self) -> Denoiser:
        """The guided denoiser, watched."""
        guided = super().denoiser()
        if not isinstance(guided, ClassifierGuided):
            raise Refusal("sample.refused.by_classifier")
        self.watched = Pushed(guided)
        return self.watched

    def made(self) -> tuple[Panel, ...]:
        """Without, what is added, with; and x_t, which the classifier reads."""
        return (
            Panel("x_t", "xₜ", said(noisy(self.model, self.request)), phone=False),
            Panel("without", "x̂₀(∅)", said("panel.any")),
            Panel("gradient", "σ²∇/α", said("panel.gradient"), "difference"),
            Panel("x0", "x̂₀", said("panel.pushed"), "signal"),
        )

    def parts(self, step: Step) -> dict[str, Part]:
        """The gradient as what it adds to x0 at scale 1, in colours."""
        level, seen = step.level, self.watched
        added = level.sigma**2 / level.alpha * seen.gradient
        self.contrast = rms(added)
        return {
            "x_t": step.x / scale(level),
            "without": seen.plain.x0,
            "gradient": later(signed_uri, added, STRONG),
            "x0": step.prediction.x0,
        }

    def formula(self, step: Step) -> list[Say]:
        """How sure the classifier is of the label in x_t, of the first picture."""
        guided = self.watched.guided
        if step.level.sigma == 0:
            return []
        seen = guided.classify(step.x[:1], step.level).softmax(1)[0, guided.label]
        values = {"label": self.request.label, "share": seen.item()}
        return [said("sample.classifier", scale=self.request.guidance, **values)]
