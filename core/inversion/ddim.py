"""DDIM inversion: the deterministic sampler, run from clean to noisy."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from torch import Tensor

from core.denoisers import lookahead
from core.inversion.base import Inversion, Method, Prompt
from core.models import Model
from core.samplers import SAMPLERS, Step


@dataclass(frozen=True, kw_only=True)
class DDIMInversion(Method):
    """x_(i+1) = alpha_(i+1) x0 + sigma_(i+1) eps, with eps seen in x_i.

    Attributes:
        label: which level the denoiser is told: "target" (level i + 1: the first fixed-point
            iterate of the implicit inverse) or "current" (level i: Euler's rule as written).
    """

    label: str = "target"
    exact: str = "no: the round trip errs by O(1 / N)"

    def invert(
        self,
        model: Model,
        x0: Tensor,
        prompt: Prompt = "",
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


@dataclass(frozen=True, kw_only=True)
class Pivotal(DDIMInversion):
    """Methods that correct the way down along DDIM's inversion at guidance 1, their pivot.

    Inverting with guidance inflates the noise, so `guidance` is that of the edits alone.
    """

    def invert(
        self,
        model: Model,
        x0: Tensor,
        prompt: Prompt = "",
        *,
        steps: int = 50,
        guidance: float = 1.0,
        seed: int = 0,
        spacing: str = "trailing",
    ) -> Generator[Step, None, Inversion]:
        """Carry x0 to noise at guidance 1; deterministic, so `seed` changes nothing."""
        pivot = yield from super().invert(model, x0, prompt, steps=steps, spacing=spacing)
        return replace(pivot, guidance=guidance)
