"""Noise schedules: how much signal and how much noise a picture holds at each timestep.

Every module of `core` uses the same notation:

    x0          clean picture
    x, x_t      picture at timestep t:  x_t = alpha_t x0 + sigma_t eps,  eps ~ N(0, I)
    alpha       signal scale; the square root of what DDPM calls alpha-bar (DDIM: alpha)
    sigma       noise scale; sqrt(1 - alpha^2) where the schedule preserves variance
    alpha_bar   alpha^2
    beta        variance of the Markov step  x_t = (alpha_t / alpha_(t-1)) x_(t-1) + sqrt(beta_t) z
    snr         alpha^2 / sigma^2;  log_snr is its natural logarithm
    t           index of the training grid 0 .. T-1 (0 least noisy); -1 is the clean end
    s           the level a step leads to
    eta         share of the ancestral noise that a sampler adds (0 none, 1 DDPM)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.checks import integer, said, whole

SPACINGS = ("leading", "trailing", "linspace")


@dataclass(frozen=True, slots=True)
class Level:
    """One noise level: x = alpha x0 + sigma eps.

    `t` is the label that the network was trained with at this level, -1 at the clean end.
    """

    t: float
    alpha: float
    sigma: float

    @property
    def log_snr(self) -> float:
        """ln(alpha^2 / sigma^2): infinite where there is no noise, -infinite without signal."""
        if self.sigma == 0:
            return math.inf
        return 2 * math.log(self.alpha / self.sigma) if self.alpha > 0 else -math.inf


CLEAN = Level(-1.0, 1.0, 0.0)


@dataclass(frozen=True, eq=False)
class Schedule:
    """Scales of q(x_t | x_0) = N(alpha_t x_0, sigma_t^2 I) on the training grid t = 0 .. T-1.

    Attributes:
        alpha: signal scale, float64, shape (T,), in 0..1.
        sigma: noise scale, float64, shape (T,), positive.
        final: the clean level that sampling ends in (diffusers: `final_alpha_cumprod`).
        offset: timesteps added by "leading" spacing (diffusers: `steps_offset`).
    """

    alpha: Tensor
    sigma: Tensor
    final: Level = CLEAN
    offset: int = 0

    def __post_init__(self) -> None:
        """ValueError for an offset that is no whole number, or below 0."""
        object.__setattr__(self, "offset", whole(self.offset, "offset", 0))

    def __len__(self) -> int:
        """T, the number of training timesteps."""
        return len(self.alpha)

    def level(self, t: int) -> Level:
        """The level at timestep t in 0..T-1; -1 is the clean end. ValueError beyond."""
        t = whole(t, "t", -1, len(self) - 1)
        if t == -1:
            return self.final
        return Level(float(t), float(self.alpha[t]), float(self.sigma[t]))

    def levels(self, steps: int, spacing: str = "trailing") -> list[Level]:
        """The `steps + 1` levels that a run of `steps` steps visits, noisy to clean.

        leading:   t = i floor(T / N) + offset
        trailing:  t = round(T - i T / N) - 1
        linspace:  t = round(i (T - 1) / (N - 1))

        Lin et al. 2023, table 2, https://arxiv.org/abs/2305.08891. Raises ValueError for steps
        outside 1..T, an unknown spacing, or a timestep beyond T - 1.
        """
        return [*(self.level(t) for t in self.timesteps(steps, spacing)), self.final]

    def timesteps(self, steps: int, spacing: str = "trailing") -> list[int]:
        """The timesteps of `levels`, without the clean end: descending, `steps` entries."""
        total = len(self)
        n = whole(steps, "steps", 1, total)
        if spacing == "leading":
            visited = [i * (total // n) + self.offset for i in reversed(range(n))]
        elif spacing == "trailing":
            visited = [round(total - i * total / n) - 1 for i in range(n)]
        elif spacing == "linspace":
            stride = (total - 1) / max(n - 1, 1)
            visited = [round(i * stride) for i in reversed(range(n))]
        else:
            raise ValueError(f"spacing must be one of {', '.join(SPACINGS)}, got {spacing!r}")
        if visited[0] >= total:
            raise ValueError(
                f"{spacing} spacing with {n} steps and offset {self.offset} reaches t = "
                f"{visited[0]}, but the last timestep is {total - 1}; use fewer steps"
            )
        return visited

    def spaced(self, steps: int, spacing: str = "trailing") -> tuple[list[int], Schedule]:
        """The timesteps of `levels`, ascending, and the schedule whose grid they are."""
        visited = self.timesteps(steps, spacing)[::-1]
        return visited, Schedule(self.alpha[visited], self.sigma[visited])

    def scales(self, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """alpha and sigma at timesteps t (B,) as (B, 1, 1, 1), to multiply `like` (B, C, H, W)."""
        shape = (-1, *[1] * (like.dim() - 1))
        return self.alpha[t].view(shape).to(like), self.sigma[t].view(shape).to(like)

    @property
    def alpha_bar(self) -> Tensor:
        """alpha^2, the share of the signal's variance that is left."""
        return self.alpha**2

    @property
    def snr(self) -> Tensor:
        """alpha^2 / sigma^2."""
        return self.alpha**2 / self.sigma**2

    @property
    def log_snr(self) -> Tensor:
        """ln(alpha^2 / sigma^2); -infinite where alpha is 0."""
        return 2 * (self.alpha.log() - self.sigma.log())

    @property
    def beta(self) -> Tensor:
        """Variance of one Markov step, sigma_t^2 - (alpha_t / alpha_(t-1))^2 sigma_(t-1)^2.

        Equal to 1 - (alpha_t / alpha_(t-1))^2 where variance is preserved; the predecessor of
        t = 0 is (1, 0).
        """
        alpha, sigma = self._previous()
        ratio = torch.where(alpha > 0, self.alpha / alpha, 0.0)  # 0: no signal left to scale
        return self.sigma**2 - ratio**2 * sigma**2

    @property
    def posterior_variance(self) -> Tensor:
        """Variance of q(x_(t-1) | x_t, x_0): beta_t sigma_(t-1)^2 / sigma_t^2.

        Ho et al. 2020, equation 7, https://arxiv.org/abs/2006.11239.
        """
        return self.beta * self._previous()[1] ** 2 / self.sigma**2

    @property
    def posterior_share(self) -> Tensor:
        """The posterior's variance over that of the forward step: sigma_(t-1)^2 / sigma_t^2.

        Both ends of a learned variance; Nichol & Dhariwal 2021, figure 1,
        https://arxiv.org/abs/2102.09672.
        """
        return self._previous()[1] ** 2 / self.sigma**2

    @property
    def posterior_x0(self) -> Tensor:
        """Weight of x_0 in the mean of q(x_(t-1) | x_t, x_0): alpha_(t-1) beta_t / sigma_t^2.

        Ho et al. 2020, equation 7, https://arxiv.org/abs/2006.11239.
        """
        return self._previous()[0] * self.beta / self.sigma**2

    @property
    def posterior_x_t(self) -> Tensor:
        """Weight of x_t in that mean: (alpha_t / alpha_(t-1)) sigma_(t-1)^2 / sigma_t^2."""
        alpha, sigma = self._previous()
        return torch.where(alpha > 0, self.alpha / alpha, 0.0) * sigma**2 / self.sigma**2

    @property
    def loss_weight(self) -> Tensor:
        """Weight of |eps - eps_hat|^2 in the bound on the likelihood, where training has 1.

        (SNR_(t-1) / SNR_t - 1) / 2; infinite at t = 0 and where no signal is left. Ho et al. 2020,
        equation 12, in the form of Kingma et al. 2021, equation 14,
        https://arxiv.org/abs/2107.00630.
        """
        alpha, sigma = self._previous()
        return ((alpha**2 / sigma**2) / self.snr - 1) / 2

    def _previous(self) -> tuple[Tensor, Tensor]:
        one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
        return torch.cat([one, self.alpha[:-1]]), torch.cat([zero, self.sigma[:-1]])


