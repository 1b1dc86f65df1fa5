"""Inversion methods on the exact Gaussian, where everything has a closed form."""

import math
from itertools import pairwise

import pytest
import torch

from core.inversion import INVERSIONS, finish, start_index
from core.metrics import rms
from core.schedules import linear
from tests.core import carried, gaussian

MEAN, OTHER, STD = 0.3, -0.8, 0.5


@pytest.fixture
def x0():
    generator = torch.Generator().manual_seed(0)
    return MEAN + STD * torch.randn(2, 1, 4, 4, generator=generator, dtype=torch.float64)


def kappas(levels):
    return [level.sigma / level.alpha for level in levels]


def test_reconstruction_error_falls_with_the_steps(x0):
    errors = []
    for steps in (10, 20, 50, 100):
        inversion = finish(
            INVERSIONS["ddim"].invert(gaussian(MEAN, STD, linear()), x0, steps=steps)
        )
        back = finish(INVERSIONS["ddim"].edit(inversion, ""))
        errors.append((back - x0).square().mean().sqrt().item())
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0] / 5


def path(levels, x0, label):
    """u = x / alpha - mean on the way up, in closed form; `label` names the level eps is asked at.

    With the level that is left: u_i = u_(i-1) (s^2 + k_i k_(i-1)) / (s^2 + k_(i-1)^2).
    With the level that is reached, r = alpha_(i-1) / alpha_i:
    u_i = u_(i-1) + (k_i - k_(i-1)) k_i / (s^2 + k_i^2) (r u_(i-1) + (r - 1) mean).
    """
    u, s2 = x0 / levels[0].alpha - MEAN, STD**2
    us = [u]
    for before, after in pairwise(levels):
        k, above = before.sigma / before.alpha, after.sigma / after.alpha
        if label == "left":
            u = u * (s2 + above * k) / (s2 + k**2)
        else:
            r = before.alpha / after.alpha
            u = u + (above - k) * above / (s2 + above**2) * (r * u + (r - 1) * MEAN)
        us.append(u)
    return us


@pytest.mark.parametrize(("name", "label"), [("ddim_current", "left"), ("ddim", "reached")])
def test_both_labels_follow_their_closed_form_up_and_ddim_down(x0, name, label):
    """Down, u_(i-1) = u_i g_i, g_i = (s^2 + k_i k_(i-1)) / (s^2 + k_i^2)."""
    method = INVERSIONS[name]
    inversion = finish(method.invert(gaussian(MEAN, STD), x0, steps=50, spacing="leading"))
    us = path(inversion.levels, x0, label)
    for x, level, u in zip(inversion.trajectory, inversion.levels, us, strict=True):
        torch.testing.assert_close(x, level.alpha * (MEAN + u), rtol=0, atol=1e-12)
    u, ks = us[-1], kappas(inversion.levels)
    for below, above in pairwise(ks):
        u = u * (STD**2 + above * below) / (STD**2 + above**2)
    back = finish(method.edit(inversion, ""))
    first = inversion.levels[0].alpha
    torch.testing.assert_close(back, first * (MEAN + u), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("steps", "spacing", "lost"),
    [(50, "leading", 5.2076e-2), (100, "leading", 2.6737e-2), (1000, "trailing", 2.8627e-3)],
)
def test_what_the_current_label_loses_on_the_ladder_of_stable_diffusion(x0, steps, spacing, lost):
    """1 - prod_i (1 - s^2 (k_i - k_(i-1))^2 / ((s^2 + k_i^2)(s^2 + k_(i-1)^2))), at s = 1."""
    method = INVERSIONS["ddim_current"]
    inversion = finish(method.invert(gaussian(0.0, 1.0), x0, steps=steps, spacing=spacing))
    back = finish(method.edit(inversion, ""))
    factor = math.prod(
        1 - (b - a) ** 2 / ((1 + a**2) * (1 + b**2)) for a, b in pairwise(kappas(inversion.levels))
    )
    torch.testing.assert_close(back, factor * x0, rtol=0, atol=1e-12)
    assert 1 - factor == pytest.approx(lost, rel=1e-4)


