"""Photographs that are free of copyright; `assets/images/photos/README.md` has their sources."""

from __future__ import annotations

from PIL import Image

from core.images import open_picture
from core.paths import ROOT

FOLDER = ROOT / "assets" / "images" / "photos"
# What each shows, in words that text-to-image models have learned.
PHOTOS = {"cat": "cat", "coffee": "hot beverage", "rocket": "rocket", "astronaut": "astronaut"}


def photograph(name: str) -> Image.Image:
    """The photograph with this name, in colour, 256 x 256 pixels."""
    return open_picture(FOLDER / f"{name}.png")
