"""How well a model compresses pictures: the bound on their likelihood, in bits per dimension.

L = L_0 + sum_(t>=1) KL(q(x_(t-1) | x_t, x_0) || p(x_(t-1) | x_t)) + KL(q(x_T | x_0) || N(0, I)),
where p has the posterior's mean at x0_hat. Ho et al. 2020, section 2,
https://arxiv.org/abs/2006.11239; with learned variances Nichol & Dhariwal 2021, section 3.1,
https://arxiv.org/abs/2102.09672.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.special import ndtr

from core.denoisers import Denoiser, Prediction
from core.noise import Noise
from core.schedules import Schedule

STEP = 2 / 255  # between two values of a pixel in [-1, 1]
LEAST = 1e-12  # probability of a pixel's value


def log_variances(schedule: Schedule) -> tuple[Tensor, Tensor]:
    """ln of the posterior's variance and of the forward step's, at every t: float64, (T,).

    The posterior has none at t = 0, and gets that of t = 1 there, as in the paper.
    """
    low = schedule.posterior_variance.log()
    return torch.cat([low[1:2], low[1:]]), schedule.beta.log()


def log_variance(
    schedule: Schedule, t: Tensor, seen: Prediction, variance: str = "posterior"
) -> Tensor:
    """ln of the variance of p at timesteps t (B,), as (B, 1, 1, 1) or (B, C, H, W) if learned.

    `variance` as in `core.samplers.ddim`. ValueError for a network that has learned none.
    """
    low, high = (each[t].view(-1, 1, 1, 1).to(seen.x0) for each in log_variances(schedule))
    if variance == "posterior":
        return low
    if variance == "beta":
        return torch.where((t == 0).view(-1, 1, 1, 1).to(low.device), low, high)
    if seen.log_variance is None:
        raise ValueError("this network has not learned a variance; use posterior or beta")
    return torch.lerp(low, high, seen.log_variance)


def term(schedule: Schedule, t: Tensor, x0: Tensor, guess: Tensor, spread: Tensor) -> Tensor:
    """The terms L_t of rows x0 (B, C, H, W) at timesteps t (B,), in bits per dimension, (B,).

    `guess` is x0_hat, `spread` the ln of the variance of p, see `log_variance`. At t = 0 it is
    the probability of each pixel's value, one of 256 in [-1, 1].
    """
    shape = (-1, 1, 1, 1)
    weight = schedule.posterior_x0[t].view(shape).to(x0)
    exact = log_variances(schedule)[0][t].view(shape).to(x0)
    apart = (weight * (x0 - guess)).square()
    divergence = (spread - exact + (exact - spread).exp() + apart * (-spread).exp() - 1) / 2
    first = (t == 0).view(shape).to(x0.device)
    nats = torch.where(first, -_log_probability(x0, guess, spread), divergence)
    return nats.flatten(1).mean(1) / math.log(2)


def prior(schedule: Schedule, x0: Tensor) -> Tensor:
    """KL(q(x_T | x_0) || N(0, I)) of rows, in bits per dimension, (B,): what is left of them."""
    alpha, variance = schedule.alpha[-1].item(), schedule.sigma[-1].item() ** 2
    nats = (variance - 1 - math.log(variance) + (alpha * x0).square()) / 2
    return nats.flatten(1).mean(1) / math.log(2)


@torch.no_grad()
def terms(
    denoise: Denoiser,
    schedule: Schedule,
    x0: Tensor,
    noise: Noise,
    variances: Sequence[str],
    steps: int | None = None,
) -> Iterator[list[float]]:
    """L_t from clean to noisy, the mean of the rows with each variance, by one network call.

    The sum of all and of `prior` is the bound: of T steps, or of fewer, evenly spaced.
    """
    visited, spaced = schedule.spaced(steps or len(schedule))
    for k, t in enumerate(visited):
        level, place = schedule.level(t), torch.full((len(x0),), k)
        seen = denoise(level.alpha * x0 + level.sigma * noise(x0), level)
        spreads = [log_variance(spaced, place, seen, variance) for variance in variances]
        yield [term(spaced, place, x0, seen.x0, each).mean().item() for each in spreads]


def _log_probability(x0: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    """ln of what a Gaussian gives to the value of each pixel, the ends being open."""
    narrow = (-spread / 2).exp()
    upper, lower = (x0 + STEP / 2 - mean) * narrow, (x0 - STEP / 2 - mean) * narrow
    upper = torch.where(x0 > 1 - STEP / 2, torch.inf, upper)
    lower = torch.where(x0 < -1 + STEP / 2, -torch.inf, lower)
    right = lower > 0  # of two that are near 1 the difference would be lost
    low, high = torch.where(right, -upper, lower), torch.where(right, -lower, upper)
    return (ndtr(high) - ndtr(low)).clamp(min=LEAST).log()
