"""What a classifier of noise does to the guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.classifier_guidance import ClassifierGuided
from core.denoisers import Denoiser
from core.images import signed_uri
from core.metrics import rms
from core.samplers import Step
from core.tapes import Panel, Say, later
from demos.sampling.panels.base import Panels, Part, noisy, scale
from demos.sampling.panels.guidance import Watched
from demos.words import Refusal, said

if TYPE_CHECKING:
    from demos.sampling.request import SampleRequest

STRONG = 0.3  # what the classifier adds is coloured up to: it is small beside the guess


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
        self.posterior, self.watched = guided.posterior, Watched(guided)
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
        pushed, plain = self.watched.seen
        added = pushed.x0 - plain.x0
        self.contrast = rms(added)
        return {
            "x_t": step.x / scale(step.level),
            "without": plain.x0,
            "gradient": later(signed_uri, added, STRONG),
            "x0": step.prediction.x0,
        }

    def formula(self, step: Step) -> list[Say]:
        """How sure the classifier is of the label in x_t, of the first picture."""
        read = self.posterior.classify(step.x[:1], step.level).softmax(1)
        seen = read[0, self.posterior.label]
        values = {"label": self.request.label, "share": seen.item()}
        return [said("sample.classifier", scale=self.request.guidance, **values)]
