"""Numbers about pictures: how far apart two are, how far apart two sets are."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def exact(x: Tensor) -> Tensor:
    """The same numbers in float64, on the CPU: GPUs of Apple have no float64."""
    return x.cpu().double()


def mse(a: Tensor, b: Tensor) -> float:
    """Mean squared error of pixels in [0, 1]."""
    return (exact(a) - exact(b)).square().mean().item()


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pixels in [0, 1]: -10 log10(mse); infinite if equal."""
    error = mse(a, b)
    return math.inf if error == 0 else -10 * math.log10(error)


def ssim(a: Tensor, b: Tensor) -> float:
    """Structural similarity of pixels (B, C, H, W) in [0, 1], at most 1; the mean over all places.

    (2 m_a m_b + c1)(2 cov + c2) / ((m_a^2 + m_b^2 + c1)(v_a + v_b + c2)) with means, variances
    and covariance under a Gaussian window of 11 x 11 pixels and spread 1.5 that lies inside of
    the picture, c1 = 0.01^2 and c2 = 0.03^2. Wang et al. 2004, equation 13,
    https://doi.org/10.1109/TIP.2003.819861. ValueError for pictures below 11 x 11.
    """
    if min(a.shape[-2:]) < 11:
        raise ValueError(f"SSIM needs pictures of 11 x 11 pixels or more, got {tuple(a.shape)}")
    line = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2))
    window = (line[:, None] * line / line.sum() ** 2)[None, None]

    def local(x: Tensor) -> Tensor:
        return F.conv2d(x.flatten(0, 1)[:, None], window)

    a, b = exact(a), exact(b)
    mean_a, mean_b, c1, c2 = local(a), local(b), 0.01**2, 0.03**2
    spread = local(a**2) - mean_a**2 + local(b**2) - mean_b**2
    shared = local(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + c1) * (2 * shared + c2)
    return (top / ((mean_a**2 + mean_b**2 + c1) * (spread + c2))).mean().item()


def power_spectrum(x: Tensor) -> list[float]:
    """Mean power of x, shape (B, C, H, W), at 1, 2, ... cycles per width up to the finest.

    |FFT|^2 / (H W), averaged over rings of whole frequencies, pictures and channels: 1 at every
    frequency for noise of unit variance.
    """
    x = exact(x)
    power = torch.fft.fft2(x, norm="ortho").abs().square().mean((0, 1))
    rows, columns = (torch.fft.fftfreq(side) * side for side in x.shape[-2:])
    ring = torch.hypot(rows[:, None], columns[None]).round().long()
    finest = min(x.shape[-2:]) // 2
    return [power[ring == frequency].mean().item() for frequency in range(1, finest + 1)]


def gradient_energy(x: Tensor) -> float:
    """Mean squared difference of neighbours, across and down, of x, shape (B, C, H, W).

    How sharp pictures are beside others of the same things: softness loses it first.
    """
    x = exact(x)
    return (x.diff(dim=2).square().mean() + x.diff(dim=3).square().mean()).item()


def rms(values: Tensor) -> float:
    """Root of the mean square."""
    return values.square().mean().sqrt().item()


def neighbour_correlation(x: Tensor) -> float:
    """Correlation of neighbouring entries of x, shape (B, C, H, W), across and down: 0 in noise.

    Of n entries of true noise it strays from 0 by about 1 / sqrt(2 n).
    """
    x = exact(x)
    x = x - x.mean()
    across, down = x[..., 1:] * x[..., :-1], x[..., 1:, :] * x[..., :-1, :]
    return ((across.mean() + down.mean()) / 2 / x.square().mean()).item()


def frechet(a: Tensor, b: Tensor) -> float:
    """Frechet distance of two sets of features, shapes (N, D) and (M, D).

    |mu_a - mu_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), with the trace of the root taken from
    the eigenvalues of C_a^(1/2) C_b C_a^(1/2). Heusel et al. 2017, equation 6,
    https://arxiv.org/abs/1706.08500. Biased upwards by about 1/N: compare equal N only.
    """
    a, b = exact(a), exact(b)
    root = _root(torch.cov(a.T))
    middle = root @ torch.cov(b.T) @ root
    overlap = torch.linalg.eigvalsh(middle).clamp(min=0).sqrt().sum()
    traces = torch.cov(a.T).trace() + torch.cov(b.T).trace()
    return ((a.mean(0) - b.mean(0)).square().sum() + traces - 2 * overlap).item()


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


def interval(hits: int, count: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share, `hits` of `count`.

    Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953, with z = 1.96.
    """
    z, share = 1.96, hits / count
    scale = 1 + z**2 / count
    middle = (share + z**2 / (2 * count)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return middle - half, middle + half
