"""O-BELM: a two-step rule that runs both ways, with one network call per step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.denoisers import Prediction
from core.inversion.base import Climb, Inversion, Method, Move, Mover, Target, carried
from core.samplers import Step
from core.schedules import Level


@dataclass(frozen=True, kw_only=True)
class BELM(Method):
    """A linear relation of three neighbours and eps(x_i), solved for either end.

    With y = x / alpha, kappa = sigma / alpha, h = kappa_i - kappa_(i-1) and g = kappa_(i+1) -
    kappa_i:

        y_(i-1) = (h / g)^2 y_(i+1) + (1 - (h / g)^2) y_i - h (h + g) / g eps(x_i)

    and up the same solved for y_(i+1). The state is a pair of neighbours: from the last picture
    alone the way back is not exact.
    """

    name: str = "belm"
    title: str = "O-BELM"
    source: str = "Wang et al. 2024, equation 18 (O-BELM), https://arxiv.org/abs/2410.07273"
    exact: str = "yes, up to rounding: the same relation is solved both ways"
    strength: float = 0.8

    def climb(self, start: Inversion, seed: int) -> Climb:
        """The two-step rule upwards, after one step of DDIM.

        ValueError for a schedule that ends without signal, where kappa is infinite.
        """
        levels = start.levels
        if levels[-1].alpha == 0:
            raise ValueError(
                "O-BELM divides by alpha, which is 0 at the last level of this model's schedule; "
                "choose another method, such as edict or residual"
            )
        denoise = start.model.denoiser(start.prompt, guidance=start.guidance)
        xs = [*start.trajectory]
        for i in range(len(levels) - 1):
            with torch.no_grad():
                seen = denoise(xs[-1], levels[max(i, 1)])
                if i == 0:
                    x = carried(xs[0], levels[0], levels[1], seen.eps)
                else:
                    x = far_end(xs[i - 1], xs[i], seen.eps, levels[i - 1 : i + 2])
            xs.append(x)
            yield Step(i, levels[i], levels[i + 1], xs[-2], x, seen, i + 1)
        return replace(start, trajectory=xs, calls=len(levels) - 1)

    def mover(self, inversion: Inversion, target: Target, start: int) -> Mover:
        """The two-step rule; the first step goes to the neighbour that the inversion left."""
        denoise = target.denoiser(inversion.model)
        levels, above = inversion.levels, inversion.trajectory[start]

        def move(x, i):
            nonlocal above
            if i == start:
                after = inversion.trajectory[i - 1]
                return Move(after, between(x, after, levels[i], levels[i - 1]), 0)
            seen = denoise(x, levels[i])
            after = far_end(above, x, seen.eps, levels[i - 1 : i + 2][::-1])
            above = x
            return Move(after, seen)

        return move


def far_end(first: Tensor, middle: Tensor, eps: Tensor, levels: list[Level]) -> Tensor:
    """The last of three neighbours, from the first and the middle one and eps in the middle.

    Up or down: with g and h the way in kappa to the middle and from it,
    y_3 = (h / g)^2 y_1 + (1 - (h / g)^2) y_2 + h (h + g) / g eps.
    """
    a, b, c = (level.alpha for level in levels)
    kappa = [level.sigma / level.alpha for level in levels]
    g, h = kappa[1] - kappa[0], kappa[2] - kappa[1]
    share = (h / g) ** 2
    return c * (share * first / a + (1 - share) * middle / b + h * (h + g) / g * eps)


def between(x: Tensor, after: Tensor, level: Level, below: Level) -> Prediction:
    """The x0 and eps with which a DDIM step leads from x to `after`."""
    scale = level.sigma * below.alpha - level.alpha * below.sigma
    return Prediction(
        (level.sigma * after - below.sigma * x) / scale,
        (below.alpha * x - level.alpha * after) / scale,
    )
