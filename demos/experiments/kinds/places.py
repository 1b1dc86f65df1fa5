"""A part of a picture: a half, the middle, or what was painted."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from demos.pictures.masks import painted

PAINTED = "painted"
PLACES = ("right", "left", "top", "bottom", "middle", PAINTED)


def region(place: str, sent: Any, like: Tensor) -> Tensor:
    """1 in this part and 0 elsewhere, (1, 1, H, W) for latents (1, C, H, W)."""
    if place == PAINTED:
        return painted(sent, like)
    height, width = like.shape[-2:]
    mask = torch.zeros(1, 1, height, width)
    rows, columns = {
        "right": (slice(None), slice(width // 2, None)),
        "left": (slice(None), slice(None, width // 2)),
        "top": (slice(None, height // 2), slice(None)),
        "bottom": (slice(height // 2, None), slice(None)),
        "middle": (slice(height // 4, -(height // 4)), slice(width // 4, -(width // 4))),
    }[place]
    mask[..., rows, columns] = 1
    return mask.to(like)
