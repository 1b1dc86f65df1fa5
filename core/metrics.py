"""Numbers about pictures: how far apart two are, how far apart two sets are."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from core.networks import DigitClassifier

FOLDER = Path(__file__).parent.parent / "assets" / "models" / "digit-classifier"


def mse(a: Tensor, b: Tensor) -> float:
    """Mean squared error of pixels in [0, 1]."""
    return (a.double() - b.double()).square().mean().item()


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pixels in [0, 1]: -10 log10(mse); infinite if equal."""
    error = mse(a, b)
    return math.inf if error == 0 else -10 * math.log10(error)


def frechet(a: Tensor, b: Tensor) -> float:
    """Frechet distance of two sets of features, shapes (N, D) and (M, D).

    |mu_a - mu_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), with the trace of the root taken from
    the eigenvalues of C_a^(1/2) C_b C_a^(1/2). Heusel et al. 2017, equation 6,
    https://arxiv.org/abs/1706.08500. Biased upwards by about 1/N: compare equal N only.
    """
    a, b = a.double(), b.double()
    root = _root(torch.cov(a.T))
    middle = root @ torch.cov(b.T) @ root
    overlap = torch.linalg.eigvalsh(middle).clamp(min=0).sqrt().sum()
    traces = torch.cov(a.T).trace() + torch.cov(b.T).trace()
    return ((a.mean(0) - b.mean(0)).square().sum() + traces - 2 * overlap).item()


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


@cache
def digit_classifier() -> DigitClassifier:
    """The shipped classifier of digits, ready to read. ValueError when its weights are missing."""
    from safetensors.torch import load_file

    path = FOLDER / "model.safetensors"
    if not path.exists():
        raise ValueError(
            "the digit classifier has no weights; run python -m core.training mnist-classifier"
        )
    network = DigitClassifier()
    network.load_state_dict(load_file(path))
    return network.eval().requires_grad_(False)


@torch.no_grad()
def read_digits(x: Tensor) -> Tensor:
    """Probabilities of the ten digits for pictures (B, 1, 28, 28) in [-1, 1], shape (B, 10)."""
    return torch.cat([digit_classifier()(part).softmax(1) for part in x.float().split(500)])


@torch.no_grad()
def digit_features(x: Tensor) -> Tensor:
    """The classifier's 64 features of pictures (B, 1, 28, 28) in [-1, 1], shape (B, 64)."""
    return torch.cat([digit_classifier().features(part) for part in x.float().split(500)])
