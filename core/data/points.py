"""Points of the plane to train on: a Swiss roll, two moons, and what somebody has drawn.

A point is a picture of two channels and one pixel, (N, 2, 1, 1), so that everything that works on
pictures works on points. Each set is centred and scaled to a standard deviation of 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from PIL import Image
from torch import Tensor

from core.images import from_pil

INK = 0.5  # of the largest distance from the paper: what is further away is drawn


def swiss_roll(count: int, generator: torch.Generator) -> Tensor:
    """A spiral of one and a half turns: r = t, angle t, t in 1.5 pi .. 4.5 pi, noise 0.3.

    Sohl-Dickstein et al. 2015, section 3.1, https://arxiv.org/abs/1503.03585.
    """
    t = 1.5 * math.pi * (1 + 2 * torch.rand(count, generator=generator))
    roll = torch.stack([t * t.cos(), t * t.sin()], dim=1)
    return placed(roll + 0.3 * torch.randn(count, 2, generator=generator))


def two_moons(count: int, generator: torch.Generator) -> Tensor:
    """Two half circles of radius 1, the lower one moved by (1, 0.5), noise 0.06."""
    t = math.pi * torch.rand(count, generator=generator)
    lower = torch.rand(count, generator=generator) < 0.5
    x = torch.where(lower, 1 - t.cos(), t.cos())
    y = torch.where(lower, 0.5 - t.sin(), t.sin())
    return placed(torch.stack([x, y], dim=1) + 0.06 * torch.randn(count, 2, generator=generator))


def drawn_points(image: Image.Image, count: int, generator: torch.Generator) -> Tensor:
    """Points that lie where a picture has ink: what differs from its corner, the paper.

    Within its pixel a point lies anywhere. ValueError for a picture without ink.
    """
    pixels = from_pil(image.convert("L"))[0, 0]
    apart = (pixels - pixels[0, 0]).abs()
    ink = (apart > INK * apart.max()).nonzero()
    if not len(ink):
        raise ValueError("there is nothing drawn; draw where the points shall lie")
    chosen = ink[torch.randint(len(ink), (count,), generator=generator)]
    y, x = (chosen + torch.rand(count, 2, generator=generator)).unbind(1)
    return placed(torch.stack([x, -y], dim=1))


def placed(points: Tensor) -> Tensor:
    """Points (N, 2) as pictures (N, 2, 1, 1), centred, with a standard deviation of 1."""
    centred = points - points.mean(0)
    return (centred / centred.square().mean().sqrt().clamp(min=1e-6))[:, :, None, None]


POINTS: dict[str, Callable[[int, torch.Generator], Tensor]] = {
    "swiss roll": swiss_roll,
    "two moons": two_moons,
}
