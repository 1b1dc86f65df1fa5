"""Parts of a picture as masks: 1 in the part and 0 elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

PARTS = ("right", "left", "top", "bottom", "middle")


def part(name: str, height: int, width: int) -> Tensor:
    """A half, or the middle with half of each side, (1, 1, height, width).

    ValueError for another name.
    """
    places = {
        "right": (slice(None), slice(width // 2, None)),
        "left": (slice(None), slice(width // 2)),
        "top": (slice(height // 2), slice(None)),
        "bottom": (slice(height // 2, None), slice(None)),
        "middle": (slice(height // 4, -(height // 4)), slice(width // 4, -(width // 4))),
    }
    if name not in places:
        raise ValueError(f"a part is one of {', '.join(PARTS)}, got {name!r}")
    rows, columns = places[name]
    mask = torch.zeros(1, 1, height, width)
    mask[..., rows, columns] = 1
    return mask


def enlarged(mask: Tensor, like: Tensor) -> Tensor:
    """A mask of latents, (1, 1, h, w), as booleans for pixels (B, C, H, W): (1, 1, H, W)."""
    return F.interpolate(mask.float().cpu(), size=like.shape[-2:], mode="nearest") > 0
