"""DDIM inversion: the deterministic sampler, run from clean to noisy."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.denoisers import lookahead
from core.inversion.base import Climb, Inversion, Method
from core.samplers import SAMPLERS


@dataclass(frozen=True, kw_only=True)
class DDIMInversion(Method):
    """x_(i+1) = alpha_(i+1) x0 + sigma_(i+1) eps, with eps seen in x_i.

    Attributes:
        label: which level the denoiser is told: "target" (level i + 1: the first fixed-point
            iterate of the implicit inverse) or "current" (level i: Euler's rule as written).
    """

    label: str = "target"
    exact: str = "no: the round trip errs by O(1 / N)"

    def climb(self, start: Inversion, seed: int) -> Climb:
        """DDIM's sampler, over ascending levels."""
        denoise = start.model.denoiser(start.prompt, guidance=start.guidance)
        if self.label == "target":
            denoise = lookahead(denoise, start.levels)
        trajectory, calls = start.trajectory, 0
        for step in SAMPLERS["ddim"](denoise, trajectory[0], start.levels):
            trajectory = [*trajectory, step.x_next]
            calls = step.calls
            yield step
        return replace(start, trajectory=trajectory, calls=calls)


@dataclass(frozen=True, kw_only=True)
class Pivotal(DDIMInversion):
    """Methods that correct the way down along DDIM's inversion at guidance 1, their pivot.

    Inverting with guidance inflates the noise, so `guidance` is that of the edits alone.
    """

    def climb(self, start: Inversion, seed: int) -> Climb:
        """DDIM's steps at guidance 1."""
        pivot = yield from super().climb(replace(start, guidance=1.0), seed)
        return replace(pivot, guidance=start.guidance)
