"""Sampling with a consistency model: each step believes the guess and noises it anew."""

from __future__ import annotations

import math
from itertools import pairwise

import torch

from core.samplers import Sampler, Step, Weights, ascending

SPREAD, SCALE = 0.5, 10.0  # standard deviation of the data, and the weight of t beside it


@torch.no_grad()
def lcm(denoise, x, levels, *, noise=None, eta=None):
    """Multistep consistency sampling of a latent consistency model: x_s = alpha_s f + sigma_s z.

    f = c_skip x + c_out x0 is the guess with the boundary f = x at t = 0: for u = 10 t and the
    data's spread d = 0.5, c_skip = d^2 / (u^2 + d^2) and c_out = u / sqrt(u^2 + d^2). The final
    level, t = -1, is f itself. Luo et al. 2023, equation 8 and algorithm 2,
    https://arxiv.org/abs/2310.04378; Song et al. 2023, algorithm 1,
    https://arxiv.org/abs/2303.01469.

    ValueError for an eta other than 1, for ascending levels, and for missing noise.
    """
    if eta not in (None, 1):
        raise ValueError(f"lcm draws all of its noise afresh: eta must be 1 or None, got {eta}")
    if ascending(levels):
        raise ValueError("lcm leads from noise to pictures, and its levels must descend")
    if noise is None:
        raise ValueError("lcm adds noise: pass noise=seeded(seed, batch)")
    for index, (level, after) in enumerate(pairwise(levels)):
        prediction = denoise(x, level)
        u = SCALE * max(level.t, 0.0)
        kept, trusted = SPREAD**2 / (u**2 + SPREAD**2), u / math.hypot(u, SPREAD)
        x_next, z, scale, added = kept * x + trusted * prediction.x0, None, 1.0, 0.0
        if after.t >= 0 and after.sigma > 0:
            z, scale, added = noise(x), after.alpha, after.sigma
            x_next = scale * x_next + added * z
        weights = Weights(
            scale * (kept * level.alpha + trusted), scale * kept * level.sigma, added
        )
        yield Step(index, level, after, x, x_next, prediction, index + 1, weights, z)
        x = x_next


LCM = Sampler(
    lcm,
    order=0,  # it solves no ODE
    deterministic=False,
    source="Luo et al. 2023, algorithm 2, https://arxiv.org/abs/2310.04378",
)
