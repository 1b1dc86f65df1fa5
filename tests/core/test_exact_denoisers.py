"""Exact denoisers: of Gaussian data, and of a finite set of pictures."""

import math

import pytest
import torch

from core.denoisers import Empirical, Gaussian
from core.schedules import Level, linear
from tests.core import EACH_LEVEL, consistent, ladder, normal


def one_pixel(value):
    return torch.tensor(value, dtype=torch.float64).view(-1, 1, 1, 1)


@pytest.mark.parametrize("mean, std", [(0.0, 1.0), (0.7, 0.4), (-1.5, 2.0)])
@EACH_LEVEL
def test_gaussian_by_numerical_integration(level, mean, std):
    """E[x0 | x] is the integral of x0 p(x0) p(x | x0) over that of p(x0) p(x | x0)."""
    points = one_pixel([-2.0, 0.1, 3.0])
    prediction = Gaussian(mean, std)(points, level)
    for x, x0 in zip(points.flatten(), prediction.x0.flatten(), strict=True):
        width = min(std, level.sigma / level.alpha)
        middle = x / level.alpha if level.sigma / level.alpha < std else torch.tensor(mean)
        grid = torch.linspace(-12, 12, 40001, dtype=torch.float64) * width + middle
        log_p = -((grid - mean) ** 2) / (2 * std**2)
        log_p = log_p - (x - level.alpha * grid) ** 2 / (2 * level.sigma**2)
        weight = (log_p - log_p.max()).exp()
        assert float(x0) == pytest.approx(float((weight * grid).sum() / weight.sum()), abs=1e-9)
    consistent(prediction, points, level)


def test_gaussian_takes_a_mean_picture():
    mean, x, level = normal(1, 2, 2), normal(3, 1, 2, 2, seed=1), linear().level(200)
    prediction = Gaussian(mean, 0.5)(x, level)
    for pixel in range(4):
        alone = Gaussian(float(mean.flatten()[pixel]), 0.5)(x.flatten(1)[:, pixel], level)
        torch.testing.assert_close(prediction.x0.flatten(1)[:, pixel], alone.x0)


def naive_mean(x, images, level):
    """The posterior mean by its definition: weights exp(-|x - alpha x_i|^2 / (2 sigma^2))."""
    squared = (x[:, None] - level.alpha * images[None]).flatten(2).square().sum(-1)
    weights = (-squared / (2 * level.sigma**2)).softmax(1)
    return torch.einsum("bn,nchw->bchw", weights, images)


@pytest.mark.parametrize("chunk", [1, 7, 2048])
@EACH_LEVEL
def test_empirical_is_the_softmax_weighted_mean(level, chunk):
    images, x = normal(23, 1, 4, 4), normal(5, 1, 4, 4, seed=1) * 3
    denoise = Empirical(images)
    denoise.chunk = chunk
    prediction = denoise(x, level)
    expected = naive_mean(x, images, level)
    torch.testing.assert_close(prediction.x0, expected, rtol=1e-10, atol=1e-10)
    consistent(prediction, x, level)


@pytest.mark.parametrize("sigma", [1e-3, 1e-6, 1e-9])
def test_empirical_near_the_clean_end_is_the_nearest_picture(sigma):
    images = normal(20, 1, 4, 4)
    level = Level(0.0, math.sqrt(1 - sigma**2), sigma)
    x = level.alpha * images[[3, 17]] + 1e-2 * normal(2, 1, 4, 4, seed=1)
    denoise = Empirical(images)
    torch.testing.assert_close(denoise(x, level).x0, images[[3, 17]], rtol=0, atol=1e-12)
    assert denoise.nearest(x).tolist() == [3, 17]


def test_nearest_picture_over_chunks():
    images, x = normal(50, 1, 3, 3), normal(8, 1, 3, 3, seed=1)
    denoise = Empirical(images)
    denoise.chunk = 16
    distances = torch.cdist(x.flatten(1), images.flatten(1))
    assert torch.equal(denoise.nearest(x), distances.argmin(1))


def test_empirical_in_float32_loses_nothing_to_large_exponents():
    images, level = normal(20, 1, 8, 8, dtype=torch.float32), linear().level(0)
    x = normal(3, 1, 8, 8, seed=1, dtype=torch.float32)
    ours = Empirical(images)(x, level).x0
    assert ours.dtype == torch.float32
    expected = naive_mean(x.double(), images.double(), level).float()
    torch.testing.assert_close(ours, expected, rtol=1e-6, atol=1e-6)


def test_the_mean_of_all_pictures_is_seen_in_pure_noise():
    images = normal(9, 1, 2, 2)
    prediction = Empirical(images)(normal(2, 1, 2, 2), Level(999.0, 0.0, 1.0))
    torch.testing.assert_close(prediction.x0, images.mean(0).expand(2, 1, 2, 2))


@EACH_LEVEL
def test_a_set_of_one_picture_is_that_picture(level):
    image, x = normal(1, 1, 4, 4), normal(2, 1, 4, 4, seed=1)
    torch.testing.assert_close(Empirical(image)(x, level).x0, image.expand(2, 1, 4, 4))


@EACH_LEVEL
def test_a_set_of_plus_and_minus_one_is_a_hyperbolic_tangent(level):
    x = one_pixel([-1.0, -0.01, 0.3, 2.0])
    ours = Empirical(one_pixel([1.0, -1.0]))(x, level).x0
    torch.testing.assert_close(ours, torch.tanh(level.alpha * x / level.sigma**2))


def test_a_large_set_of_gaussian_pixels_is_nearly_gaussian():
    quantiles = torch.special.ndtri((torch.arange(5000).double() + 0.5) / 5000)
    denoise, exact = Empirical(0.3 + 0.5 * quantiles.view(-1, 1, 1, 1)), Gaussian(0.3, 0.5)
    x = one_pixel([-0.5, 0.2, 0.9])
    for level in ladder(4, low=-1, high=1):
        torch.testing.assert_close(denoise(x, level).x0, exact(x, level).x0, rtol=0, atol=5e-3)


def test_no_pictures_are_refused():
    with pytest.raises(ValueError, match="at least one picture"):
        Empirical(torch.empty(0, 1, 2, 2))
