"""Numbers about pictures against what they must be."""

import math

import pytest
import torch

from core.metrics import neighbour_correlation, power_spectrum, psnr, rms, ssim
from tests.core import normal


def test_psnr_of_a_known_error():
    a = torch.zeros(1, 1, 2, 2)
    assert psnr(a, a + 0.1) == -10 * math.log10(mse := float((a + 0.1).double().square().mean()))
    assert mse > 0 and psnr(a, a) == math.inf


def test_rms():
    assert rms(torch.tensor([3.0, 4.0, 0.0, 0.0])) == 2.5


def test_neighbours_are_alike_in_pictures_and_not_in_noise():
    noise = normal(1, 4, 64, 64)
    assert abs(neighbour_correlation(noise)) < 4 / (2 * noise.numel()) ** 0.5
    stripes = torch.tensor([1.0, -1.0]).repeat(4).expand(1, 1, 8, 8)
    assert abs(neighbour_correlation(stripes)) < 1e-12  # -1 across and +1 down
    half = torch.cat([torch.ones(1, 1, 100, 50), -torch.ones(1, 1, 100, 50)], dim=3)
    assert neighbour_correlation(half) > 0.98


def test_ssim_of_flat_pictures_and_of_equal_ones():
    a, b = torch.full((1, 1, 16, 16), 0.2), torch.full((1, 1, 16, 16), 0.6)
    assert ssim(a, b) == pytest.approx((2 * 0.12 + 1e-4) / (0.04 + 0.36 + 1e-4), abs=1e-6)
    picture = normal(2, 3, 20, 17).sigmoid()
    assert ssim(picture, picture) == pytest.approx(1)


def test_ssim_against_the_formula_place_by_place():
    a, b = normal(1, 1, 14, 13, seed=1).sigmoid(), normal(1, 1, 14, 13, seed=2).sigmoid()
    weights = [math.exp(-(k**2) / 4.5) for k in range(-5, 6)]
    window = torch.tensor([[r * c for c in weights] for r in weights], dtype=torch.float64)
    window /= window.sum()
    values = []
    for row in range(4):
        for column in range(3):
            x, y = (each[0, 0, row : row + 11, column : column + 11] for each in (a, b))
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
            covariance = (window * (x - mx) * (y - my)).sum()
            top = (2 * mx * my + 1e-4) * (2 * covariance + 9e-4)
            values.append(top / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4)))
    assert ssim(a, b) == pytest.approx(float(sum(values) / len(values)), abs=1e-9)
    with pytest.raises(ValueError, match="11 x 11 pixels or more"):
        ssim(a[..., :10], b[..., :10])


def test_power_of_noise_is_flat_and_of_a_wave_is_at_its_frequency():
    flat = power_spectrum(normal(8, 4, 32, 32))
    assert len(flat) == 16 and all(abs(power - 1) < 0.2 for power in flat)
    wave = torch.cos(2 * math.pi * 5 * torch.arange(32) / 32).expand(1, 1, 32, 32)
    power = power_spectrum(wave)
    assert power.index(max(power)) == 4 and sum(power) == pytest.approx(power[4])
