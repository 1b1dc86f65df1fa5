"""Numbers about pictures against what they must be."""

import math

import torch

from core.metrics import neighbour_correlation, psnr, rms
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
