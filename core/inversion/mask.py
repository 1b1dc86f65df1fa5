"""Where an edit may change the picture: a mask from what two prompts see differently."""

from __future__ import annotations

import torch
from torch import Tensor

from core.checks import whole
from core.inversion.base import Prompt, start_index
from core.models import Model
from core.noise import seeded


@torch.no_grad()
def difference_mask(
    model: Model,
    x0: Tensor,
    source: Prompt,
    target: Prompt,
    *,
    strength: float = 0.5,
    maps: int = 10,
    limit: float = 1.5,
    seed: int = 0,
) -> Tensor:
    """1 where |eps(x, target) - eps(x, source)| is above `limit` times its mean, else 0.

    Couairon et al. 2023, section 3.2, https://arxiv.org/abs/2210.11427, with the threshold of
    diffusers (half of 3 times the mean).

    Args:
        model: whose network calls are compared, 2 for each map.
        x0: clean latents (B, C, H, W).
        source: what the picture shows.
        target: what it is to become.
        strength: how noisy the maps are, as a share of the levels in 0..1.
        maps: noises that are averaged over, 1 or more.
        limit: above 0; larger masks less.
        seed: of the noises, 0..4294967295.

    Returns:
        The mask (B, 1, H, W) in the type of x0.

    Raises:
        ValueError: maps below 1, a limit of 0 or less, or a strength outside 0..1.
    """
    maps = whole(maps, "maps", 1)
    if not limit > 0:
        raise ValueError(f"limit must be above 0, got {limit}")
    levels = model.schedule.levels(100)[::-1]
    level = levels[max(1, start_index(strength, 100))]
    noise, total = seeded(seed, len(x0)), torch.zeros_like(x0[:, :1])
    before, after = (model.denoiser(prompt) for prompt in (source, target))
    for _ in range(maps):
        x = level.alpha * x0 + level.sigma * noise(x0)
        change = (after(x, level).eps - before(x, level).eps).abs()
        total = total + change.mean(1, keepdim=True)
    mean = total.mean((1, 2, 3), keepdim=True)
    return ((total > limit * mean) & (mean > 0)).to(x0)
