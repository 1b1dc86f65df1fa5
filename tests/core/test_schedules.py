# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
import math

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, FlowMatchEulerDiscreteScheduler

from core.schedules import SCHEDULES, Level, Schedule, from_betas, linear

TWINS = {"linear": "linear", "scaled_linear": "scaled_linear", "sigmoid": "sigmoid",
         "cosine": "squaredcos_cap_v2"}  # fmt: skip
PRESERVING = ("linear", "scaled_linear", "quadratic", "sigmoid", "cosine")
ALL = pytest.mark.parametrize("name", SCHEDULES)
VP = pytest.mark.parametrize("name", PRESERVING)


def close(ours, theirs, rtol=1e-5, atol=1e-7):
    """Theirs is float32, and cumulated in float32."""
    torch.testing.assert_close(ours, theirs.double(), rtol=rtol, atol=atol)


# ---- twins in diffusers -------------------------------------------------------------------------


@pytest.mark.parametrize("zero", [False, True], ids=["", "zero-snr"])
@pytest.mark.parametrize("timesteps", [10, 1000])
@pytest.mark.parametrize("name", TWINS)
def test_equal_to_the_twin_in_diffusers(name, timesteps, zero):
    betas = {} if name == "cosine" else {"beta_start": 0.001, "beta_end": 0.015}
    schedule = SCHEDULES[name](timesteps, **betas, zero_terminal_snr=zero)
    twin = DDPMScheduler(
        timesteps, beta_schedule=TWINS[name], rescale_betas_zero_snr=zero, **betas
    )
    close(schedule.alpha_bar, twin.alphas_cumprod, rtol=1e-4)
    close(schedule.beta, twin.betas, rtol=2e-4 if zero else 1e-5, atol=1e-6)


def test_defaults_are_those_of_the_papers():
    close(linear().beta, DDPMScheduler().betas)
    stable = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    close(SCHEDULES["scaled_linear"]().beta, stable.betas)
    close(SCHEDULES["cosine"]().beta, DDPMScheduler(beta_schedule="squaredcos_cap_v2").betas)


@pytest.mark.parametrize("shift", [1.0, 3.0, 0.5])
def test_flow_is_that_of_the_flow_matching_scheduler(shift):
    schedule = SCHEDULES["flow"](1000, shift)
    close(
        schedule.sigma,
        torch.as_tensor(FlowMatchEulerDiscreteScheduler(shift=shift).sigmas).flip(0),
    )
    torch.testing.assert_close(schedule.alpha + schedule.sigma, torch.ones(1000).double())


# ---- formulas -----------------------------------------------------------------------------------


def test_quadratic():
    schedule = SCHEDULES["quadratic"](5, 0.1, 0.5)
    expected = torch.tensor([0.1, 0.125, 0.2, 0.325, 0.5], dtype=torch.float64)
    torch.testing.assert_close(schedule.beta, expected, rtol=1e-12, atol=0)


def test_geometric_has_a_constant_ratio():
    sigma = SCHEDULES["geometric"](100, 0.01, 50.0).sigma
    assert sigma[0].item() == pytest.approx(0.01) and sigma[-1].item() == pytest.approx(50)
    torch.testing.assert_close(sigma[1:] / sigma[:-1], (sigma[1] / sigma[0]).expand(99))


@pytest.mark.parametrize("rho", [1.0, 7.0])
def test_karras(rho):
    sigma = SCHEDULES["karras"](20, 0.002, 80.0, rho).sigma
    n = np.arange(20)  # equation 5 counts from the noisy end
    paper = (80 ** (1 / rho) + n / 19 * (0.002 ** (1 / rho) - 80 ** (1 / rho))) ** rho
    np.testing.assert_allclose(sigma.flip(0).numpy(), paper, rtol=1e-10)


@ALL
def test_tensors_are_float64_and_alpha_falls_while_sigma_grows(name):
    schedule = SCHEDULES[name](50)
    for values in (schedule.alpha, schedule.sigma, schedule.beta, schedule.posterior_variance):
        assert values.dtype == torch.float64 and values.shape == (50,)
        assert values.isfinite().all()
    assert (schedule.sigma.diff() > 0).all() and (schedule.log_snr.diff() < 0).all()
    exploding = name in ("geometric", "karras")
    assert (schedule.alpha == 1).all() if exploding else (schedule.alpha_bar.diff() < 0).all()


@VP
@pytest.mark.parametrize("zero", [False, True])
def test_variance_is_preserved_and_beta_is_the_share_lost_in_a_step(name, zero):
    schedule = SCHEDULES[name](zero_terminal_snr=zero)
    one = torch.ones(1000, dtype=torch.float64)
    torch.testing.assert_close(schedule.alpha**2 + schedule.sigma**2, one, rtol=1e-14, atol=0)
    before = torch.cat([one[:1], schedule.alpha_bar[:-1]])
    torch.testing.assert_close(schedule.beta, 1 - schedule.alpha_bar / before)


