"""A part of a picture: a half, the middle, or what was painted."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from core.masks import PARTS, part
from demos.pictures.masks import painted

PAINTED = "painted"
PLACES = (*PARTS, PAINTED)


def region(place: str, sent: Any, like: Tensor) -> Tensor:
    """1 in this part and 0 elsewhere, (1, 1, H, W) for latents (1, C, H, W)."""
    return painted(sent, like) if place == PAINTED else part(place, *like.shape[-2:]).to(like)
