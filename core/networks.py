"""The networks that are ours: the small U-Net of the first lesson, and the classifiers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BasicUNet(nn.Module):
    """A U-Net of 0.3 M parameters that predicts the clean picture and is told no timestep.

    Three 5x5 convolutions down (32, 64, 64 channels, max-pooled between them), three up, with
    the activations before each pooling added back. Input and output (B, C, H, W) in [0, 1], H
    and W multiples of 4; the shipped weights are for (B, 1, 28, 28).
    Architecture: Hugging Face diffusion course, unit 1,
    https://huggingface.co/learn/diffusion-course.
    """

    def __init__(self, channels: int = 1, activation: Callable[[Tensor], Tensor] = F.silu) -> None:
        """Random weights."""
        super().__init__()
        self.activation = activation
        down, up = [(channels, 32), (32, 64), (64, 64)], [(64, 64), (64, 32), (32, channels)]
        self.down_layers = nn.ModuleList(nn.Conv2d(cin, cout, 5, padding=2) for cin, cout in down)
        self.up_layers = nn.ModuleList(nn.Conv2d(cin, cout, 5, padding=2) for cin, cout in up)

    def forward(self, x: Tensor) -> Tensor:
        """The predicted clean picture."""
        act = self.activation
        first, second, third = self.down_layers
        a = act(first(x))
        b = act(second(F.max_pool2d(a, 2)))
        x = act(third(F.max_pool2d(b, 2)))
        first, second, third = self.up_layers
        x = act(first(x))
        x = act(second(F.interpolate(x, scale_factor=2.0) + b))
        return third(F.interpolate(x, scale_factor=2.0) + a)


class PointNetwork(nn.Module):
    """Denoises points of the plane, told t: three residual layers of 128, 0.06 M parameters.

    Points are pictures of two channels and one pixel, (B, 2, 1, 1), t is (B,) in 0..999. It sees
    x, y and the sines and cosines of 1, 2, 4 and 8 times each, since a network of plain numbers is
    slow to learn fine shapes: Tancik et al. 2020, https://arxiv.org/abs/2006.10739.
    """

    octaves = 4

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        self.time = nn.Linear(64, 128)
        self.place = nn.Linear(2 + 4 * self.octaves, 128)
        self.layers = nn.ModuleList(nn.Linear(128, 128) for _ in range(3))
        self.head = nn.Linear(128, 2)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """What it was trained to say of the points, of their shape."""
        angles = (x.flatten(1)[:, :, None] * 2.0 ** torch.arange(self.octaves).to(x)).flatten(1)
        seen = torch.cat([x.flatten(1), angles.sin(), angles.cos()], dim=1)
        h = self.place(seen) + self.time(waves(t, 64).to(x))
        for layer in self.layers:
            h = h + layer(F.silu(h))
        return self.head(F.silu(h)).view_as(x)


class DigitClassifier(nn.Module):
    """Reads digits: two convolutions, 64 features, 10 logits. Input (B, 1, 28, 28) in [-1, 1]."""

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.hidden = nn.Linear(32 * 7 * 7, 64)
        self.head = nn.Linear(64, 10)

    def features(self, x: Tensor) -> Tensor:
        """The 64 activations below the logits, (B, 64); the space of the Frechet distance."""
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return F.relu(self.hidden(x.flatten(1)))

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Logits of the ten digits, (B, 10); with a generator, 0.3 of the features drop out."""
        return self.head(dropped(self.features(x), 0.3, generator))


class NoisyDigitClassifier(nn.Module):
    """Reads digits in noise, told how much: p(label | x_t, t), 0.15 M parameters.

    Three convolutions of stride 2; each one's channels are scaled and shifted by the timestep.
    Input (B, 1, 28, 28), a digit in [-1, 1] noised by DDPM's schedule, and t in 0..999. Dhariwal &
    Nichol 2021, section 4, https://arxiv.org/abs/2105.05233.
    """

    widths = (1, 32, 64, 64)

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(cin, cout, 3, stride=2, padding=1) for cin, cout in pairwise(self.widths)
        )
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for width in self.widths[1:])
        self.time = nn.Linear(64, 64)
        self.scales = nn.ModuleList(nn.Linear(64, 2 * width) for width in self.widths[1:])
        self.hidden = nn.Linear(64 * 4 * 4, 64)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor, t: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Logits of the ten digits, (B, 10), at timesteps (B,); 0.2 may drop out."""
        told = F.silu(self.time(waves(t, 64).to(x)))
        for convolution, norm, scale in zip(
            self.convolutions, self.norms, self.scales, strict=True
        ):
            gain, shift = scale(told)[..., None, None].chunk(2, dim=1)
            x = F.silu(norm(convolution(x)) * (1 + gain) + shift)
        features = F.silu(self.hidden(x.flatten(1)))
        return self.head(dropped(features, 0.2, generator))


class EmojiClassifier(nn.Module):
    """Reads emoji scenes: subject, tint, background, place and style, each from one head.

    Four convolutions of stride 2, 256 features. Input (B, 3, 64, 64) in [-1, 1].

    Args:
        classes: number of classes of each head.
    """

    def __init__(self, classes: Sequence[int]) -> None:
        """Random weights."""
        super().__init__()
        self.classes = list(classes)
        widths = (3, 32, 64, 128, 160)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(cin, cout, 3, stride=2, padding=1) for cin, cout in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for width in widths[1:])
        self.hidden = nn.Linear(160 * 4 * 4, 256)
        self.head = nn.Linear(256, sum(classes))

    def features(self, x: Tensor) -> Tensor:
        """The 256 activations below the logits, (B, 256); the space of the Frechet distance."""
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = F.silu(norm(convolution(x)))
        return F.silu(self.hidden(x.flatten(1)))

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, ...]:
        """Logits (B, n) of each head; with a generator, 0.2 of the features drop out."""
        features = dropped(self.features(x), 0.2, generator)
        return self.head(features).split(self.classes, dim=1)


def waves(values: Tensor, size: int) -> Tensor:
    """What a network is told of a number, such as a timestep: (B,) to (B, size).

    sin and cos of t 10000^(-k / (h - 1)), k = 0 .. h - 1, h = size // 2; 0 where size is odd.
    Vaswani et al. 2017, section 3.5, https://arxiv.org/abs/1706.03762, in the form of Kingma et
    al. 2021, https://arxiv.org/abs/2107.00630.
    """
    half = size // 2
    turns = torch.exp(torch.arange(half) * -(math.log(10000) / (half - 1)))
    angles = values.float()[:, None].cpu() * turns
    return F.pad(torch.cat([angles.sin(), angles.cos()], dim=1), (0, size % 2)).to(values.device)


def dropped(x: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """x with a share of its entries at 0 and the others larger by 1 / (1 - share).

    Which ones, the generator draws, on the CPU; without one x stays as it is. Srivastava et al.
    2014, https://jmlr.org/papers/v15/srivastava14a.html.
    """
    if generator is None:
        return x
    kept = torch.rand(x.shape, generator=generator) >= share
    return x * kept.to(x) / (1 - share)
