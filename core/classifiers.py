"""The shipped classifiers: what they read in a picture, and the features they see in it."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from core.data.emoji import options
from core.files import shipped
from core.metrics import neighbour_correlation
from core.networks import DigitClassifier, EmojiClassifier, NoisyDigitClassifier
from core.weights import fill

SURE = 0.8  # what the classifier gives a label that counts as read
SMOOTH = 0.5  # correlation of neighbouring pixels: noise has less, digits have more


@cache
def digit_classifier() -> DigitClassifier:
    """The shipped classifier of digits, ready to read. ValueError when its weights are broken."""
    return _classifier(DigitClassifier(), "assets/models/digit-classifier")


@cache
def emoji_classifier() -> EmojiClassifier:
    """The shipped classifier of emoji scenes. ValueError when its weights are broken."""
    sizes = [len(words) for words in options().values()]
    return _classifier(EmojiClassifier(sizes), "assets/models/emoji-classifier")


@cache
def noisy_digit_classifier() -> NoisyDigitClassifier:
    """The shipped classifier of noisy digits. ValueError when its weights are broken."""
    return _classifier(NoisyDigitClassifier(), "assets/models/noisy-digit-classifier")


def _classifier(network: Any, folder: str) -> Any:
    fill(network, shipped(folder), ["model.safetensors"])
    return network.eval().requires_grad_(False)


@torch.no_grad()
def read_scenes(x: Tensor) -> dict[str, Tensor]:
    """Logits (B, classes) of every head for pictures (B, 3, 64, 64) in [-1, 1]."""
    parts = [emoji_classifier()(part) for part in x.float().split(200)]
    heads = [torch.cat(each) for each in zip(*parts, strict=True)]
    return dict(zip(options(), heads, strict=True))


@torch.no_grad()
def scene_features(x: Tensor) -> Tensor:
    """The classifier's 256 features of pictures (B, 3, 64, 64) in [-1, 1], shape (B, 256)."""
    return torch.cat([emoji_classifier().features(part) for part in x.float().split(200)])


@torch.no_grad()
def read_digits(x: Tensor) -> Tensor:
    """Probabilities of the ten digits for pictures (B, 1, 28, 28) in [-1, 1], shape (B, 10)."""
    return torch.cat([digit_classifier()(part).softmax(1) for part in x.float().split(500)])


def readable(x: Tensor) -> Tensor:
    """Which pictures (B, 1, 28, 28), clipped to [-1, 1], are a digit to it, (B,).

    They are no noise, of which a classifier that has never seen it can be sure, too; and one digit
    is at least as likely as `SURE`.
    """
    smooth = [neighbour_correlation(each) > SMOOTH for each in x.split(1)]
    return (read_digits(x.clamp(-1, 1)).amax(1) >= SURE) & torch.tensor(smooth)


@torch.no_grad()
def digit_features(x: Tensor) -> Tensor:
    """The classifier's 64 features of pictures (B, 1, 28, 28) in [-1, 1], shape (B, 64)."""
    return torch.cat([digit_classifier().features(part) for part in x.float().split(500)])
