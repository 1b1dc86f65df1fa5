"""EDICT: two coupled pictures, so that every step can be undone exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.inversion.base import Climb, Inversion, Method, Move, Mover, Target, carried
from core.samplers import Step


@dataclass(frozen=True, kw_only=True)
class EDICT(Method):
    """A pair x, y: each takes a DDIM step along the noise seen in the other, then they mix.

    Down: x <- a x + b eps(y); y <- a y + b eps(x); x <- p x + (1 - p) y; y <- p y + (1 - p) x,
    with a x + b eps the DDIM step. Up: the same lines undone from the last to the first. At every
    second level the two change places; that goes by the level, so a run may start anywhere.

    Attributes:
        mixing: p; far from 0.93 the pair drifts apart or the rounding errors grow.
    """

    name: str = "edict"
    title: str = "EDICT"
    source: str = "Wallace et al. 2023, equations 13 to 16, https://arxiv.org/abs/2211.12446"
    exact: str = "yes, up to rounding: every line of a step can be undone"
    calls_up: int = 2
    calls_down: int = 2
    strength: float = 0.8
    mixing: float = 0.93

    def climb(self, start: Inversion, seed: int) -> Climb:
        """The coupled step undone, from the pair (x0, x0)."""
        denoise = start.model.denoiser(start.prompt, guidance=start.guidance)
        p, levels = self.mixing, start.levels
        xs, ys = [*start.trajectory], [*start.trajectory]
        for i in range(1, len(levels)):
            level, after = levels[i - 1], levels[i]
            with torch.no_grad():
                x, y = swapped(xs[-1], ys[-1], i)
                y = (y - (1 - p) * x) / p
                x = (x - (1 - p) * y) / p
                y = carried(y, level, after, denoise(x, after).eps)
                seen = denoise(y, after)
                x = carried(x, level, after, seen.eps)
                x, y = swapped(x, y, i)
            xs.append(x)
            ys.append(y)
            yield Step(i - 1, level, after, xs[-2], x, seen, 2 * i)
        return replace(start, trajectory=xs, calls=2 * (len(levels) - 1), extra=ys)

    def mover(self, inversion: Inversion, target: Target, start: int) -> Mover:
        """The coupled step; the second picture starts where the inversion left it."""
        denoise, p = target.denoiser(inversion.model), self.mixing
        levels, other = inversion.levels, inversion.extra[start]

        def move(x, i):
            nonlocal other
            level, after = levels[i], levels[i - 1]
            x, y = swapped(x, other, i)
            seen = denoise(y, level)
            x = carried(x, level, after, seen.eps)
            y = carried(y, level, after, denoise(x, level).eps)
            x = p * x + (1 - p) * y
            y = p * y + (1 - p) * x
            x, other = swapped(x, y, i)
            return Move(x, seen, 2)

        return move


def swapped(x: Tensor, y: Tensor, i: int) -> tuple[Tensor, Tensor]:
    """The pair, in the other order at odd levels."""
    return (y, x) if i % 2 else (x, y)
