# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
"""Samplers against their oracles: orders of convergence, closed forms."""

import math
from itertools import pairwise

import pytest
import torch

from core.denoisers import Gaussian, lookahead
from core.samplers import SAMPLERS
from core.schedules import SCHEDULES, from_betas, linear
from tests.core import MEAN, STD, carried, ladder, normal, run, stream

DETERMINISTIC = [name for name, sampler in SAMPLERS.items() if sampler.deterministic]
SD = SCHEDULES["scaled_linear"]()


# ---- orders of convergence ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["vp", "ve", "flow"])
@pytest.mark.parametrize(
    "name, order, slack",
    [
        ("ddim", 1, 0.05),
        ("euler", 1, 0.05),
        ("naive", 1, 0.05),
        ("heun", 2, 0.1),
        ("dpmpp_2m", 2, 0.1),
    ],
)
def test_order_of_convergence(name, order, slack, kind):
    """Error on the exact Gaussian flow, levels uniform in log(alpha / sigma) from -4 to 4."""
    assert SAMPLERS[name].order == order
    errors = []
    for steps in (128, 256):
        levels = ladder(steps, kind)
        x = normal(8, 1, 2, 2) * math.hypot(levels[0].alpha, levels[0].sigma)
        result = run(name, Gaussian(MEAN, STD), x, levels)[-1].x_next
        errors.append((result - carried(x, levels[0], levels[-1], MEAN, STD)).abs().max())
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=slack)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_the_scale_of_the_levels_does_not_matter_where_only_their_ratio_counts(name):
    """In y = x / alpha over sigma / alpha all three scalings are one equation."""
    results = []
    for kind in ("vp", "ve", "flow"):
        levels = ladder(16, kind)
        x = levels[0].alpha * 55 * normal(4, 1, 2, 2)
        result = run(name, Gaussian(MEAN, STD), x, levels)[-1].x_next
        results.append(result / levels[-1].alpha)
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], rtol=1e-11, atol=1e-11)


# ---- closed forms, inversion.md section 5 -------------------------------------------------------

GAUSSIANS = pytest.mark.parametrize("mean, std", [(0.0, 1.0), (0.7, 0.5), (-0.4, 0.3)])
STEPS = pytest.mark.parametrize("steps", [10, 50])


def kappas(levels):
    return [level.sigma / level.alpha for level in levels]


@GAUSSIANS
@STEPS
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_ddim_of_gaussian_data_is_a_product(mean, std, steps, spacing):
    levels, x = SD.levels(steps, spacing), normal(4, 1, 2, 2)
    u, k = x / levels[0].alpha - mean, kappas(levels)
    for step, (here, after) in zip(run("ddim", Gaussian(mean, std), x, levels), pairwise(k),
                                   strict=True):  # fmt: skip
        u = u * (std**2 + here * after) / (std**2 + here**2)
        expected = step.next_level.alpha * (u + mean)
        torch.testing.assert_close(step.x_next, expected, rtol=1e-12, atol=1e-12)


@GAUSSIANS
@STEPS
def test_ddim_inversion_with_current_labels_is_a_product(mean, std, steps):
    levels, x = SD.levels(steps, "leading")[::-1], normal(4, 1, 2, 2)
    u = x / levels[0].alpha - mean
    for here, after in pairwise(kappas(levels)):
        u = u * (std**2 + here * after) / (std**2 + here**2)
    result = run("ddim", Gaussian(mean, std), x, levels)[-1].x_next
    expected = levels[-1].alpha * (u + mean)
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)


@GAUSSIANS
@STEPS
def test_ddim_inversion_with_target_labels_is_a_recursion(mean, std, steps):
    levels, x = SD.levels(steps, "leading")[::-1], normal(4, 1, 2, 2)
    u = x / levels[0].alpha - mean
    for here, after in pairwise(levels):
        (k, k_after), ratio = kappas([here, after]), here.alpha / after.alpha
        change = (k_after - k) * k_after / (std**2 + k_after**2)
        u = u + change * (ratio * u + (ratio - 1) * mean)
    result = run("ddim", lookahead(Gaussian(mean, std), levels), x, levels)[-1].x_next
    expected = levels[-1].alpha * (u + mean)
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)


@GAUSSIANS
@STEPS
def test_the_round_trip_shrinks_by_the_product_formula(mean, std, steps):
    levels, x0 = SD.levels(steps, "leading"), normal(4, 1, 2, 2)
    denoise, factor = Gaussian(mean, std), 1.0
    for k, k_before in pairwise(kappas(levels)):
        factor *= 1 - std**2 * (k - k_before) ** 2 / ((std**2 + k**2) * (std**2 + k_before**2))
    noise = run("ddim", denoise, x0, levels[::-1])[-1].x_next
    again = run("ddim", denoise, noise, levels)[-1].x_next
    torch.testing.assert_close(again - mean, factor * (x0 - mean), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("steps, loss", [(50, 5.2076e-2), (100, 2.6737e-2), (1000, 2.8627e-3)])
def test_the_round_trip_loses_the_published_share(steps, loss):
    """Acceptance bar 7.1.2 of inversion.md: Stable Diffusion's ladder, data N(0, 1)."""
    schedule = from_betas(SD.beta, final=None, offset=1 if steps < 1000 else 0)
    levels = schedule.levels(steps, "leading")
    x0 = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    noise = run("ddim", Gaussian(), x0, levels[::-1])[-1].x_next
    again = run("ddim", Gaussian(), noise, levels)[-1].x_next
    assert 1 - again.item() == pytest.approx(loss, rel=1e-4)


def test_one_pixel_of_the_sigma_hat_step():
    """Song et al. 2021, section 5: x_s = sqrt(a_s) x0 + sqrt(1 - a_s - s(1)^2) eps + s_hat z."""
    levels, x = linear().levels(20)[9:11], normal(1, 1, 2, 2)
    a, a_next = (level.alpha**2 for level in levels)
    variance = (1 - a_next) / (1 - a) * (1 - a / a_next)
    hat = math.sqrt(1 - a / a_next)
    prediction = Gaussian(MEAN, STD)(x, levels[0])
    mean = math.sqrt(a_next) * prediction.x0 + math.sqrt(1 - a_next - variance) * prediction.eps
    for eta in (None, 1.0):
        (step,) = run("ddim", Gaussian(MEAN, STD), x, levels, variance="beta", eta=eta,
                      noise=stream())  # fmt: skip
        torch.testing.assert_close(step.x_next, mean + hat * stream()(x))
