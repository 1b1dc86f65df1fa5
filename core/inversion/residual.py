"""Residual-corrected DDIM: what the way down misses is measured, kept and added."""

from __future__ import annotations

from dataclasses import dataclass

from core.inversion.base import Inversion, Move, Mover, Target, ddim
from core.inversion.ddim import Pivotal


@dataclass(frozen=True, kw_only=True)
class Residual(Pivotal):
    """x_(i-1) = DDIM(x_i, target) + r_i,  r_i = z_(i-1) - DDIM(z_i, source) along the pivot z.

    With the source prompt every step leads to the pivot, at any guidance; to the last bit, since
    ours and theirs are subtracted first. Ju et al. correct the source branch alone, where only
    shared attention carries it to the edit; here the target branch is corrected as well.
    """

    name: str = "residual"
    title: str = "DDIM + residual"
    source: str = "Ju et al. 2024, algorithm 1, https://arxiv.org/abs/2310.01506"
    exact: str = "yes: what a step misses is stored and added"
    calls_down: int = 2
    strength: float = 0.8

    def mover(self, inversion: Inversion, target: Target, start: int) -> Mover:
        """DDIM with the target prompt, and the residual of the source prompt."""
        model, levels, pivot = inversion.model, inversion.levels, inversion.trajectory
        source = model.denoiser(inversion.prompt, guidance=target.guidance)
        denoise = target.denoiser(model)

        def move(x, i):
            ladder = levels[i], levels[i - 1]
            theirs = ddim(source, pivot[i], *ladder)
            ours = ddim(denoise, x, *ladder)
            return Move(pivot[i - 1] + (ours.x - theirs.x), ours.prediction, 2)

        return move
