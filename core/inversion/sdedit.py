"""SDEdit, the baseline: add noise to the picture, then denoise it with another prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from core.denoisers import Prediction
from core.inversion.base import Climb, Inversion, Method
from core.noise import seeded
from core.samplers import Step


@dataclass(frozen=True, kw_only=True)
class SDEdit(Method):
    """x_k = alpha_k x0 + sigma_k eps with one random eps: nothing is inverted."""

    name: str = "sdedit"
    title: str = "SDEdit, no inversion"
    source: str = "Meng et al. 2022, https://arxiv.org/abs/2108.01073"
    exact: str = "no: the noise is random, the picture is not encoded in it"
    calls_up: int = 0
    strength: float = 0.6

    def climb(self, start: Inversion, seed: int) -> Climb:
        """x0 with more and more of the same eps; no network calls."""
        x0 = start.trajectory[0]
        eps = seeded(seed, len(x0))(x0)
        noised = [level.alpha * x0 + level.sigma * eps for level in start.levels[1:]]
        trajectory = [x0, *noised]
        for i, (level, above) in enumerate(pairwise(start.levels)):
            x, after = trajectory[i : i + 2]
            yield Step(i, level, above, x, after, Prediction(x0, eps), 0)
        return replace(start, trajectory=trajectory)
