"""A step of a sampler taken apart: the parts of x_next, each with its weight."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.samplers import Step, Weights


@dataclass(frozen=True)
class Update:
    """x_next as a sum of four parts, each of its shape, (B, C, H, W).

    Attributes:
        weights: of the predicted picture, of the predicted noise and of the fresh noise.
        x0: weights.x0 x0_hat, the predicted clean picture at the next level.
        eps: weights.eps eps_hat, the direction back to x_t.
        fresh: weights.fresh z, the noise that was drawn in this step; zeros where none was.
        correction: x_next without these three: what a sampler of higher order adds to its step
            of first order; zero, to rounding, for a sampler of first order.
    """

    weights: Weights
    x0: Tensor
    eps: Tensor
    fresh: Tensor
    correction: Tensor

    def total(self) -> Tensor:
        """The sum of the parts, which is x_next."""
        return self.x0 + self.eps + self.fresh + self.correction


def apart(step: Step) -> Update:
    """Take a step apart: x_s = a x0_hat + b eps_hat + c z + correction.

    Song et al. 2021, equation 12, https://arxiv.org/abs/2010.02502: a = alpha_s,
    b = sqrt(sigma_s^2 - c^2) and c = eta std, which is DDIM, and DDPM where eta is 1. The larger
    variance "beta" has a larger c with the same b; a consistency model has b and c of its own.
    """
    after, prediction = step.next_level, step.prediction
    weights = step.weights or Weights(after.alpha, after.sigma, 0.0)
    x0, eps = weights.x0 * prediction.x0, weights.eps * prediction.eps
    fresh = torch.zeros_like(x0) if step.drawn is None else weights.fresh * step.drawn
    return Update(weights, x0, eps, fresh, step.x_next - (x0 + eps + fresh))
