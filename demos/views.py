"""Latents to pictures: what the panels of every tab show, whatever the model."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from core.images import grid, signed_uri, to_pil, uri
from core.models import LatentModel, Model

LARGE = 256  # pixels of a side from which on a picture is sent as JPEG


def preview_uri(model: Model, x: Tensor) -> str:
    """A batch of latents as one data URI: exact PNG for pixels, approximate JPEG for latents.

    At 64 pixels PNG takes 20 times as long as JPEG and twice the bytes, for a picture that is
    approximate anyway.
    """
    if isinstance(model, LatentModel):
        return uri(to_pil(grid(model.preview_pixels(x))[None])[0], "JPEG")
    return pixels_uri(model.pixels(x))


def decoded_uri(model: Model, x: Tensor) -> str:
    """A batch of latents, decoded in full, as one data URI."""
    return pixels_uri(model.pixels(x))


def pixels_uri(pixels: Tensor) -> str:
    """A batch of pixels (B, 1 or 3, H, W) in [0, 1] as one data URI: PNG, JPEG if large."""
    image: Image.Image = to_pil(grid(pixels)[None])[0]
    return uri(image, "JPEG" if min(pixels.shape[-2:]) >= LARGE else "PNG")


def channels_uri(values: Tensor, limit: float = 3.0) -> str:
    """A batch of values (B, C, H, W) in colours from orange (-limit) to blue (+limit).

    More than one channel are tiled, nearly square.
    """
    tiles = torch.stack([grid(each[:, None]) for each in values])
    return signed_uri(tiles, limit)


def approximate(model: Model, *panels: int) -> tuple[int, ...]:
    """The panels that `preview_uri` fills only approximately for this model."""
    return panels if isinstance(model, LatentModel) else ()
