"""A step taken apart: its parts add up to x_next, their weights are those of the papers."""

import math
from typing import Any

import pytest
import torch

from core.bridge import BRIDGED
from core.denoisers import Clipped, Gaussian, Guided, Network
from core.metrics import rms
from core.samplers import SAMPLERS, Step, seeded
from core.schedules import SCHEDULES, linear
from core.updates import apart
from tests.core import MEAN, STD, curved, normal, run

denoiser: Any = Network(curved, kind="v_prediction")  # knows its way from alpha 0, too
ALL = {**SAMPLERS, **BRIDGED}
EACH = pytest.mark.parametrize("name", ALL)
FIRST = [name for name, sampler in ALL.items() if sampler.order < 2]
SCALES = pytest.mark.parametrize("schedule", ["linear", "geometric", "flow"])


def steps_of(name, levels, denoise=denoiser, dtype=torch.float64, **options):
    x = normal(2, 1, 6, 6, dtype=dtype) * math.hypot(levels[0].alpha, levels[0].sigma)
    if not ALL[name].deterministic:
        options["noise"] = seeded(3, 2)
    return run(name, denoise, x, levels, **options)


@SCALES
@EACH
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_the_parts_add_up_to_the_next_picture(name, schedule, dtype, tolerance):
    for step in steps_of(name, SCHEDULES[schedule]().levels(9), dtype=dtype):
        scale = step.x_next.abs().max()
        error = (apart(step).total() - step.x_next).abs().max() / scale
        assert float(error) < tolerance
        assert bool(scale > 0.1)


@SCALES
@pytest.mark.parametrize("name", FIRST)
def test_a_sampler_of_first_order_has_nothing_to_correct(name, schedule):
    """Otherwise the three weights would not be those of the step."""
    for step in steps_of(name, SCHEDULES[schedule]().levels(9)):
        assert float(apart(step).correction.abs().max()) < 1e-12 * float(step.x.abs().max())


@pytest.mark.parametrize("name", [name for name in ALL if name not in FIRST])
def test_a_sampler_of_higher_order_corrects(name):
    corrections = [rms(apart(step).correction) for step in steps_of(name, linear().levels(9))]
    assert max(corrections) > 1e-4


def test_the_correction_of_heun_is_half_the_change_of_the_noise():
    for step in steps_of("heun", linear().levels(6))[:-1]:
        level, after, eps = step.level, step.next_level, step.prediction.eps
        euler = after.alpha * step.prediction.x0 + after.sigma * eps
        width = after.sigma - level.sigma * after.alpha / level.alpha
        wanted = width / 2 * (denoiser(euler, after).eps - eps)
        torch.testing.assert_close(apart(step).correction, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("eta", [0, 0.3, 1])
def test_the_weights_of_ddim_are_equation_12(eta):
    """And at eta 1 those of the posterior of DDPM: mean and variance of Ho et al., equation 7."""
    for step in steps_of("ddim", linear().levels(7), eta=eta):
        level, after, weights = step.level, step.next_level, apart(step).weights
        ratio = level.alpha / after.alpha
        beta = 1 - ratio**2
        variance = after.sigma**2 / level.sigma**2 * beta
        assert weights.x0 == after.alpha
        assert weights.fresh == pytest.approx(eta * math.sqrt(variance), abs=1e-12)
        assert weights.eps == pytest.approx(math.sqrt(after.sigma**2 - eta**2 * variance))
        if eta == 1:
            x0, eps = step.prediction.x0, step.prediction.eps
            mean = after.alpha * beta / level.sigma**2 * x0
            mean = mean + ratio * after.sigma**2 / level.sigma**2 * step.x
            update = apart(step)
            torch.testing.assert_close(update.x0 + update.eps, mean, rtol=1e-9, atol=1e-12)
            assert eps.shape == x0.shape


def test_the_variance_beta_adds_that_of_the_forward_step():
    for step in steps_of("ddpm", linear().levels(7), variance="beta")[:-1]:
        level, after, weights = step.level, step.next_level, apart(step).weights
        assert weights.fresh == pytest.approx(math.sqrt(1 - (level.alpha / after.alpha) ** 2))
        assert weights.eps**2 + weights.fresh**2 > after.sigma**2


@pytest.mark.parametrize("eta", [0, 0.5, 1])
def test_the_noise_of_the_sde_solver_keeps_the_level(eta):
    """b^2 + c^2 = sigma^2: the marginal variance of the next level."""
    for step in steps_of("dpmpp_2m_sde", linear().levels(7), eta=eta):
        weights = apart(step).weights
        wanted = step.next_level.sigma**2
        assert weights.eps**2 + weights.fresh**2 == pytest.approx(wanted, abs=1e-12)


def test_the_fresh_noise_is_the_one_that_was_drawn():
    levels, noise = linear().levels(5), seeded(3, 2)
    for step in steps_of("ddpm", levels)[:-1]:
        drawn = noise(step.x)
        torch.testing.assert_close(step.drawn, drawn, rtol=0, atol=0)
        torch.testing.assert_close(apart(step).fresh, apart(step).weights.fresh * drawn)
    assert steps_of("ddpm", levels)[-1].drawn is None, "none enters the clean end"


def test_a_step_that_says_no_weights_is_eulers():
    level, after = linear().levels(3)[1:3]
    x = normal(1, 1, 4, 4)
    prediction = denoiser(x, level)
    x_next = after.alpha * prediction.x0 + after.sigma * prediction.eps + 0.25
    update = apart(Step(0, level, after, x, x_next, prediction, 1))
    assert update.weights == (after.alpha, after.sigma, 0)
    assert not update.fresh.any()
    torch.testing.assert_close(update.correction, torch.full_like(x, 0.25))


def test_clipped_and_guided_steps_add_up_too():
    guided = Guided(Gaussian(0.9, 0.5), Gaussian(0.1, 0.5), 6.0)
    for denoise in (guided, Clipped(guided)):
        for step in steps_of("ddpm", linear().levels(6), denoise):
            torch.testing.assert_close(apart(step).total(), step.x_next, rtol=0, atol=1e-12)
            assert float(apart(step).correction.abs().max()) < 1e-12


def test_the_norm_of_x_is_that_of_its_level_on_gaussian_data():
    """RMS(x_t)^2 = alpha^2 E[x0^2] + sigma^2 in 10,000 pixels, to its 2 %."""
    levels, noise = linear().levels(500), seeded(0, 1)
    x = noise(torch.empty(1, 1, 100, 100))
    for step in run("ddpm", Gaussian(MEAN, STD), x, levels, noise=noise)[5:]:
        power = step.level.alpha**2 * (MEAN**2 + STD**2) + step.level.sigma**2
        assert rms(step.x) == pytest.approx(math.sqrt(power), rel=0.02)
