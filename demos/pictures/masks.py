"""Where an edit may change the picture, painted by hand."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from torch import Tensor

from core.images import opacity, to_pil
from core.masks import enlarged
from demos.pictures.sources import file_of
from demos.words import Refusal

SIDE = 280  # pixels of the picture that is painted on
KEPT = (0.0, 0.45, 0.7)  # the blue of what a mask keeps


def background(pixels: Tensor) -> dict[str, Any]:
    """The value of a pad that shows this picture, with nothing painted yet."""
    big = to_pil(pixels)[0].resize((SIDE, SIDE), Image.Resampling.NEAREST)
    return {"background": big, "layers": [], "composite": big}


def painted(sent: Any, x0: Tensor) -> Tensor:
    """The mask (1, 1, H, W) for latents x0: 1 wherever a place was painted, at least in part.

    ValueError, one sentence, where nothing was painted, or more than one layer was sent.
    """
    layers = [each for each in (sent if isinstance(sent, list) else [sent]) if each]
    if len(layers) > 1:
        raise Refusal("edit.refused.layers", count=len(layers))
    cells = x0.shape[-2:]
    mask = opacity(file_of(layers[0]), cells) > 0.5 if layers else torch.zeros(1, *cells)
    if not mask.any():
        raise Refusal("edit.refused.unpainted")
    return mask[None].to(x0)


def tinted(pixels: Tensor, mask: Tensor) -> Tensor:
    """The picture in colour, washed with blue where the mask keeps it, also where it is black."""
    colour = pixels.expand(-1, 3, -1, -1)
    wash = torch.tensor(KEPT).view(1, 3, 1, 1)
    return torch.where(enlarged(mask, pixels), colour, 0.45 * colour + 0.55 * wash)
