"""Classifier guidance: a denoiser pushed towards a label by the gradient of a classifier of noise.

A classifier of noise maps (x, level) to log p(label | x) of every label, shape (B, labels); it
may leave out what is the same for all labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.denoisers import Denoiser, Guided, Prediction, from_eps
from core.schedules import Level

NoisyClassifier = Callable[[Tensor, Level], Tensor]


@dataclass(frozen=True, eq=False)
class Posterior:
    """The denoiser of one label, by Bayes' rule: eps = eps_u - sigma grad_x log p(label | x).

    With the score -eps / sigma that is the score of p(x | label). Dhariwal & Nichol 2021, equation
    14, https://arxiv.org/abs/2105.05233.

    Attributes:
        denoise: the denoiser that knows no label.
        classify: logits of all labels at a level; it is differentiated.
        label: the column of the logits.
    """

    denoise: Denoiser
    classify: NoisyClassifier
    label: int

    @property
    def cost(self) -> int:
        """That of the denoiser inside: the classifier is no network call of its."""
        return self.denoise.cost

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """The prediction for the label."""
        return self.given(self.denoise(x, level), x, level)

    def given(self, plain: Prediction, x: Tensor, level: Level) -> Prediction:
        """The same from the prediction without a label; at sigma = 0 there is nothing to say.

        ValueError where alpha is 0, as `from_eps`.
        """
        if level.sigma == 0:
            return plain
        pushed = from_eps(x, level, plain.eps - level.sigma * self.gradient(x, level))
        return pushed._replace(log_variance=plain.log_variance)

    @torch.enable_grad()
    def gradient(self, x: Tensor, level: Level) -> Tensor:
        """grad_x log p(label | x), shape of x; sigma above 0."""
        asked = x.detach().clone().requires_grad_()
        known = self.classify(asked, level).log_softmax(1)[:, self.label]
        return torch.autograd.grad(known.sum(), asked)[0].to(x)


class ClassifierGuided(Guided):
    """Guidance towards a `Posterior`: eps = eps_u - scale sigma grad_x log p(label | x).

    Scale 1 is p(x | label), above it p(x) p(label | x)^scale. Dhariwal & Nichol 2021, algorithm 2,
    https://arxiv.org/abs/2105.05233.
    """

    def __init__(
        self, denoise: Denoiser, classify: NoisyClassifier, label: int, scale: float
    ) -> None:
        """Guide a denoiser that knows no label; ValueError for a scale that is not finite."""
        self.posterior = Posterior(denoise, classify, label)
        super().__init__(self.posterior, denoise, scale)
        self.cost = denoise.cost

    def branches(self, x: Tensor, level: Level) -> tuple[Prediction, Prediction]:
        """With the label and without, at the cost of one."""
        plain = self.unconditional(x, level)
        return self.posterior.given(plain, x, level), plain


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
