"""What a small training of one's own sees, and what is held out to judge it by."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from core.data import mnist
from core.data.folders import pictures_in
from core.data.points import POINTS, drawn_points

COUNT = 4_000  # points to train on, and as many that are held out
SHARE, FEWEST = 10, 8  # of pictures one in ten is held out, where that makes at least 8


class Rows(NamedTuple):
    """Data for a `core.training.plans.Plan`.

    Attributes:
        seen: what is trained on, pictures (N, C, H, W), uint8, or points (N, 2, 1, 1), float.
        held_out: the same, never trained on; of few pictures it is all of them.
        broken: names of files that cannot be read.
    """

    seen: Tensor
    held_out: Tensor
    broken: tuple[str, ...] = ()


def digit_rows(label: int | None = None) -> Rows:
    """The digits of MNIST, or those of one label; its test set is held out."""
    (seen, of_seen), (held_out, of_held_out) = mnist("train"), mnist("test")
    if label is None:
        return Rows(seen, held_out)
    return Rows(seen[of_seen == label], held_out[of_held_out == label])


def point_rows(source: str | Image.Image, seed: int) -> Rows:
    """Points of a set, key of POINTS, or of the ink of a picture, see `core.data.points`."""
    generator = torch.Generator().manual_seed(seed)
    if isinstance(source, str):
        points = POINTS[source](2 * COUNT, generator)
    else:
        points = drawn_points(source, 2 * COUNT, generator)
    return Rows(points[:COUNT], points[COUNT:])


def picture_rows(source: Path | bytes, side: int, colour: bool) -> Rows:
    """The pictures of a folder or a zip, every tenth held out; see `pictures_in`."""
    pixels, broken = pictures_in(source, side, colour)
    held = torch.arange(len(pixels)) % SHARE == 0
    if held.sum() < FEWEST:
        return Rows(pixels, pixels, tuple(broken))
    return Rows(pixels[~held], pixels[held], tuple(broken))
