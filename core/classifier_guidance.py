"""Classifier guidance: a denoiser pushed towards a label by the gradient of a classifier of noise.

A classifier of noise maps (x, level) to log p(label | x) of every label, shape (B, labels); it
may leave out what is the same for all labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.denoisers import Denoiser, Prediction, from_eps
from core.schedules import Level

NoisyClassifier = Callable[[Tensor, Level], Tensor]


@dataclass(frozen=True, eq=False)
class ClassifierGuided:
    """eps = eps_u - scale sigma grad_x log p(label | x), and x0 from it.

    With the score -eps / sigma this is Bayes' rule: at scale 1 the score of p(x | label), above it
    that of p(x) p(label | x)^scale. Dhariwal & Nichol 2021, algorithm 2 and equation 14,
    https://arxiv.org/abs/2105.05233.

    Attributes:
        denoise: the denoiser that is guided, which knows no label.
        classify: logits of all labels at a level; it is differentiated.
        label: the row of the logits to push to.
        scale: 0 leaves the denoiser alone. ValueError if it is not finite.
    """

    denoise: Denoiser
    classify: NoisyClassifier
    label: int
    scale: float

    def __post_init__(self) -> None:
        """Check the scale."""
        if not math.isfinite(self.scale):
            raise ValueError(f"guidance scale must be a finite number, got {self.scale}")

    @property
    def cost(self) -> int:
        """That of the denoiser inside: the classifier is no network call of its."""
        return self.denoise.cost

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """The guided prediction at this level; at sigma = 0 there is nothing to guide."""
        return self.combined(*self.parts(x, level), x, level)

    def parts(self, x: Tensor, level: Level) -> tuple[Prediction, Tensor]:
        """The prediction without the classifier, and grad_x log p(label | x)."""
        return self.denoise(x, level), self.gradient(x, level)

    def combined(self, plain: Prediction, gradient: Tensor, x: Tensor, level: Level) -> Prediction:
        """The guided prediction of both parts; ValueError where alpha is 0, as `from_eps`."""
        if self.scale == 0 or level.sigma == 0:
            return plain
        return from_eps(x, level, plain.eps - self.scale * level.sigma * gradient)

    @torch.enable_grad()
    def gradient(self, x: Tensor, level: Level) -> Tensor:
        """grad_x log p(label | x), shape of x; 0 at sigma = 0."""
        if level.sigma == 0:
            return torch.zeros_like(x)
        asked = x.detach().clone().requires_grad_()
        known = self.classify(asked, level).log_softmax(1)[:, self.label]
        return torch.autograd.grad(known.sum(), asked)[0].to(x)


class EmpiricalClassifier:
    """The exact classifier of noisy pictures of a finite set, each with a label.

    log p(label | x) = log sum_{i: y_i = label} w_i, with the weights w of
    `core.denoisers.Empirical`; the products are float64.
    """

    def __init__(self, images: Tensor, labels: Tensor, count: int = 10) -> None:
        """Keep the pictures (N, C, H, W) and their labels (N,) in 0..count - 1."""
        self.labels = labels.cpu().long()
        self.count = count
        self.flat = images.flatten(1).cpu().double()
        self.half_norm = self.flat.square().sum(1) / 2

    def __call__(self, x: Tensor, level: Level) -> Tensor:
        """log p(label | x) of each label, (B, count), in the type of x; sigma above 0."""
        products = x.flatten(1).cpu().double() @ self.flat.T - level.alpha * self.half_norm
        logits = products * (level.alpha / level.sigma**2)
        each = [logits[:, self.labels == k].logsumexp(1) for k in range(self.count)]
        return torch.stack(each, dim=1).log_softmax(1).to(x)
