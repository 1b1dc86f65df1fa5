"""Denoisers of denoisers: anagrams and hybrid pictures."""

import pytest
import torch

from core.compositions import VIEWS, Anagram, Hybrid, blurred
from core.denoisers import Empirical, Gaussian
from core.schedules import linear
from tests.core import normal

LEVEL = linear().levels(4)[2]
PICTURES = normal(6, 2, 8, 8, seed=5)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_orthogonal_and_has_a_way_back(name):
    x, y = normal(2, 2, 8, 8), normal(2, 2, 8, 8, seed=1)
    view = VIEWS[name]
    assert view.undo(view.look(x)).equal(x) and view.look(view.undo(x)).equal(x)
    torch.testing.assert_close((view.look(x) * view.look(y)).sum(), (x * y).sum())
    assert name == "identity" or not view.look(x).equal(x)


def test_an_anagram_of_the_identity_is_the_denoiser():
    x, denoise = normal(2, 2, 8, 8), Empirical(PICTURES)
    for seen in (
        Anagram([denoise], ["identity"])(x, LEVEL),
        Anagram([denoise, denoise], ["identity", "identity"])(x, LEVEL),
    ):
        torch.testing.assert_close(seen.x0, denoise(x, LEVEL).x0, rtol=0, atol=1e-12)
        torch.testing.assert_close(seen.eps, denoise(x, LEVEL).eps, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", VIEWS)
def test_an_anagram_of_one_view_is_the_denoiser_of_the_pictures_seen_so(name):
    """The exact denoiser of turned pictures is the turned denoiser of the pictures."""
    x, view = normal(2, 2, 8, 8), VIEWS[name]
    seen = Anagram([Empirical(view.look(PICTURES))], [name])(x, LEVEL)
    torch.testing.assert_close(seen.x0, Empirical(PICTURES)(x, LEVEL).x0, rtol=0, atol=1e-12)


def test_an_anagram_is_the_mean_of_its_views_and_splits_x():
    x, parts = normal(2, 2, 8, 8), (Gaussian(0.5, 0.3), Gaussian(-0.5, 1.0))
    seen = Anagram(parts, ["identity", "negative"])(x, LEVEL)
    mean = (parts[0](x, LEVEL).x0 - parts[1](-x, LEVEL).x0) / 2
    torch.testing.assert_close(seen.x0, mean)
    torch.testing.assert_close(x, LEVEL.alpha * seen.x0 + LEVEL.sigma * seen.eps)
    assert Anagram([Empirical(PICTURES)] * 2, ["identity", "jigsaw"]).cost == 0


def test_an_anagram_that_cannot_be():
    with pytest.raises(ValueError, match="view must be one of identity, upside down"):
        Anagram([Gaussian()], ["sideways"])
    with pytest.raises(ValueError, match="1 denoisers do not fit 2 views"):
        Anagram([Gaussian()], ["identity", "mirrored"])
    with pytest.raises(ValueError, match="does not fit 6 x 8"):
        VIEWS["jigsaw"].look(normal(1, 1, 6, 8))


def test_a_hybrid_of_one_denoiser_twice_is_it():
    x, denoise = normal(2, 2, 8, 8), Empirical(PICTURES)
    seen = Hybrid(denoise, denoise, 1.0)(x, LEVEL)
    torch.testing.assert_close(seen.eps, denoise(x, LEVEL).eps, rtol=0, atol=1e-12)


def test_a_hybrid_has_the_coarse_part_of_one_and_the_details_of_the_other():
    x, far, near = normal(1, 1, 32, 32), Gaussian(1.0), Gaussian(-1.0, 0.1)
    seen = Hybrid(far, near, 2.0)(x, LEVEL)
    coarse, fine = far(x, LEVEL).x0, near(x, LEVEL).x0
    expected = blurred(coarse, 2.0) + fine - blurred(fine, 2.0)
    torch.testing.assert_close(seen.x0, expected)
    torch.testing.assert_close(x, LEVEL.alpha * seen.x0 + LEVEL.sigma * seen.eps)


def test_a_blur_keeps_what_is_even_and_has_the_spread_of_its_window():
    flat = torch.full((1, 2, 16, 16), 0.7).double()
    torch.testing.assert_close(blurred(flat, 2.0), flat)
    point = torch.zeros(1, 1, 33, 33).double()
    point[..., 16, 16] = 1
    spread = blurred(point, 2.0)
    places = torch.arange(33).double() - 16
    assert (spread.sum(-1).squeeze() * places**2).sum().sqrt().item() == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("spread", [0, -1, 3])
def test_a_blur_that_cannot_be(spread):
    with pytest.raises(ValueError, match=r"must be above 0 and at most 2\.33"):
        blurred(normal(1, 1, 8, 8), spread)