@VP
def test_zero_terminal_snr_ends_without_signal_and_keeps_the_first_level(name):
    plain, zero = SCHEDULES[name](), SCHEDULES[name](zero_terminal_snr=True)
    assert zero.alpha[-1] == 0 and zero.sigma[-1] == 1 and zero.log_snr[-1] == -math.inf
    torch.testing.assert_close(zero.alpha[0], plain.alpha[0])


@ALL
def test_the_markov_chain_reaches_the_closed_form(name):
    """Steps of variance beta_t, taken on a pixel's mean and variance, end in q(x_t | x_0)."""
    schedule = SCHEDULES[name](200)
    mean, variance, ratio_before = 1.0, 0.0, 1.0
    for alpha, beta, sigma in zip(schedule.alpha, schedule.beta, schedule.sigma, strict=True):
        ratio, ratio_before = float(alpha) / ratio_before, float(alpha)
        mean, variance = ratio * mean, ratio**2 * variance + float(beta)
        assert beta > 0
        assert variance == pytest.approx(float(sigma) ** 2, rel=1e-10)
    assert mean == pytest.approx(float(schedule.alpha[-1]), rel=1e-10)


@pytest.mark.parametrize("kind", ["fixed_small", "fixed_large"])
def test_posterior_variance_and_beta_are_those_of_ddpm(kind):
    schedule, twin = linear(), DDPMScheduler(variance_type=kind)
    ours = schedule.posterior_variance if kind == "fixed_small" else schedule.beta
    theirs = torch.stack([twin._get_variance(t) for t in range(1, 1000)])
    close(ours[1:], theirs, rtol=1e-3)  # theirs is a difference of float32 numbers near 1
    assert schedule.posterior_variance[0] == 0


def test_posterior_variance_by_bayes_rule():
    """Precision of x_(t-1) given x_t and x_0: 1 / sigma_(t-1)^2 + ratio^2 / beta_t."""
    for name in SCHEDULES:
        s = SCHEDULES[name](30)
        ratio = s.alpha[1:] / s.alpha[:-1]
        precision = 1 / s.sigma[:-1] ** 2 + ratio**2 / s.beta[1:]
        torch.testing.assert_close(s.posterior_variance[1:], 1 / precision)


@ALL
def test_snr(name):
    s = SCHEDULES[name](20)
    torch.testing.assert_close(s.snr.log(), s.log_snr)
    for t in range(20):
        assert s.level(t).log_snr == pytest.approx(float(s.log_snr[t]))


def test_log_snr_of_the_ends():
    assert Level(-1, 1.0, 0.0).log_snr == math.inf
    assert Level(9, 0.0, 1.0).log_snr == -math.inf


@pytest.mark.parametrize("kind", ["linear", "cosine", "scaled_linear"])
def test_the_posterior_mean_and_the_loss_weight_are_those_of_ddpm(kind):
    schedule = SCHEDULES[kind]()
    beta, bar = schedule.beta[1:], schedule.alpha_bar
    before, after = bar[:-1], bar[1:]
    x0 = before.sqrt() * beta / (1 - after)
    x_t = (1 - beta).sqrt() * (1 - before) / (1 - after)
    torch.testing.assert_close(schedule.posterior_x0[1:], x0, rtol=1e-9, atol=0)
    torch.testing.assert_close(schedule.posterior_x_t[1:], x_t, rtol=1e-9, atol=0)
    assert schedule.posterior_x0[0] == 1 and schedule.posterior_x_t[0] == 0
    weight = beta**2 / (2 * schedule.posterior_variance[1:] * (1 - beta) * (1 - after))
    torch.testing.assert_close(schedule.loss_weight[1:], weight, rtol=1e-6, atol=0)
    assert schedule.loss_weight[0] == torch.inf


# ---- ladders ------------------------------------------------------------------------------------

COUNTS = [1, 2, 3, 7, 10, 13, 24, 30, 33, 50, 64, 99, 100, 150, 250, 333, 499, 500, 999, 1000]


@pytest.mark.parametrize("steps", COUNTS)
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_timesteps_are_those_of_diffusers(spacing, steps):
    twin = DDIMScheduler(timestep_spacing=spacing)
    twin.set_timesteps(steps)
    # rounding in np.arange gives diffusers an entry too many, t = -1, for trailing 499
    expected = [t for t in twin.timesteps.tolist() if t >= 0]
    assert len(expected) == steps
    assert linear().timesteps(steps, spacing) == expected


@pytest.mark.parametrize("steps", [1, 10, 30, 50, 999])
def test_leading_timesteps_with_an_offset(steps):
    twin = DDIMScheduler(timestep_spacing="leading", steps_offset=1)
    twin.set_timesteps(steps)
    schedule = from_betas(linear().beta, offset=1)
    assert schedule.timesteps(steps, "leading") == twin.timesteps.tolist()