def from_betas(
    betas: Tensor, *, zero_terminal_snr: bool = False, final: Level | None = CLEAN, offset: int = 0
) -> Schedule:
    """The variance-preserving schedule with these betas: alpha_bar_t = prod (1 - beta_s), s <= t.

    `final` None ends in the level of t = 0 (diffusers: `set_alpha_to_one=False`).
    """
    alpha = (1 - betas.cpu().double()).cumprod(0).sqrt()
    if zero_terminal_snr:
        alpha = rescaled(alpha)
    sigma = (1 - alpha**2).sqrt()
    if final is None:
        final = Level(-1.0, float(alpha[0]), float(sigma[0]))
    return Schedule(alpha, sigma, final, offset)


def rescaled(alpha: Tensor) -> Tensor:
    """Shift and scale alpha so that the last timestep holds no signal and the first is kept.

    Lin et al. 2023, algorithm 1, https://arxiv.org/abs/2305.08891.
    """
    return (alpha - alpha[-1]) * alpha[0] / (alpha[0] - alpha[-1])


def linear(
    timesteps: int = 1000,
    beta_start: float = 1e-4,
    beta_end: float = 0.02,
    zero_terminal_snr: bool = False,
) -> Schedule:
    """Beta linear in t. Ho et al. 2020, section 4, https://arxiv.org/abs/2006.11239."""
    return from_betas(_ramp(timesteps, beta_start, beta_end), zero_terminal_snr=zero_terminal_snr)


