"""The step taken apart."""

from __future__ import annotations

from core.images import signed_uri
from core.metrics import rms
from core.samplers import Step
from core.tapes import Panel, Say, later
from core.updates import apart
from demos.sampling.panels.base import Panels, Part, noisy, scale, scales
from demos.words import said

SMALL = 0.1  # what a correction is coloured up to: it is small beside the other parts


class UpdatePanels(Panels):
    """The step taken apart: the parts that add up to the next picture, all on one scale."""

    spectra = True
    strip = "x_next"
    done = "sample.done.update"

    def made(self) -> tuple[Panel, ...]:
        """Fresh noise where some is drawn, a correction where the sampler has one."""
        request, scaled = self.request, scales(self.model, self.request)
        self.draws, self.corrects = request.adds_noise(), request.solver.order > 1
        fresh = Panel("fresh", "+ c z", said("panel.fresh"), "noise")
        correction = Panel("correction", "+ Δ", said("panel.correction"), "difference")
        return (
            Panel("x_t", "xₜ", said(noisy(self.model, request))),
            Panel("signal", "a x̂₀", said("panel.part.signal"), "signal"),
            Panel("direction", "+ b ε̂", said("panel.part.direction"), "noise"),
            *([fresh] if self.draws else []),
            *([correction] if self.corrects else []),
            Panel("x_next", "xₛ", said("panel.x_next.scaled" if scaled else "panel.x_next")),
        )

    def parts(self, step: Step) -> dict[str, Part]:
        """x_t; then the parts and their sum, scaled as one to unit variance."""
        update, unit = apart(step), scale(step.next_level)
        self.contrast = min(rms(update.x0), rms(update.eps)) / unit  # where both parts count
        parts: dict[str, Part] = {
            "x_t": step.x / scale(step.level),
            "signal": update.x0 / unit,
            "direction": later(signed_uri, update.eps / unit, 1.0),
        }
        if self.draws:
            parts["fresh"] = later(signed_uri, update.fresh / unit, 1.0)
        if self.corrects:
            parts["correction"] = later(signed_uri, update.correction / unit, SMALL)
        return parts | {"x_next": step.x_next / unit}

    def formula(self, step: Step) -> list[Say]:
        """x_s as the sum of its parts."""
        update = apart(step)
        kind = ("plain", "fresh", "corrected", "both")[self.draws + 2 * self.corrects]
        values = update.weights._asdict() | {"correction": rms(update.correction)}
        return [said(f"sample.update.{kind}", **values)]