@ALL
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_levels_are_the_levels_of_the_timesteps_and_end_clean(name, spacing):
    schedule = SCHEDULES[name](100)
    levels = schedule.levels(7, spacing)
    assert len(levels) == 8 and levels[-1] is schedule.final
    assert levels[-1] == Level(-1.0, 1.0, 0.0)
    for level, t in zip(levels, schedule.timesteps(7, spacing), strict=False):
        assert level == Level(float(t), float(schedule.alpha[t]), float(schedule.sigma[t]))


def test_all_steps_visit_every_level_once():
    for spacing in ("leading", "trailing", "linspace"):
        assert linear(50).timesteps(50, spacing) == list(range(49, -1, -1))


def test_final_may_be_the_first_level():
    schedule = from_betas(linear().beta, final=None)
    final = schedule.levels(10)[-1]
    assert (final.t, final.alpha, final.sigma) == (
        -1.0,
        float(schedule.alpha[0]),
        float(schedule.sigma[0]),
    )


# ---- refusals -----------------------------------------------------------------------------------

nan, inf = math.nan, math.inf
BAD = [
    (lambda: linear().levels(0), r"1\.\.1000, got 0"),
    (lambda: linear().levels(1001), r"1\.\.1000, got 1001"),
    (lambda: linear().levels(-5), r"1\.\.1000, got -5"),
    (lambda: linear().levels(2.5), r"1\.\.1000, got 2\.5"),
    (lambda: linear().levels(nan), r"1\.\.1000, got nan"),
    (lambda: linear().levels(True), r"1\.\.1000, got True"),
    (lambda: linear().levels(5, "karras"), "leading, trailing, linspace, got 'karras'"),
    (lambda: from_betas(linear().beta, offset=1).levels(1000, "leading"), "t = 1000.* 999;"),
    (lambda: linear().level(1000), r"-1\.\.999, got 1000"),
    (lambda: linear().level(-2), r"-1\.\.999, got -2"),
    (lambda: linear(1), r"timesteps must be in 2\.\.10000, got 1"),
    (lambda: linear(10**6), r"timesteps must be in 2\.\.10000, got 1000000"),
    (lambda: linear(10.5), r"timesteps must be a whole number in 2\.\.10000"),
    (lambda: linear(beta_start=0), "beta_start must be in 1e-08..0.9999, got 0"),
    (lambda: linear(beta_end=1.0), "beta_end must be in 1e-08..0.9999, got 1.0"),
    (lambda: linear(beta_end=nan), "beta_end must be in .*, got nan"),
    (lambda: linear(beta_start=0.03), "beta_start 0.03 must not exceed beta_end 0.02"),
    (lambda: SCHEDULES["quadratic"](beta_start=-1), "beta_start must be in .*, got -1"),
    (lambda: SCHEDULES["sigmoid"](beta_end=inf), "beta_end must be in .*, got inf"),
    (lambda: SCHEDULES["scaled_linear"](beta_end=2), "beta_end must be in .*, got 2"),
    (lambda: SCHEDULES["cosine"](s=-0.1), r"s must be in 0\.\.1, got -0\.1"),
    (lambda: SCHEDULES["cosine"](max_beta=1), "max_beta must be in .*, got 1"),
    (lambda: SCHEDULES["geometric"](sigma_min=0), "sigma_min must be in 0.0001..1000, got 0"),
    (lambda: SCHEDULES["geometric"](sigma_min=9, sigma_max=2), "9 must be below sigma_max 2"),
    (lambda: SCHEDULES["karras"](rho=0), r"rho must be in 1\.\.100, got 0"),
    (lambda: SCHEDULES["karras"](sigma_max=inf), "sigma_max must be in .*, got inf"),
    (lambda: SCHEDULES["flow"](shift=0), r"shift must be in 0\.01\.\.100, got 0"),
]


@pytest.mark.parametrize("make, message", BAD, ids=[message for _, message in BAD])
def test_refusals_are_one_sentence_that_names_the_range(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_schedule_of_ones_own():
    """The dataclass is open: any alpha and sigma make a schedule with levels."""
    alpha = torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64)
    schedule = Schedule(alpha, 2 - alpha)
    assert [level.sigma for level in schedule.levels(3)] == [1.9, 1.5, 1.1, 0.0]


def test_scales_multiply_a_batch_row_by_row():
    schedule, like = linear(), torch.ones(3, 2, 4, 4)
    t = torch.tensor([0, 500, 999])
    alpha, sigma = schedule.scales(t, like)
    assert alpha.shape == sigma.shape == (3, 1, 1, 1) and alpha.dtype == like.dtype
    for row, each in enumerate(t.tolist()):
        level = schedule.level(each)
        assert (alpha * like)[row].unique().item() == pytest.approx(level.alpha, rel=1e-6)
        assert (sigma * like)[row].unique().item() == pytest.approx(level.sigma, rel=1e-6)
