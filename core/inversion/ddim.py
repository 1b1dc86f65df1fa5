"""DDIM inversion: the deterministic sampler, run from clean to noisy."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from torch import Tensor

from core.denoisers import lookahead
from core.inversion.base import Inversion, resample
from core.models import Model
from core.samplers import SAMPLERS, Step


@dataclass(frozen=True)
class DDIMInversion:
    """x_(i+1) = alpha_(i+1) x0 + sigma_(i+1) eps, with eps seen in x_i.

    Attributes:
        name: key of INVERSIONS.
        label: which level the denoiser is told: "target" (level i + 1: the first fixed-point
            iterate of the implicit inverse) or "current" (level i: Euler's rule as written).
    """

    name: str
    label: str
    source: str
    exact: str = "no: the round trip errs by O(1 / steps)"
    needs_gradients: bool = False
    strength: float = 1.0

    def invert(
        self,
        model: Model,
        x0: Tensor,
        prompt: str | Sequence[str] = "",
        *,
        steps: int = 50,
        guidance: float = 1.0,
        seed: int = 0,
        spacing: str = "trailing",
    ) -> Generator[Step, None, Inversion]:
        """Carry x0 to noise; deterministic, so `seed` changes nothing."""
        levels = model.schedule.levels(steps, spacing)[::-1]
        denoise = model.denoiser(prompt, guidance=guidance)
        if self.label == "target":
            denoise = lookahead(denoise, levels)
        trajectory, calls = [x0], 0
        for step in SAMPLERS["ddim"](denoise, x0, levels):
            trajectory.append(step.x_next)
            calls = step.calls
            yield step
        return Inversion(model, self.name, prompt, guidance, levels, trajectory, calls)

    def edit(
        self,
        inversion: Inversion,
        prompt: str | Sequence[str],
        *,
        guidance: float | None = None,
        strength: float | None = 1.0,
        mask: Tensor | None = None,
    ) -> Generator[Step, None, Tensor]:
        """Sample from level k of the trajectory with another prompt."""
        strength = self.strength if strength is None else strength
        return (yield from resample(inversion, prompt, guidance, strength, mask))