def scaled_linear(
    timesteps: int = 1000,
    beta_start: float = 0.00085,
    beta_end: float = 0.012,
    zero_terminal_snr: bool = False,
) -> Schedule:
    """sqrt(beta) linear in t: Stable Diffusion. Rombach et al. 2022, arXiv:2112.10752."""
    timesteps = _check_betas(timesteps, beta_start, beta_end)
    root = torch.linspace(beta_start**0.5, beta_end**0.5, timesteps, dtype=torch.float64)
    return from_betas(root**2, zero_terminal_snr=zero_terminal_snr)


def quadratic(
    timesteps: int = 1000,
    beta_start: float = 1e-4,
    beta_end: float = 0.02,
    zero_terminal_snr: bool = False,
) -> Schedule:
    """beta_t = beta_start + (beta_end - beta_start) (t / (T - 1))^2."""
    timesteps = _check_betas(timesteps, beta_start, beta_end)
    ramp = torch.linspace(0, 1, timesteps, dtype=torch.float64)
    betas = beta_start + (beta_end - beta_start) * ramp**2
    return from_betas(betas, zero_terminal_snr=zero_terminal_snr)


def sigmoid(
    timesteps: int = 1000,
    beta_start: float = 1e-4,
    beta_end: float = 0.02,
    zero_terminal_snr: bool = False,
) -> Schedule:
    """Beta along a logistic curve from -6 to 6. GeoDiff, Xu et al. 2022, arXiv:2203.02923."""
    timesteps = _check_betas(timesteps, beta_start, beta_end)
    ramp = torch.linspace(-6, 6, timesteps, dtype=torch.float64).sigmoid()
    return from_betas(
        beta_start + (beta_end - beta_start) * ramp, zero_terminal_snr=zero_terminal_snr
    )


def cosine(
    timesteps: int = 1000,
    s: float = 0.008,
    max_beta: float = 0.999,
    zero_terminal_snr: bool = False,
) -> Schedule:
    """alpha_bar(u) = cos^2((u + s) / (1 + s) pi / 2), u = t / T; betas capped at max_beta.

    Nichol & Dhariwal 2021, equation 17, https://arxiv.org/abs/2102.09672.
    """
    timesteps = _check_timesteps(timesteps)
    _check("s", s, 0, 1)
    _check("max_beta", max_beta, 1e-6, 0.9999)
    u = torch.arange(timesteps + 1, dtype=torch.float64) / timesteps
    alpha_bar = torch.cos((u + s) / (1 + s) * math.pi / 2) ** 2
    betas = (1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=max_beta)
    return from_betas(betas, zero_terminal_snr=zero_terminal_snr)


