"""When a picture is decided: one noisy picture sampled to its end with other fresh noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from core.checks import whole
from core.denoisers import Denoiser
from core.noise import Noise
from core.samplers import SAMPLERS, Step
from core.schedules import Level


def branches(
    denoise: Denoiser, x: Tensor, levels: Sequence[Level], noise: Noise, count: int
) -> Iterator[Step]:
    """The steps from one picture x, shape (1, C, H, W), at levels[0] to `count` endings.

    Each row goes on with DDPM, eta = 1, and fresh noise of its own: many such
    steps sample from q(x_0 | x_t) as the model knows it, so what all endings share is decided in
    x_t. Ho et al. 2020, section 2, https://arxiv.org/abs/2006.11239.

    Args:
        denoise: the denoiser.
        x: the noisy picture.
        levels: from that of x down to the clean end.
        noise: draws noise for `count` rows.
        count: how many endings, 1 or more.

    Raises:
        ValueError: at the first `next()`, for another shape of x, a count below 1, levels that
            ascend, and noise for another number of rows.
    """
    if x.dim() != 4 or len(x) != 1:
        raise ValueError(f"branches start from one picture, (1, C, H, W), got {tuple(x.shape)}")
    rows = x.repeat(whole(count, "count", 1), 1, 1, 1)
    yield from SAMPLERS["ddpm"](denoise, rows, levels, noise=noise)


def variance_map(pictures: Tensor) -> Tensor:
    """Variance of pictures (B, C, H, W), B at least 2, at each place; (1, 1, H, W).

    sum_b (x_b - mean)^2 / B, averaged over channels: 0 where all agree, at most 1/4 for pixels
    in [0, 1].
    """
    if len(pictures) < 2:
        raise ValueError(f"a variance needs two pictures or more, got {len(pictures)}")
    return pictures.var(0, correction=0).mean(0)[None, None]
