"""The MNIST digits that ship with the project, and how a picture becomes such a digit."""

from __future__ import annotations

import hashlib
import io
import lzma
import zipfile
from functools import cache

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from core.files import shipped
from core.images import from_pil, to_pil

FOLDER = shipped("assets/data")
ARCHIVE = "mnist.zip"  # the published files, compressed with LZMA: 14 % smaller than with gzip
CHUNK = 1 << 20  # bytes read at a time: a whole file would be put together from thousands
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


@cache
def mnist(part: str = "train") -> tuple[Tensor, Tensor]:
    """The digits of LeCun, Cortes and Burges: images (N, 1, 28, 28) uint8, labels (N,) int64.

    `part` is "train" (N = 60,000) or "test" (N = 10,000). ValueError for another part or for an
    archive whose content is not the published one.
    """
    if part not in FILES:
        raise ValueError(f"part must be one of {', '.join(FILES)}, got {part!r}")
    images, labels = (_read(name) for name in FILES[part])
    return images.view(-1, 1, 28, 28), labels.long()


def signed(images: Tensor) -> Tensor:
    """uint8 in 0..255 to float32 in [-1, 1], the range that the models work in."""
    return images.float() / 127.5 - 1


def as_digit(image: Image.Image) -> Image.Image:
    """Put a picture of a digit right the way MNIST was made: 28x28, white on black, centred.

    The brighter side of the picture's border is taken for paper (dark ink on light paper is
    inverted); the ink is scaled into 20x20 and its centre of mass moved to the centre. LeCun et
    al. 1998, http://yann.lecun.com/exdb/mnist. ValueError when there is nothing drawn.
    """
    image = image.convert("L")
    image.thumbnail((512, 512))
    pixels = from_pil(image)[0, 0]
    border = torch.cat([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if border.median() > 0.5:
        pixels = 1 - pixels
    ink = (pixels - border_level(pixels)).clamp(min=0)
    if ink.max() < 0.1:
        raise ValueError("there is nothing drawn on this picture; draw or upload one digit")
    ink = ink / ink.max()
    rows = (ink > 0.2).any(1).nonzero().flatten()
    columns = (ink > 0.2).any(0).nonzero().flatten()
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = 20 / max(box.shape)
    size = [max(1, round(side * scale)) for side in box.shape]
    small = F.interpolate(box[None, None], size=size, mode="bilinear", antialias=True)[0, 0]
    small = small / small.max()
    return to_pil(_centred(small)[None, None])[0]


def border_level(pixels: Tensor) -> Tensor:
    """The median of the border: the level of the paper."""
    return torch.cat([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).median()


def _read(name: str) -> Tensor:
    """The bytes of an IDX file after its header: magic number (4), then one size a dimension."""
    content = bytearray()
    try:
        with (
            zipfile.ZipFile(io.BytesIO(FOLDER.read(ARCHIVE))) as archive,
            archive.open(name) as file,
        ):
            while part := file.read(CHUNK):
                content += part
    except (zipfile.BadZipFile, lzma.LZMAError, KeyError, EOFError, OSError) as error:
        raise FOLDER.refusal(ARCHIVE, "is cut short or broken") from error
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != MD5[name]:
        raise FOLDER.refusal(ARCHIVE, f"holds a {name} that is not the published one")
    dimensions = content[3]
    return torch.frombuffer(content, dtype=torch.uint8)[4 + 4 * dimensions :]


def _centred(small: Tensor) -> Tensor:
    """Place the ink on 28x28 with its centre of mass at pixel (14, 14), as in MNIST."""
    height, width = small.shape
    mass = small.sum()
    centre_y = (small.sum(1) @ torch.arange(height).float()) / mass
    centre_x = (small.sum(0) @ torch.arange(width).float()) / mass
    top = min(max(round(14 - centre_y.item()), 0), 28 - height)
    left = min(max(round(14 - centre_x.item()), 0), 28 - width)
    return F.pad(small, (left, 28 - width - left, top, 28 - height - top))
