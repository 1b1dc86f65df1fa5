"""EDICT: two coupled pictures, so that every step can be undone exactly."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.inversion.base import Inversion, Method, Move, Mover, Prompt, carried
from core.models import Model
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
    cost: str = "2 N up, 2 k down"
    strength: float = 0.8
    mixing: float = 0.93

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
        """Carry the pair (x0, x0) to noise; deterministic, so `seed` changes nothing."""
        levels = model.schedule.levels(steps, spacing)[::-1]
        denoise, p = model.denoiser(prompt, guidance=guidance), self.mixing
        xs, ys = [x0], [x0]
        for i in range(1, steps + 1):
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
        return Inversion(model, self.name, prompt, guidance, levels, xs, 2 * steps, ys)

    def mover(self, inversion: Inversion, prompt: Prompt, guidance: float, start: int) -> Mover:
        """The coupled step; the second picture starts where the inversion left it."""
        denoise, p = inversion.model.denoiser(prompt, guidance=guidance), self.mixing
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
