"""Tensors, PIL images and data URIs: the only place that knows pixel ranges.

Pixels are floats in [0, 1], models work in [-1, 1], files are uint8 in 0..255.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from core.pictures.opening import open_picture as open_picture  # a picture comes from here too
from core.pictures.opening import stencil

LARGE = 256  # pixels of a side from which on a picture is sent as JPEG
ORANGE, WHITE, BLUE = (213, 94, 0), (255, 255, 255), (0, 114, 178)
TONES = 63  # of each colour: the palette is a part of each picture, as large as its pixels


def grid(pixels: Tensor) -> Tensor:
    """Lay a batch (B, C, H, W) out as one picture (C, rows H, columns W), nearly square."""
    count = len(pixels)
    if count == 1:
        return pixels[0]
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    padded = F.pad(pixels, (0, 0, 0, 0, 0, 0, 0, rows * columns - count))
    joined = padded.unflatten(0, (rows, columns)).permute(2, 0, 3, 1, 4)
    return joined.flatten(3).flatten(1, 2)


def to_pil(pixels: Tensor) -> list[Image.Image]:
    """Pixels (B, 1 or 3, H, W) in [0, 1], clipped, to one PIL image per row."""
    levels = (pixels.detach().float().clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    return [_image(each) for each in levels]


def from_pil(images: Sequence[Image.Image] | Image.Image, mode: str = "L") -> Tensor:
    """PIL images of one size to pixels (B, 1 or 3, H, W) in [0, 1]."""
    images = [images] if isinstance(images, Image.Image) else list(images)
    return torch.stack([_levels(image, mode) for image in images]).float() / 255


def pixels_uri(pixels: Tensor, kind: str = "") -> str:
    """A batch of pixels (B, 1 or 3, H, W) in [0, 1], clipped, as one data URI.

    `kind` "" is PNG, exact, and JPEG for pictures of 256 pixels and up.
    """
    kind = kind or ("JPEG" if min(pixels.shape[-2:]) >= LARGE else "PNG")
    return uri(to_pil(grid(pixels)[None])[0], kind)


def signed_uri(values: Tensor, limit: float = 3.0) -> str:
    """A batch of values (B, C, H, W) in colours from orange (-limit) over white to blue (+limit).

    Several channels are tiled within each picture. The scale is fixed and symmetric, so colours
    of different frames can be compared; values beyond it are clipped.
    """
    tiles = torch.stack([grid(each[:, None]) for each in values])
    scaled = (grid(tiles).detach().float() / limit).clamp(-1, 1)
    indices = (scaled * TONES + TONES).round().to(torch.uint8).cpu()
    size = (indices.shape[2], indices.shape[1])
    image = Image.frombytes("P", size, indices.numpy().tobytes())
    image.putpalette(_PALETTE)
    return uri(image)


def uri(image: Image.Image, kind: str = "PNG") -> str:
    """A PIL image as a data URI, "PNG" (exact) or "JPEG" (smaller and faster for photographs)."""
    buffer = io.BytesIO()
    image.save(buffer, kind, compress_level=6, quality=85)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def opacity(source: str | Path | IO[bytes], cells: Sequence[int] = ()) -> Tensor:
    """How opaque a picture file is, (1, H, W) in [0, 1]; its brightness if it is so everywhere.

    With `cells`, (rows, columns), the largest value in each of so many cells; a point of the
    picture counts in each cell that it lies in, at least in part. ValueError as in
    `open_picture`.
    """
    return from_pil(stencil(source, cells))[0]


def _levels(image: Image.Image, mode: str) -> Tensor:
    """The levels 0..255 of a picture, uint8 (1 or 3, H, W)."""
    channels = 1 if mode == "L" else 3
    levels = torch.frombuffer(bytearray(image.convert(mode).tobytes()), dtype=torch.uint8)
    return levels.view(image.height, image.width, channels).permute(2, 0, 1)


def _image(levels: Tensor) -> Image.Image:
    channels, height, width = levels.shape
    mode = "L" if channels == 1 else "RGB"
    return Image.frombytes(
        mode, (width, height), levels.permute(1, 2, 0).contiguous().numpy().tobytes()
    )


def _ramp() -> bytes:
    colours = []
    for index in range(2 * TONES + 1):
        share = (index - TONES) / TONES
        end = BLUE if share > 0 else ORANGE
        colours += [round(w + (e - w) * abs(share)) for w, e in zip(WHITE, end, strict=True)]
    return bytes(colours)


_PALETTE = _ramp()
BLANK = uri(Image.new("LA", (1, 1)))  # nothing yet: one transparent pixel
