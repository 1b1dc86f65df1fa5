"""Denoisers: functions that look at a noisy picture and say what is signal and what is noise.

A denoiser maps (x, level) to a `Prediction`. Networks, guidance and the exact denoisers of known
distributions are all denoisers, so a sampler needs to know nothing else.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from core.schedules import Level

Scale = float | Tensor


class Prediction(NamedTuple):
    """What a denoiser sees in x: x = alpha x0 + sigma eps, exactly.

    Attributes:
        x0: predicted clean picture, shape of x.
        eps: predicted noise, shape of x.
        log_variance: where a network learned the variance of a step back, the place of its
            logarithm, per pixel, between that of the posterior's (0) and of the forward step's
            (1). Nichol & Dhariwal 2021, equation 15, https://arxiv.org/abs/2102.09672.
    """

    x0: Tensor
    eps: Tensor
    log_variance: Tensor | None = None


class Denoiser(Protocol):
    """Predicts signal and noise."""

    @property
    def cost(self) -> int:
        """Network rows per sample and call: 1, Guided 2, exact denoisers 0."""
        ...

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """Split x, shape (B, C, H, W), at this level."""
        ...


def from_eps(x: Tensor, level: Level, eps: Tensor) -> Prediction:
    """x0 = (x - sigma eps) / alpha. ValueError at alpha = 0, where eps says nothing about x0."""
    if level.alpha == 0:
        raise ValueError(
            "a noise prediction says nothing about x0 where alpha is 0; "
            "use a model that predicts v or x0 with zero terminal SNR"
        )
    return Prediction((x - level.sigma * eps) / level.alpha, eps)


def from_x0(x: Tensor, level: Level, x0: Tensor) -> Prediction:
    """eps = (x - alpha x0) / sigma; at sigma = 0 there is no noise: x0 = x / alpha, eps = 0."""
    if level.sigma == 0:
        return Prediction(x / level.alpha, torch.zeros_like(x))
    return Prediction(x0, (x - level.alpha * x0) / level.sigma)


def from_v(x: Tensor, level: Level, v: Tensor) -> Prediction:
    """v = alpha eps - sigma x0, hence x0 = (alpha x - sigma v) / (alpha^2 + sigma^2).

    Salimans & Ho 2022, section 4, https://arxiv.org/abs/2202.00512.
    """
    scale = level.alpha**2 + level.sigma**2
    x0 = (level.alpha * x - level.sigma * v) / scale
    return Prediction(x0, (level.sigma * x + level.alpha * v) / scale)


def from_flow(x: Tensor, level: Level, velocity: Tensor) -> Prediction:
    """velocity = eps - x0, hence x0 = (x - sigma velocity) / (alpha + sigma).

    Liu et al. 2023, https://arxiv.org/abs/2209.03003.
    """
    scale = level.alpha + level.sigma
    x0 = (x - level.sigma * velocity) / scale
    return Prediction(x0, (x + level.alpha * velocity) / scale)


CONVERSIONS: dict[str, Callable[[Tensor, Level, Tensor], Prediction]] = {
    "epsilon": from_eps,
    "sample": from_x0,
    "v_prediction": from_v,
    "flow": from_flow,
}


def said_by(output: Tensor, x: Tensor, level: Level, kind: str) -> Prediction:
    """What the output of a network of this kind says of x.

    Where it has twice as many channels, the second half, from -1 to 1, is `log_variance`.
    """
    if output.shape[1] != 2 * x.shape[1]:
        return CONVERSIONS[kind](x, level, output)
    output, values = output.chunk(2, dim=1)
    return CONVERSIONS[kind](x, level, output)._replace(log_variance=(values + 1) / 2)


def target_of(kind: str, x0: Tensor, eps: Tensor, alpha: Scale, sigma: Scale) -> Tensor:
    """What a network of this kind is trained to put out: the way back of CONVERSIONS.

    `alpha` and `sigma` are numbers, or tensors with one entry per row that broadcast. ValueError
    for an unknown kind.
    """
    if kind not in CONVERSIONS:
        raise ValueError(f"kind must be one of {', '.join(CONVERSIONS)}, got {kind!r}")
    if kind == "v_prediction":
        return alpha * eps - sigma * x0
    return {"epsilon": eps, "sample": x0, "flow": eps - x0}[kind]


def output_of(prediction: Prediction, level: Level, kind: str) -> Tensor:
    """What a network of this kind has put out, from its prediction; ValueError as `target_of`."""
    return target_of(kind, prediction.x0, prediction.eps, level.alpha, level.sigma)


@dataclass(frozen=True, eq=False)
class Network:
    """A network with its condition filled in.

    Attributes:
        forward: (x, t, condition) -> output; the one place where the network is called.
        kind: what the output is, a key of CONVERSIONS.
        condition: one entry per row of x, or None for a network without conditions.
    """

    forward: Callable[[Tensor, float, Tensor | None], Tensor]
    kind: str = "epsilon"
    condition: Tensor | None = None
    cost: int = 1

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """One network call at label max(t, 0): the clean end has no trained label."""
        output = self.forward(x, max(level.t, 0.0), self.rows(len(x)))
        return said_by(output, x, level, self.kind)

    def rows(self, batch: int) -> Tensor | None:
        """The condition of `batch` rows; a single one is repeated."""
        if self.condition is None or len(self.condition) == batch:
            return self.condition
        if len(self.condition) != 1:
            raise ValueError(f"{len(self.condition)} prompts do not fit {batch} pictures")
        return self.condition.expand(batch, *self.condition.shape[1:])


class Guided:
    """Classifier-free guidance: eps = eps_u + scale (eps_c - eps_u), and x0 likewise.

    Ho & Salimans 2022, equation 6 with scale = 1 + w, https://arxiv.org/abs/2207.12598. Scale 1
    is the conditional denoiser alone. One batched network call where both branches share it.
    """

    def __init__(self, conditional: Denoiser, unconditional: Denoiser, scale: float) -> None:
        """Combine two denoisers; ValueError for a scale that is not finite."""
        if not math.isfinite(scale):
            raise ValueError(f"guidance scale must be a finite number, got {scale}")
        self.conditional, self.unconditional, self.scale = conditional, unconditional, scale
        skips = scale == 1
        self.cost = conditional.cost if skips else conditional.cost + unconditional.cost

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """The guided prediction at this level."""
        if self.scale == 1:
            return self.conditional(x, level)
        return self.combined(*self.branches(x, level))

    def combined(self, yes: Prediction, no: Prediction) -> Prediction:
        """The guided prediction of two branches; a learned variance is the conditional one."""
        x0, eps = torch.lerp(no.x0, yes.x0, self.scale), torch.lerp(no.eps, yes.eps, self.scale)
        return Prediction(x0, eps, yes.log_variance)

    def branches(self, x: Tensor, level: Level) -> tuple[Prediction, Prediction]:
        """The conditional and the unconditional prediction."""
        yes, no = self.conditional, self.unconditional
        if not (
            isinstance(yes, Network)
            and isinstance(no, Network)
            and (yes.forward, yes.kind) == (no.forward, no.kind)
        ):
            return yes(x, level), no(x, level)
        conditions = [branch.rows(len(x)) for branch in (yes, no)]
        given = [condition for condition in conditions if condition is not None]
        if len(given) == 1:  # one branch without a condition cannot share a batch
            return yes(x, level), no(x, level)
        twice = torch.cat([x, x])
        output = yes.forward(twice, max(level.t, 0.0), torch.cat(given) if given else None)
        first, second = (said_by(half, x, level, yes.kind) for half in output.chunk(2))
        return first, second


@dataclass(frozen=True, eq=False)
class Clipped:
    """Clip the predicted x0 to the range of pictures and recompute eps from it.

    Ho et al. 2020 (`clip_denoised` in their code), https://arxiv.org/abs/2006.11239.
    """

    denoise: Denoiser
    low: float = -1.0
    high: float = 1.0

    @property
    def cost(self) -> int:
        """That of the denoiser inside."""
        return self.denoise.cost

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """The clipped prediction at this level."""
        seen = self.denoise(x, level)
        clipped = from_x0(x, level, seen.x0.clamp(self.low, self.high))
        return clipped._replace(log_variance=seen.log_variance)


@dataclass(frozen=True, eq=False)
class Gaussian:
    """The exact denoiser of data x0 ~ N(mean, std^2 I).

    With v = alpha^2 std^2 + sigma^2:  x0 = mean + alpha std^2 (x - alpha mean) / v,
    eps = sigma (x - alpha mean) / v.  Bishop 2006, equation 2.116.
    """

    mean: Tensor | float = 0.0
    std: float = 1.0
    cost: int = 0

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """E[x0 | x] and E[eps | x]; at sigma = 0: x0 = x / alpha, eps = 0."""
        if level.sigma == 0:
            return from_x0(x, level, x)
        deviation = (x - level.alpha * self.mean) / (level.alpha**2 * self.std**2 + level.sigma**2)
        x0 = self.mean + level.alpha * self.std**2 * deviation
        return Prediction(x0, level.sigma * deviation)


class Empirical:
    """The exact denoiser of a finite set of pictures: E[x0 | x] = sum_i w_i x_i.

    w = softmax_i( (alpha <x, x_i> - alpha^2 |x_i|^2 / 2) / sigma^2 ).  Karras et al. 2022,
    appendix B.3, https://arxiv.org/abs/2206.00364. The products are float64, since the exponents
    reach 1e8 at the clean end, and run over chunks of the set with a running maximum.
    """

    cost = 0
    chunk = 2048

    def __init__(self, images: Tensor) -> None:
        """Keep the pictures, shape (N, C, H, W); ValueError if there are none."""
        if not len(images):
            raise ValueError("an empirical denoiser needs at least one picture")
        self.images = images
        self._flat = images.flatten(1).cpu().double()  # once: a copy a chunk fragments the heap
        self._half_norm = self._flat.square().sum(1) / 2

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """Posterior mean of x, shape (B, C, H, W); at sigma = 0: x0 = x / alpha, eps = 0."""
        if level.sigma == 0:
            return from_x0(x, level, x)
        mean = self._mean(x.flatten(1).cpu().double(), level)
        return from_x0(x, level, mean.view(x.shape).to(x))

    def nearest(self, x: Tensor) -> Tensor:
        """Index of the picture nearest to each row of x, shape (B,)."""
        flat = x.flatten(1).cpu().double()
        scores = [flat @ part.T - half for part, half in self._chunks()]
        return torch.cat(scores, dim=1).argmax(1)

    def _chunks(self):
        return zip(self._flat.split(self.chunk), self._half_norm.split(self.chunk), strict=True)

    def _mean(self, x: Tensor, level: Level) -> Tensor:
        top = x.new_full((len(x), 1), -torch.inf)
        total, mean = x.new_zeros(len(x), 1), torch.zeros_like(x)
        for part, half_norm in self._chunks():
            logits = (x @ part.T - level.alpha * half_norm) * (level.alpha / level.sigma**2)
            new_top = torch.maximum(top, logits.amax(1, keepdim=True))
            weights, keep = (logits - new_top).exp(), (top - new_top).exp()
            total = total * keep + weights.sum(1, keepdim=True)
            mean = mean * keep + weights @ part
            top = new_top
        return mean / total


class Rows:
    """A denoiser of its own for each row, for batches with several prompts."""

    def __init__(self, denoisers: Sequence[Denoiser]) -> None:
        """One denoiser per row; rows that share one are computed together."""
        self.denoisers = list(denoisers)
        self.cost = max(denoiser.cost for denoiser in denoisers)

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """The prediction of each row by its own denoiser."""
        if len(x) != len(self.denoisers):
            raise ValueError(f"{len(self.denoisers)} prompts do not fit {len(x)} pictures")
        x0, eps = torch.empty_like(x), torch.empty_like(x)
        for denoise in set(self.denoisers):
            rows = [i for i, other in enumerate(self.denoisers) if other is denoise]
            x0[rows], eps[rows] = denoise(x[rows], level)[:2]
        return Prediction(x0, eps)


def lookahead(denoise: Denoiser, levels: Sequence[Level]) -> Denoiser:
    """Ask the denoiser for the noise at the level a step leads to: eps(x_i, level_(i+1)).

    The target-label convention of DDIM inversion: the first fixed-point iterate of the implicit
    inverse, and it never asks the network for a level below its training grid. `levels` are the
    ascending levels of the run. Mokady et al. 2023, section 3.1, https://arxiv.org/abs/2211.09794.
    """
    following = dict(itertools.pairwise(levels))
    return _Lookahead(denoise, following, denoise.cost)


@dataclass(frozen=True, eq=False)
class _Lookahead:
    denoise: Denoiser
    following: dict[Level, Level]
    cost: int

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        return from_eps(x, level, self.denoise(x, self.following[level]).eps)
