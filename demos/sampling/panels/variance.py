"""The variance that a network has learned, pixel by pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from core.images import signed_uri
from core.metrics import rms
from core.samplers import Step, learned_spread, spreads
from core.tapes import Panel, Say, later
from demos.sampling.panels.base import GUESS, Panels, Part, noisy, scale
from demos.words import Refusal, said

if TYPE_CHECKING:
    from demos.sampling.request import SampleRequest


class VariancePanels(Panels):
    """Where between both ends the variance of a step back lies, and which one that is."""

    @staticmethod
    def refusal(request: SampleRequest) -> Refusal | None:
        """The network must have learned one."""
        if request.card.variance:
            return None
        return Refusal("sample.refused.learned", model=request.model)

    def made(self) -> tuple[Panel, ...]:
        """Beside the guess, that is where edges are open, and so is the variance."""
        return (
            Panel("x_t", "xₜ", said(noisy(self.model, self.request)), phone=False),
            GUESS,
            Panel("place", "f", said("panel.variance"), "difference"),
        )

    def parts(self, step: Step) -> dict[str, Part]:
        """The place from the posterior's (0) to the forward step's (1), in colours."""
        place = self.place(step)
        self.contrast = rms(place - place.mean())
        return {
            "x_t": step.x / scale(step.level),
            "x0": step.prediction.x0,
            "place": later(signed_uri, place - 0.5, 0.5),
        }

    def place(self, step: Step) -> Tensor:
        """What the network has put out beside its prediction."""
        if step.prediction.log_variance is None:
            raise Refusal("sample.refused.learned", model=self.request.model)
        return step.prediction.log_variance

    def formula(self, step: Step) -> list[Say]:
        """The standard deviations of this step: of both ends, and the learned one."""
        if step.next_level.sigma == 0:
            return [said("sample.variance.last")]
        low, high = spreads(step.level, step.next_level)
        learned = rms(learned_spread(step.level, step.next_level, step.prediction))
        return [said("sample.variance", low=low, learned=learned, high=high)]
