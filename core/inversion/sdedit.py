"""SDEdit, the baseline: add noise to the picture, then denoise it with another prompt."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from torch import Tensor

from core.denoisers import Prediction
from core.inversion.base import Inversion, Method, Prompt
from core.models import Model
from core.samplers import Step, seeded


@dataclass(frozen=True, kw_only=True)
class SDEdit(Method):
    """x_k = alpha_k x0 + sigma_k eps with one random eps: nothing is inverted."""

    name: str = "sdedit"
    title: str = "SDEdit, no inversion"
    source: str = "Meng et al. 2022, https://arxiv.org/abs/2108.01073"
    exact: str = "no: the noise is random, the picture is not encoded in it"
    cost: str = "0 up, k down"
    strength: float = 0.6

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
        """Noise x0 to every level with the same eps; no network calls."""
        levels = model.schedule.levels(steps, spacing)[::-1]
        eps = seeded(seed, len(x0))(x0)
        trajectory = [level.alpha * x0 + level.sigma * eps for level in levels]
        trajectory[0] = x0
        for index in range(steps):
            pair = (trajectory[index], trajectory[index + 1])
            yield Step(index, levels[index], levels[index + 1], *pair, Prediction(x0, eps), 0)
        return Inversion(model, self.name, prompt, guidance, levels, trajectory, 0)
