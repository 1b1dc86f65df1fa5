"""Where noise comes from: one generator per picture, Gaussian or uniform."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from core.checks import whole
from core.schedules import Level

Noise = Callable[[Tensor], Tensor]  # draws noise with the shape, device and precision of a tensor


class seeded:
    """Noise whose row i is drawn from its own generator, seeded with seed + i.

    The same picture comes out alone or in a batch, on any device and in any precision, since the
    numbers are drawn in float32 on the CPU. ValueError for a seed outside 0..2^32 - 1 or a batch
    below 1, and when asked for another number of rows.
    """

    def __init__(self, seed: int, batch: int) -> None:
        """One generator per row."""
        seed = whole(seed, "seed", 0, 2**32 - 1)
        batch = whole(batch, "batch", 1)
        self.generators = [torch.Generator().manual_seed(seed + row) for row in range(batch)]

    def __call__(self, like: Tensor) -> Tensor:
        """The next draw of N(0, I), shape, device and precision of `like`."""
        if len(like) != len(self.generators):
            raise ValueError(f"noise for {len(self.generators)} rows does not fit {len(like)}")
        rows = [torch.randn(like.shape[1:], generator=each) for each in self.generators]
        return torch.stack(rows).to(like)


def uniform(noise: Noise) -> Noise:
    """Turn Gaussian into uniform noise on [-1, 1]: erf(z / sqrt 2)."""
    return lambda like: torch.erf(noise(like) / 2**0.5)


def renoised(x: Tensor, level: Level, above: Level, noise: Noise) -> Tensor:
    """x at a level carried up to a noisier one by the forward process.

    x_t = r x_s + sqrt(sigma_t^2 - r^2 sigma_s^2) z, r = alpha_t / alpha_s. Ho et al. 2020,
    equation 2, https://arxiv.org/abs/2006.11239.
    """
    ratio = above.alpha / level.alpha
    return ratio * x + (above.sigma**2 - (ratio * level.sigma) ** 2) ** 0.5 * noise(x)
