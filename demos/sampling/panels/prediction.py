"""What the model sees in x: the clean picture and the noise."""

from __future__ import annotations

from core.images import signed_uri
from core.samplers import Step
from core.tapes import Panel, Say, later
from demos.sampling.panels.base import GUESS, Panels, Part, noisy, scale
from demos.words import said


class PredictionPanels(Panels):
    """The noisy picture, the predicted clean picture, the predicted noise."""

    done = "sample.done"

    def made(self) -> tuple[Panel, ...]:
        """What x_t is depends on the model; one that remembers pictures shows the nearest."""
        space, nearest = self.model.card.space, ()
        self.known = self.model.empirical(self.request.condition)
        if self.known is not None:
            nearest = (Panel("nearest", "xᵢ", said("panel.nearest"), phone=False),)
        return (
            Panel("x_t", "xₜ", said(noisy(self.model, self.request))),
            GUESS,
            Panel("eps", "ε̂", said(f"panel.eps.{space}"), "noise", phone=False),
            *nearest,
        )

    def parts(self, step: Step) -> dict[str, Part]:
        """x scaled to unit variance, x0, eps in colours, the nearest training picture."""
        x0, eps = step.prediction.x0, later(signed_uri, step.prediction.eps)
        parts: dict[str, Part] = {"x_t": step.x / scale(step.level), "x0": x0, "eps": eps}
        if self.known is not None:
            parts["nearest"] = self.known.images[self.known.nearest(x0)]
        return parts

    def formula(self, step: Step) -> list[Say]:
        """x_t = alpha x0 + sigma eps."""
        return [said("sample.formula", alpha=step.level.alpha, sigma=step.level.sigma)]