@pytest.mark.parametrize(("steps", "most"), [(10, 0.14), (20, 0.07), (50, 0.028), (100, 0.014)])
@pytest.mark.parametrize("name", ["ddim_current", "ddim"])
def test_the_noise_nears_that_of_the_continuous_flow(x0, name, steps, most):
    """x / sqrt(alpha^2 s^2 + sigma^2) is conserved by the probability flow of N(0, s^2)."""
    inversion = finish(
        INVERSIONS[name].invert(gaussian(0.0, 1.0), x0, steps=steps, spacing="leading")
    )
    exact = carried(x0, inversion.levels[0], inversion.levels[-1], 0.0, 1.0)
    assert most / 2 < rms(inversion.trajectory[-1] - exact) / rms(exact) < most


def test_edit_shifts_every_picture_by_the_same_vector(x0):
    """Another mean moves the result by (mu' - mu)(1 - G_k), G_k = prod g_i, from level k."""
    method = INVERSIONS["ddim"]
    inversion = finish(method.invert(gaussian(MEAN, STD, linear()), x0, steps=50))
    for strength in (0.2, 0.5, 1.0):
        same = finish(method.edit(inversion, "", strength=strength))
        moved = finish(method.edit(inversion, str(OTHER), strength=strength)) - same
        ks, gain = kappas(inversion.levels), 1.0
        for before, after in list(pairwise(ks))[: start_index(strength, 50)]:
            gain *= (STD**2 + after * before) / (STD**2 + after**2)
        expected = torch.full_like(x0, (OTHER - MEAN) * (1 - gain))
        torch.testing.assert_close(moved, expected, rtol=0, atol=1e-12)


def test_trajectory_and_calls(x0):
    inversion = finish(INVERSIONS["ddim"].invert(gaussian(MEAN, STD, linear()), x0, steps=7))
    assert inversion.calls == 7 and len(inversion.trajectory) == len(inversion.levels) == 8
    assert inversion.trajectory[0] is x0
    snrs = [level.log_snr for level in inversion.levels]
    assert snrs == sorted(snrs, reverse=True)


def test_mask_keeps_what_it_does_not_cover(x0):
    method = INVERSIONS["ddim"]
    inversion = finish(method.invert(gaussian(MEAN, STD, linear()), x0, steps=10))
    mask = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    mask[..., :2] = 1
    edited = finish(method.edit(inversion, str(OTHER), mask=mask))
    free = finish(method.edit(inversion, str(OTHER)))
    torch.testing.assert_close(edited[..., 2:], x0[..., 2:], rtol=0, atol=1e-12)
    torch.testing.assert_close(edited[..., :2], free[..., :2], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", INVERSIONS)
def test_strength_zero_returns_the_picture_and_yields_nothing(x0, name):
    method = INVERSIONS[name]
    inversion = finish(method.invert(gaussian(MEAN, STD, linear()), x0, steps=5))
    edit = method.edit(inversion, str(OTHER), strength=0.0)
    with pytest.raises(StopIteration) as stop:
        next(edit)
    assert torch.equal(stop.value.value, x0)


def test_sdedit_is_the_noised_picture(x0):
    inversion = finish(
        INVERSIONS["sdedit"].invert(gaussian(MEAN, STD, linear()), x0, steps=5, seed=3)
    )
    assert inversion.calls == 0
    noise = (inversion.trajectory[-1] - inversion.levels[-1].alpha * x0) / inversion.levels[
        -1
    ].sigma
    for x, level in zip(inversion.trajectory, inversion.levels, strict=True):
        torch.testing.assert_close(x, level.alpha * x0 + level.sigma * noise)


@pytest.mark.parametrize(("strength", "start"), [(0, 0), (0.5, 3), (0.49, 2), (1, 5)])
def test_start_index_rounds_half_up(strength, start):
    assert start_index(strength, 5) == start


@pytest.mark.parametrize("strength", [-0.1, 1.1, math.nan])
def test_strength_outside_is_refused(strength):
    with pytest.raises(ValueError, match=r"strength must be in 0\.\.1"):
        start_index(strength, 5)
