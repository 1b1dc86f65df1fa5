"""Edit-friendly DDPM inversion: noise maps that make ancestral sampling return the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from core.denoisers import Prediction
from core.inversion.base import Climb, Inversion, Method, Move, Mover, Target
from core.noise import seeded
from core.samplers import Step
from core.schedules import Level


@dataclass(frozen=True, kw_only=True)
class EditFriendly(Method):
    """z_i = alpha_i x0 + sigma_i eps_i with a fresh eps_i per level; r_i = z_(i-1) - mu(z_i).

    mu is the mean of the ancestral step (DDIM at eta = 1). The edit is x_(i-1) = mu(x_i, target)
    + r_i. The paper divides r_i by the step's noise scale and drops it in the last step, where
    that is 0; here nothing is divided, so the last step is exact as well. mu(z_i) is stored, and
    the edit adds mu(x_i, target) - mu(z_i) to z_(i-1): no rounding where the two are equal.
    """

    name: str = "edit_friendly"
    title: str = "Edit-friendly DDPM"
    source: str = "Huberman-Spiegelglas et al. 2024, algorithm 1, https://arxiv.org/abs/2304.06140"
    exact: str = "yes, at the guidance of the inversion: what a step misses is stored and added"
    strength: float = 0.64

    def climb(self, start: Inversion, seed: int) -> Climb:
        """x0 noised afresh to every level, and the mean of the step down from there."""
        denoise = start.model.denoiser(start.prompt, guidance=start.guidance)
        x0 = start.trajectory[0]
        noise = seeded(seed, len(x0))
        trajectory, means = [x0], [x0]
        for i, (level, above) in enumerate(pairwise(start.levels)):
            below = trajectory[-1]
            x = above.alpha * x0 + above.sigma * noise(x0)
            with torch.no_grad():
                prediction = denoise(x, above)
                means.append(mean(prediction, above, level))
            trajectory.append(x)
            yield Step(i, level, above, below, x, prediction, i + 1)
        calls = len(start.levels) - 1
        return replace(start, trajectory=trajectory, calls=calls, extra=means)

    def mover(self, inversion: Inversion, target: Target, start: int) -> Mover:
        """The inverted picture one level down, and what the target prompt changes in the mean."""
        denoise = target.denoiser(inversion.model)
        levels, pivot, means = inversion.levels, inversion.trajectory, inversion.extra

        def move(x, i):
            prediction = denoise(x, levels[i])
            changed = mean(prediction, levels[i], levels[i - 1]) - means[i]
            return Move(pivot[i - 1] + changed, prediction)

        return move


def mean(prediction: Prediction, level: Level, after: Level) -> Tensor:
    """The mean of the ancestral step: alpha_s x0 + sigma_s sqrt(1 - tau) eps.

    sqrt(1 - tau) = alpha_t sigma_s / (alpha_s sigma_t). Ho et al. 2020, equation 7,
    https://arxiv.org/abs/2006.11239.
    """
    kept = level.alpha * after.sigma / (after.alpha * level.sigma)
    return after.alpha * prediction.x0 + after.sigma * kept * prediction.eps
