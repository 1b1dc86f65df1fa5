"""Ways through noise: between two draws, round in a circle, and with a part of it replaced."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core.checks import whole


def slerp(a: Tensor, b: Tensor, share: float) -> Tensor:
    """The point at `share` of the way from a to b along the arc between them.

    (sin((1 - s) w) a + sin(s w) b) / sin w, cos w = <a, b> / (|a| |b|), row by row. On a straight
    line between two draws of N(0, I) the noise of the middle has half of the variance; along the
    arc it keeps it. Shoemake 1985, https://doi.org/10.1145/325334.325242.

    a and b are (B, C, H, W); rows that point to the same or to opposite places are mixed on the
    straight line.
    """
    flat_a, flat_b = a.flatten(1).cpu().double(), b.flatten(1).cpu().double()
    cosine = torch.nn.functional.cosine_similarity(flat_a, flat_b).clamp(-1, 1)
    angle = cosine.arccos()[:, None]
    sine = angle.sin()
    bent = (((1 - share) * angle).sin() * flat_a + (share * angle).sin() * flat_b) / sine
    mixed = torch.where(sine.abs() < 1e-6, torch.lerp(flat_a, flat_b, share), bent)
    return mixed.view(a.shape).to(a)


def circle(a: Tensor, b: Tensor, count: int) -> list[Tensor]:
    """cos(2 pi k / count) a + sin(2 pi k / count) b for k = 0 .. count - 1: a walk that closes.

    Of independent a and b from N(0, I) every point is a draw of N(0, I). ValueError for a count
    below 1.
    """
    count = whole(count, "count", 1)
    angles = [2 * math.pi * k / count for k in range(count)]
    return [math.cos(angle) * a + math.sin(angle) * b for angle in angles]


def poked(noise: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    """The noise with that of another draw where the mask, which broadcasts against it, is 1."""
    return torch.where(mask.bool(), other, noise)
