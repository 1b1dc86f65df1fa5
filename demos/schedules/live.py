"""What the browser needs to noise a digit by itself while a schedule is drawn."""

from __future__ import annotations

import base64

import torch
from torch import Tensor

from core.data import mnist, signed
from core.noise import seeded


def digit_of(digit: int) -> Tensor:
    """The picture of a digit that the tab noises, uint8 (1, 1, 28, 28)."""
    images, labels = mnist("test")
    return images[(labels == digit).nonzero()[0]]


def noise_of(x0: Tensor) -> Tensor:
    """The noise that the tab adds to it."""
    return seeded(0, 1)(x0)


def digits() -> str:
    """The ten digits and the noise as an element out of sight: bytes, and float32, in base64."""
    pictures = torch.cat([digit_of(digit) for digit in range(10)])
    noise = noise_of(signed(pictures[:1])).float()
    texts = (_base64(each) for each in (pictures, noise))
    return '<div class="live-digits" hidden data-digits="{}" data-noise="{}"></div>'.format(*texts)


def _base64(values: Tensor) -> str:
    return base64.b64encode(values.contiguous().numpy().tobytes()).decode()
