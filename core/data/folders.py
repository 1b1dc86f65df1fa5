"""Pictures of one's own to train on: those of a folder or of a zip, made equal in size."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import IO, NamedTuple

import torch
from PIL import Image, ImageOps
from torch import Tensor

from core.archives import unpacked
from core.images import from_pil, open_picture

FEWEST, MOST = 10, 2_000
UNPACKED = 400_000_000  # bytes that a zip may hold
SIDES = (28, 32)


class Pictures(NamedTuple):
    """Pictures to train on, (N, 1 or 3, side, side) uint8, and files that cannot be read."""

    pixels: Tensor
    broken: list[str]


def pictures_in(source: Path | bytes, side: int, colour: bool) -> Pictures:
    """The pictures of a folder, or of the bytes of a zip, in the order of their names.

    Each is turned upright, put on white, cropped to its middle square and scaled to `side`
    pixels, grey or in colour. Files that are no pictures, or broken ones, are named and left out.
    ValueError, one sentence, for a zip that cannot be read, for fewer than 10 pictures, and for
    more than 2,000.
    """
    if side not in SIDES:
        raise ValueError(f"side must be one of {', '.join(map(str, SIDES))}, got {side}")
    files = _in_zip(source) if isinstance(source, bytes) else _in_folder(source)
    if len(files) > MOST:
        raise ValueError(f"there are {len(files)} files, and at most {MOST} pictures are taken")
    found, broken = [], []
    for name, file in files:
        try:
            found.append(squared(open_picture(file), side, colour))
        except ValueError:
            broken.append(name)
    if len(found) < FEWEST:
        raise ValueError(
            f"there must be at least {FEWEST} pictures to train on, and {len(found)} of "
            f"{len(files)} files can be read as one"
        )
    return Pictures(torch.cat(found), broken)


def squared(image: Image.Image, side: int, colour: bool) -> Tensor:
    """The middle square of a picture, (1, 1 or 3, side, side) uint8."""
    mode = "RGB" if colour else "L"
    square = ImageOps.fit(image.convert(mode), (side, side), Image.Resampling.LANCZOS)
    return (from_pil(square, mode) * 255).round().to(torch.uint8)


def _in_zip(content: bytes) -> list[tuple[str, IO[bytes]]]:
    files = unpacked(content, UNPACKED)
    return [(name, io.BytesIO(files[name])) for name in _pictures(files)]


def _in_folder(folder: Path) -> list[tuple[str, Path]]:
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return [(name, found[name]) for name in _pictures(n for n, p in found.items() if p.is_file())]


def _pictures(names: Iterable[str]) -> list[str]:
    """Without folders, and without what macOS and Windows leave beside pictures."""
    left = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
    return sorted(
        name for name in names if not name.endswith("/") and not set(name.split("/")) & set(left)
    )
