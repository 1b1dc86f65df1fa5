"""The MNIST digits that ship with the project."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from functools import cache

import torch
from torch import Tensor

from core.files import shipped

FOLDER = shipped("assets/data")
FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
MD5 = {
    "train-images-idx3-ubyte.gz": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte.gz": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte.gz": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte.gz": "27ae3e4e09519cfbb04c329615203637",
}


@cache
def mnist(part: str = "train") -> tuple[Tensor, Tensor]:
    """The digits of LeCun, Cortes and Burges: images (N, 1, 28, 28) uint8, labels (N,) int64.

    `part` is "train" (N = 60,000) or "test" (N = 10,000). ValueError for another part or for a
    file whose content is not the published one.
    """
    if part not in FILES:
        raise ValueError(f"part must be one of {', '.join(FILES)}, got {part!r}")
    images, labels = (_read(name) for name in FILES[part])
    return images.view(-1, 1, 28, 28), labels.long()


def signed(images: Tensor) -> Tensor:
    """uint8 in 0..255 to float32 in [-1, 1], the range that the models work in."""
    return images.float() / 127.5 - 1


def _read(name: str) -> Tensor:
    """The bytes of an IDX file after its header: magic number (4), then one size a dimension."""
    try:
        content = gzip.decompress(FOLDER.read(name))
    except (OSError, EOFError, zlib.error) as error:
        raise FOLDER.refusal(name, "is cut short or broken") from error
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != MD5[name]:
        raise FOLDER.refusal(name, "is not the published file")
    dimensions = content[3]
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)[4 + 4 * dimensions :]
