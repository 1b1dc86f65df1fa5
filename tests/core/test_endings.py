"""Branches of a noisy picture: their spread is that of the posterior, their noise is their own."""

import math

import pytest
import torch

from core.denoisers import Empirical, Gaussian
from core.endings import branches, variance_map
from core.samplers import seeded
from core.schedules import linear
from tests.core import MEAN, STD, last, normal


@pytest.mark.parametrize("start", [250, 600, 900])
def test_endings_of_gaussian_data_have_the_mean_and_spread_of_the_posterior(start):
    """q(x0 | x_t) has the mean of the exact denoiser and the variance std^2 sigma^2 / v."""
    levels, count = linear().levels(1000)[start:], 64
    level, denoise = levels[0], Gaussian(MEAN, STD)
    x = normal(1, 1, 12, 12)
    ends = last(branches(denoise, x, levels, seeded(5, count), count))
    v = level.alpha**2 * STD**2 + level.sigma**2
    spread = STD * level.sigma / math.sqrt(v)
    assert float(ends.std(0).mean()) == pytest.approx(spread, rel=0.05)
    error = (ends.mean(0) - denoise(x, level).x0[0]).abs().mean()
    assert float(error) < 3 * spread / math.sqrt(count)


def test_two_pictures_are_decided_once_the_noise_is_small():
    """Of two pictures far apart, the endings hold both from noise, and one from little noise."""
    pictures = torch.stack([torch.full((1, 4, 4), value) for value in (-1.0, 1.0)]).double()
    denoise, levels, count = Empirical(pictures), linear().levels(50), 32
    x = 0.99 * pictures[1:] + 0.1 * normal(1, 1, 4, 4)
    for start, kinds in ((0, {-1, 1}), (45, {1})):
        ends = last(branches(denoise, x, levels[start:], seeded(0, count), count))
        assert set(ends.mean((1, 2, 3)).round().int().tolist()) == kinds


def test_a_branch_is_the_run_that_it_came_from_with_the_noise_that_it_draws():
    levels, x = linear().levels(6)[2:], normal(1, 1, 4, 4)
    ends = last(branches(Gaussian(MEAN, STD), x, levels, seeded(7, 3), 3))
    alone = last(branches(Gaussian(MEAN, STD), x, levels, seeded(8, 1), 1))
    torch.testing.assert_close(ends[1:2], alone)
    assert not torch.allclose(ends[0], ends[1])


def test_the_variance_is_that_of_the_rows_at_each_place():
    pictures = torch.zeros(4, 3, 2, 2)
    pictures[:2, :, 0, 0] = 1  # black in half, white in half
    pictures[:, :, 1, 1] = 0.7
    wanted = torch.tensor([[[[0.25, 0.0], [0.0, 0.0]]]])
    torch.testing.assert_close(variance_map(pictures), wanted)


@pytest.mark.parametrize("shape, count, said", [
    ((2, 1, 4, 4), 3, "start from one picture"),
    ((1, 4, 4), 3, "start from one picture"),
    ((1, 1, 4, 4), 0, "count must be at least 1"),
    ((1, 1, 4, 4), 2, "noise for 3 rows does not fit 2"),
])  # fmt: skip
def test_what_cannot_be_branched_is_refused(shape, count, said):
    with pytest.raises(ValueError, match=said):
        next(branches(Gaussian(), torch.zeros(shape), linear().levels(4), seeded(0, 3), count))


def test_one_picture_has_no_variance():
    with pytest.raises(ValueError, match="two pictures or more, got 1"):
        variance_map(torch.zeros(1, 1, 2, 2))
