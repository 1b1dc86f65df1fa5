"""Samplers: from noise to a picture, one `Step` at a time.

A sampler is a generator over a ladder of levels. Its formulas are written in the alpha and sigma
of the two levels of a step, so variance-preserving, variance-exploding and flow schedules share
one code path, and ascending levels turn it into an inversion.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from core.denoisers import Denoiser, Prediction
from core.noise import Noise as Noise  # what samplers draw comes from here, too
from core.noise import seeded as seeded
from core.schedules import Level


class Weights(NamedTuple):
    """What x_next is at first order: x0 x0_hat + eps eps_hat + fresh z, see `core.updates`.

    Where each pixel has a variance of its own, `fresh` is the root of their mean.
    """

    x0: float
    eps: float
    fresh: float


@dataclass(frozen=True, slots=True)
class Step:
    """One transition of a sampler: what was seen at `level`, and where it led.

    Attributes:
        index: 0 .. steps - 1.
        level: where x is.
        next_level: where x_next is.
        x: the picture before the step, (B, C, H, W).
        x_next: the picture after it.
        prediction: what the denoiser saw in x.
        calls: denoiser evaluations so far, this step included.
        weights: of its parts; None are those of Euler's rule, alpha and sigma of next_level and 0.
        drawn: the fresh noise z in x_next, shape of x; None where none was drawn. Where each
            pixel has a variance of its own, z is larger and smaller with it.
    """

    index: int
    level: Level
    next_level: Level
    x: Tensor
    x_next: Tensor
    prediction: Prediction
    calls: int
    weights: Weights | None = None
    drawn: Tensor | None = None


@dataclass(frozen=True)
class Sampler:
    """A menu entry: a generator function with the options that make it this sampler.

    Attributes:
        order: order of convergence on the probability-flow ODE.
        calls_per_step: denoiser evaluations per step.
        deterministic: whether it draws no noise by default and accepts none.
        source: authors, year, equation, link.
        same_as: the entry that it is identical to, in words; empty otherwise.
    """

    run: Callable[..., Iterator[Step]]
    order: int
    deterministic: bool
    source: str
    calls_per_step: int = 1
    same_as: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict)

    def __call__(
        self,
        denoise: Denoiser,
        x: Tensor,
        levels: Sequence[Level],
        *,
        noise: Noise | None = None,
        eta: float | None = None,
        **options: Any,
    ) -> Iterator[Step]:
        """Run over `levels`, from x at levels[0]; yields len(levels) - 1 steps.

        Args:
            denoise: the denoiser.
            x: the start, (B, C, H, W); on noisy-to-clean levels see `Model.start`.
            levels: the ladder, descending to sample or ascending to invert.
            noise: draws N(0, I) like its argument; only samplers that add noise need it.
            eta: amount of added noise in 0..1; None is the sampler's default.
            **options: what the sampler's own function takes besides.

        Raises:
            ValueError: at the first `next()`, for an eta outside 0..1, a nonzero eta on a
                deterministic sampler or on ascending levels, or missing noise.
        """
        if self.deterministic:
            return _without_eta(self, denoise, x, levels, eta, options)
        return self.run(denoise, x, levels, noise=noise, eta=eta, **{**self.fixed, **options})


SAMPLERS: dict[str, Sampler] = {}
VARIANCES = ("posterior", "beta", "learned")  # of ddim and ddpm


def register(name: str = "", **card: Any) -> Callable[[Callable], Callable]:
    """Enter a generator function into SAMPLERS under its own or the given name."""

    def enter(run: Callable[..., Iterator[Step]]) -> Callable[..., Iterator[Step]]:
        SAMPLERS[name or run.__name__] = Sampler(run, **card)
        return run

    return enter


@register(
    order=1,
    deterministic=False,
    source="Song et al. 2021, equation 12, https://arxiv.org/abs/2010.02502",
)
@torch.no_grad()
def ddim(denoise, x, levels, *, noise=None, eta=None, variance="posterior"):
    """DDIM and, at eta = 1, DDPM.

    x_s = alpha_s x0 + sigma_s sqrt(1 - eta^2 tau) eps + eta std z,
    tau = 1 - (alpha_t sigma_s / (alpha_s sigma_t))^2.

    `variance` "posterior": std = sigma_s sqrt(tau), and eta defaults to 0. "beta": std^2 is the
    variance of the forward step, sigma_t^2 - (alpha_t / alpha_s)^2 sigma_s^2, which is the
    sigma-hat of the DDIM paper, and eta defaults to 1. "learned": what the network says lies
    between both, see `Prediction.log_variance`, and eta defaults to 1.
    """
    if variance not in VARIANCES:
        raise ValueError(f"variance must be one of {', '.join(VARIANCES)}, got {variance!r}")
    eta = float(variance != "posterior") if eta is None else eta
    draw = _checked(eta, levels, noise)
    for index, (level, after) in enumerate(itertools.pairwise(levels)):
        prediction = denoise(x, level)
        kept, added = _split(level, after, eta, variance)
        x_next = after.alpha * prediction.x0 + kept * prediction.eps
        z = draw(x) if added else None
        if z is not None:
            if variance == "learned":
                spread = eta * learned_spread(level, after, prediction)
                added = spread.square().mean().sqrt().item()
                z = z * spread / added
            x_next = x_next + added * z
        weights = Weights(after.alpha, kept, added)
        yield Step(index, level, after, x, x_next, prediction, index + 1, weights, z)
        x = x_next


def learned_spread(level: Level, after: Level, prediction: Prediction) -> Tensor:
    """Standard deviation of each pixel of a step back where a network has learned it.

    exp((f log beta + (1 - f) log tilde_beta) / 2), f = `Prediction.log_variance`, of the posterior
    tilde_beta and of the forward step beta. Nichol & Dhariwal 2021, equation 15,
    https://arxiv.org/abs/2102.09672. ValueError for a network that has learned none.
    """
    if prediction.log_variance is None:
        raise ValueError(
            "this denoiser has not learned a variance; use the variance posterior or beta"
        )
    low, high = spreads(level, after)
    return low * (high / low) ** prediction.log_variance


def spreads(level: Level, after: Level) -> tuple[float, float]:
    """Standard deviations of a step back: of the posterior, and of the forward step."""
    return _split(level, after, 1.0, "posterior")[1], _split(level, after, 1.0, "beta")[1]


def _split(level: Level, after: Level, eta: float, variance: str) -> tuple[float, float]:
    """Factors of the predicted and of the fresh noise in x_s."""
    if eta == 0 or after.sigma == 0:
        return after.sigma, 0.0
    ratio = level.alpha / after.alpha
    tau = 1 - (ratio * after.sigma / level.sigma) ** 2
    added = after.sigma * math.sqrt(tau)
    if variance == "beta":
        added = math.sqrt(level.sigma**2 - (ratio * after.sigma) ** 2)
    return after.sigma * math.sqrt(1 - eta**2 * tau), eta * added


@register(
    order=1,
    deterministic=False,
    same_as="DDIM at eta 1",
    source="Ho et al. 2020, equation 7, https://arxiv.org/abs/2006.11239",
)
def ddpm(denoise, x, levels, *, noise=None, eta=None, variance="posterior"):
    """Ancestral sampling: DDIM at eta = 1. `variance` as in `ddim`."""
    eta = 1.0 if eta is None else eta
    return ddim(denoise, x, levels, noise=noise, eta=eta, variance=variance)


SAMPLERS["euler"] = Sampler(
    ddim,
    order=1,
    deterministic=True,
    same_as="DDIM at eta 0",
    source="Karras et al. 2022, algorithm 1 without correction, https://arxiv.org/abs/2206.00364",
)
SAMPLERS["euler_ancestral"] = Sampler(
    ddpm,
    order=1,
    deterministic=False,
    same_as="DDIM at eta 1, DDPM",
    source="Karras et al. 2022, https://arxiv.org/abs/2206.00364; Song et al. 2021, equation 12",
)
SAMPLERS["naive"] = Sampler(
    ddim,
    order=1,
    deterministic=True,
    same_as="DDIM at eta 0; on evenly spaced flow levels x <- x + (prediction - x) / (n - i)",
    source="Hugging Face diffusion course, unit 1, https://huggingface.co/learn/diffusion-course",
)


@register(
    order=2,
    calls_per_step=2,
    deterministic=True,
    source="Karras et al. 2022, algorithm 1, https://arxiv.org/abs/2206.00364",
)
@torch.no_grad()
def heun(denoise, x, levels, *, noise=None, eta=None):
    """The trapezoidal rule in y = x / alpha over kappa = sigma / alpha, dy/dkappa = eps.

    y_s = y_t + (kappa_s - kappa_t) (eps(x_t, t) + eps(x_s', s)) / 2 with x_s' from Euler's rule;
    Euler's rule alone into sigma = 0 and from alpha = 0, as in the paper.
    """
    calls = 0
    for index, (level, after) in enumerate(itertools.pairwise(levels)):
        prediction = denoise(x, level)
        x_next = after.alpha * prediction.x0 + after.sigma * prediction.eps
        calls += 1
        if after.sigma > 0 and level.alpha > 0 and after.alpha > 0:
            second = denoise(x_next, after)
            width = after.sigma - level.sigma * after.alpha / level.alpha
            x_next = x_next + (width / 2) * (second.eps - prediction.eps)
            calls += 1
        yield Step(index, level, after, x, x_next, prediction, calls)
        x = x_next


@register(
    order=2,
    deterministic=False,
    source="Lu et al. 2022, DPM-Solver++, https://arxiv.org/abs/2211.01095, SDE variant",
)
@torch.no_grad()
def dpmpp_2m_sde(denoise, x, levels, *, noise=None, eta=None):
    """Two-step multistep solver in lambda = ln(alpha / sigma), h = lambda_s - lambda_t.

    x_s = (sigma_s / sigma_t) e^(-eta h) x + alpha_s (1 - e^(-(1 + eta) h)) D
          + sigma_s sqrt(1 - e^(-2 eta h)) z,    D = x0 + (x0 - x0_before) h / (2 h_before).

    eta = 1 by default; at eta = 0 it is DPM-Solver++(2M), algorithm 2. The first step, and the
    last one into sigma = 0, use D = x0; upwards, out of sigma = 0 and into alpha = 0, Euler.
    """
    eta = 1.0 if eta is None else eta
    draw = _checked(eta, levels, noise)
    before = None  # x0 and h of the previous step
    for index, (level, after) in enumerate(itertools.pairwise(levels)):
        prediction = denoise(x, level)
        h = (after.log_snr - level.log_snr) / 2
        guess = prediction.x0
        if before is not None and math.isfinite(h):
            guess = guess + (h / (2 * before[1])) * (guess - before[0])
        kept, drift, added = _exponentials(level, after, h, eta)
        x_next, weights = kept * x + drift * guess, Weights(after.alpha, kept * level.sigma, added)
        if level.sigma == 0 or after.alpha == 0:  # upwards only: h is infinite, Euler's rule
            x_next = after.alpha * prediction.x0 + after.sigma * prediction.eps
            weights = None
        z = draw(x) if added else None
        if z is not None:
            x_next = x_next + added * z
        yield Step(index, level, after, x, x_next, prediction, index + 1, weights, z)
        x, before = x_next, (prediction.x0, h)


def _exponentials(level: Level, after: Level, h: float, eta: float) -> tuple[float, float, float]:
    """Factors of x, of the guess and of the fresh noise in x_s."""
    if after.sigma == 0:
        return 0.0, after.alpha, 0.0
    decay = math.exp(-eta * h) if eta else 1.0
    added = after.sigma * math.sqrt(-math.expm1(-2 * eta * h)) if eta else 0.0
    kept = after.sigma / level.sigma * decay if level.sigma else math.inf
    return kept, -after.alpha * math.expm1(-(1 + eta) * h), added


@register(
    order=2,
    deterministic=True,
    source="Lu et al. 2022, algorithm 2, https://arxiv.org/abs/2211.01095",
)
def dpmpp_2m(denoise, x, levels, *, noise=None, eta=None):
    """DPM-Solver++(2M): `dpmpp_2m_sde` at eta = 0."""
    return dpmpp_2m_sde(denoise, x, levels, eta=0.0)


def ascending(levels: Sequence[Level]) -> bool:
    """Whether the levels lead from clean to noisy."""
    return len(levels) > 1 and levels[0].log_snr > levels[-1].log_snr


def _checked(eta: float, levels: Sequence[Level], noise: Noise | None) -> Noise:
    """The source of fresh noise, never asked where eta is 0."""
    if not 0 <= eta <= 1:
        raise ValueError(f"eta must be in 0..1, got {eta}")
    if eta and ascending(levels):
        raise ValueError(f"eta must be 0 on ascending levels (inversion adds no noise), got {eta}")
    if eta and noise is None:
        raise ValueError(f"eta {eta} adds noise: pass noise=seeded(seed, batch)")
    return noise or torch.zeros_like


def _without_eta(sampler, denoise, x, levels, eta, options):
    if eta:
        raise ValueError(f"this sampler is deterministic: eta must be 0 or None, got {eta}")
    if "variance" in options:
        raise ValueError("this sampler is deterministic: it adds no noise and takes no variance")
    yield from sampler.run(denoise, x, levels, **{**sampler.fixed, **options})
