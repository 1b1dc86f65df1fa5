"""The shipped classifiers: what they read in a picture, and the features they see in it."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from core.data.emoji import options
from core.files import shipped
from core.networks import DigitClassifier, EmojiClassifier, NoisyDigitClassifier
from core.weights import fill


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


@torch.no_grad()
def digit_features(x: Tensor) -> Tensor:
    """The classifier's 64 features of pictures (B, 1, 28, 28) in [-1, 1], shape (B, 64)."""
    return torch.cat([digit_classifier().features(part) for part in x.float().split(500)])