def geometric(timesteps: int = 1000, sigma_min: float = 0.01, sigma_max: float = 50.0) -> Schedule:
    """Variance exploding: alpha = 1, sigma_t = sigma_min (sigma_max / sigma_min)^(t / (T - 1)).

    Song et al. 2021, appendix C, https://arxiv.org/abs/2011.13456.
    """
    timesteps = _check_sigmas(timesteps, sigma_min, sigma_max)
    ramp = torch.linspace(math.log(sigma_min), math.log(sigma_max), timesteps, dtype=torch.float64)
    return Schedule(torch.ones_like(ramp), ramp.exp())


def karras(
    timesteps: int = 1000, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0
) -> Schedule:
    """Variance exploding: alpha = 1, sigma^(1/rho) linear in t.

    Karras et al. 2022 (EDM), equation 5, https://arxiv.org/abs/2206.00364.
    """
    timesteps = _check_sigmas(timesteps, sigma_min, sigma_max)
    _check("rho", rho, 1, 100)
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    sigma = torch.linspace(low, high, timesteps, dtype=torch.float64) ** rho
    return Schedule(torch.ones_like(sigma), sigma)


def flow(timesteps: int = 1000, shift: float = 1.0) -> Schedule:
    """Rectified flow: alpha = 1 - sigma, sigma = shift u / (1 + (shift - 1) u), u = (t + 1) / T.

    Liu et al. 2023, https://arxiv.org/abs/2209.03003; the shift: Esser et al. 2024, equation 23,
    https://arxiv.org/abs/2403.03206.
    """
    timesteps = _check_timesteps(timesteps)
    _check("shift", shift, 0.01, 100)
    u = torch.arange(1, timesteps + 1, dtype=torch.float64) / timesteps
    sigma = shift * u / (1 + (shift - 1) * u)
    return Schedule(1 - sigma, sigma)


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "linear": linear,
    "scaled_linear": scaled_linear,
    "quadratic": quadratic,
    "sigmoid": sigmoid,
    "cosine": cosine,
    "geometric": geometric,
    "karras": karras,
    "flow": flow,
}


def _ramp(timesteps: int, beta_start: float, beta_end: float) -> Tensor:
    timesteps = _check_betas(timesteps, beta_start, beta_end)
    return torch.linspace(beta_start, beta_end, timesteps, dtype=torch.float64)


def _check_timesteps(timesteps: int) -> int:
    number = integer(timesteps)
    if number is None:
        raise ValueError(f"timesteps must be a whole number in 2..10000, got {said(timesteps)}")
    _check("timesteps", number, 2, 10_000)
    return number


def _check_betas(timesteps: int, beta_start: float, beta_end: float) -> int:
    number = _check_timesteps(timesteps)
    _check("beta_start", beta_start, 1e-8, 0.9999)
    _check("beta_end", beta_end, 1e-8, 0.9999)
    if beta_start > beta_end:
        raise ValueError(f"beta_start {beta_start} must not exceed beta_end {beta_end}")
    return number


def _check_sigmas(timesteps: int, sigma_min: float, sigma_max: float) -> int:
    number = _check_timesteps(timesteps)
    _check("sigma_min", sigma_min, 1e-4, 1000)
    _check("sigma_max", sigma_max, 1e-4, 1000)
    if sigma_min >= sigma_max:
        raise ValueError(f"sigma_min {sigma_min} must be below sigma_max {sigma_max}")
    return number


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise ValueError(f"{name} must be in {low:g}..{high:g}, got {value}")
