"""Inversion methods on the exact Gaussian, where everything has a closed form."""

import math
from itertools import pairwise

import pytest
import torch

from core.inversion import INVERSIONS, finish, start_index
from core.models import load
from core.schedules import linear
from tests.core import gaussian

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


def test_current_label_round_trip_is_the_closed_form(x0):
    """prod_i (1 - s^2 (k_i - k_(i-1))^2 / ((s^2 + k_i^2)(s^2 + k_(i-1)^2))), Picard's rate."""
    inversion = finish(
        INVERSIONS["ddim_current"].invert(gaussian(MEAN, STD, linear()), x0, steps=20)
    )
    back = finish(INVERSIONS["ddim_current"].edit(inversion, ""))
    factor, s2 = 1.0, STD**2
    ks = kappas(inversion.levels)
    for before, after in pairwise(ks):
        factor *= 1 - s2 * (after - before) ** 2 / ((s2 + after**2) * (s2 + before**2))
    torch.testing.assert_close(back - MEAN, factor * (x0 - MEAN), rtol=0, atol=1e-12)


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


@pytest.mark.slow
def test_round_trip_on_real_digits():
    """At 50 steps the reconstruction cannot be told from the picture."""
    from core.data import mnist, signed
    from core.metrics import mse

    model = load("digits", device="cpu")
    images, labels = (part[:4] for part in mnist("test"))
    x0, prompts = signed(images), [str(label) for label in labels.tolist()]
    errors = []
    for steps in (10, 50):
        inversion = finish(INVERSIONS["ddim"].invert(model, x0, prompts, steps=steps))
        back = finish(INVERSIONS["ddim"].edit(inversion, prompts))
        errors.append(mse(model.pixels(back), model.pixels(x0)))
    assert errors[1] < errors[0] / 3 and errors[1] < 5e-4
