"""Fixed-point inversion: at every level the implicit inverse of the DDIM step is solved."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from core.checks import whole
from core.denoisers import Denoiser, Prediction
from core.inversion.base import Climb, Inversion, Method, carried
from core.metrics import exact, rms
from core.samplers import Step
from core.schedules import Level


@dataclass(frozen=True, kw_only=True)
class FixedPoint(Method):
    """Solves y = F(y) for the next picture y, F(y) = `carried`(x, along eps(y, level of y)).

    A DDIM step down from the solution leads back to x, whatever the network predicts (epsilon,
    v or x0). Picard's iteration repeats y <- F(y); it converges where F is a contraction, which
    guidance above about 3 is not. Anderson's combines the last `memory` residuals F(y) - y.

    Attributes:
        iterations: of F beyond the first, which is DDIM inversion.
        memory: residuals that are combined; 0 is Picard's iteration.
        tolerance: RMS of F(y) - y, relative to that of y above 1, below which a level is solved.
    """

    iterations: int = 5
    memory: int = 0
    tolerance: float = 1e-5
    exact: str = "to the tolerance, where the iteration converges"
    calls_up: int = 6

    def __post_init__(self) -> None:
        """ValueError for iterations or a memory that are no whole numbers, or below 0."""
        object.__setattr__(self, "iterations", whole(self.iterations, "iterations", 0))
        object.__setattr__(self, "memory", whole(self.memory, "memory", 0))

    def climb(self, start: Inversion, seed: int) -> Climb:
        """One solved equation per level."""
        denoise = start.model.denoiser(start.prompt, guidance=start.guidance)
        trajectory, calls = [*start.trajectory], 0
        for i, (level, above) in enumerate(pairwise(start.levels)):
            x = trajectory[-1]
            after, prediction, cost = self.solved(denoise, x, level, above)
            calls += cost
            trajectory.append(after)
            yield Step(i, level, above, x, after, prediction, calls)
        return replace(start, trajectory=trajectory, calls=calls)

    @torch.no_grad()
    def solved(
        self, denoise: Denoiser, x: Tensor, level: Level, after: Level
    ) -> tuple[Tensor, Prediction, int]:
        """The picture at `after` that a step down takes to x, what was seen in it, the calls."""
        seen: list[Prediction] = []

        def mapped(y: Tensor) -> Tensor:
            seen.append(denoise(y, after))
            return carried(x, level, after, seen[-1].eps)

        y = mapped(x)
        best, least, prediction = y, math.inf, seen[-1]
        accelerate = Anderson(self.memory)
        for _ in range(self.iterations):
            residual = mapped(y) - y
            error = rms(residual) / max(1.0, rms(y))
            if error < least:
                best, least, prediction = y + residual, error, seen[-1]
            if error < self.tolerance:
                break
            y = accelerate(y, residual)
        return best, prediction, len(seen)


class Anderson:
    """y <- y + r - (dY + dR) g, g the weights that make |r - dR g| least over the last residuals.

    dY and dR are the differences of the last `memory` iterates and residuals; every row of the
    batch has weights of its own. Without memory it is Picard's iteration. Walker & Ni 2011,
    https://doi.org/10.1137/10078356X.
    """

    def __init__(self, memory: int) -> None:
        """Remember so many differences."""
        self.memory = memory
        self.iterates: list[Tensor] = []
        self.residuals: list[Tensor] = []

    def __call__(self, y: Tensor, residual: Tensor) -> Tensor:
        """The next iterate."""
        keep = self.memory + 1
        self.iterates = [*self.iterates, y][-keep:]
        self.residuals = [*self.residuals, residual][-keep:]
        if self.memory == 0 or len(self.iterates) == 1:
            return y + residual
        moved, changed = differences(self.iterates), differences(self.residuals)  # (B, D, m)
        gram = changed.mT @ changed
        ridge = 1e-12 * gram.diagonal(dim1=1, dim2=2).mean(1).clamp(min=1e-300)
        gram = gram + ridge[:, None, None] * torch.eye(gram.shape[-1]).to(gram)
        r = exact(residual).flatten(1)[..., None]
        weights = torch.linalg.solve(gram, changed.mT @ r)
        return y + residual - ((moved + changed) @ weights).view(y.shape).to(y)


def differences(values: list[Tensor]) -> Tensor:
    """Differences of neighbours as columns, (B, D, m) in float64."""
    return torch.stack([exact(value).flatten(1) for value in values], dim=2).diff(dim=2)
