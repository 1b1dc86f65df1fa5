"""Inpainting with jumps: what is kept, what is painted, and how both fit."""

from itertools import pairwise

import pytest
import torch

from core.denoisers import Prediction, from_x0
from core.noise import renoised, seeded
from core.repaint import itinerary, repaint
from core.samplers import SAMPLERS
from core.schedules import linear
from tests.core import normal

LEVELS = linear().levels(20)
HALF = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)


class Twins:
    """The exact denoiser of pairs: two values of variance 1 with this correlation."""

    cost = 0

    def __init__(self, alike):
        self.cov = torch.tensor([[1.0, alike], [alike, 1.0]]).double()

    def __call__(self, x, level) -> Prediction:
        total = level.alpha**2 * self.cov + level.sigma**2 * torch.eye(2)
        return from_x0(x, level, x @ torch.linalg.solve(total, level.alpha * self.cov))


def painted(mask, known, rows=1, **ways):
    noise = seeded(0, rows)
    x = noise(torch.zeros(rows, 1, 1, 2).double())
    *_, last = repaint(Twins(0.95), x, LEVELS, known=known, mask=mask, noise=noise, **ways)
    return last.x_next


def test_with_a_full_mask_it_is_ddpm():
    noise, again = seeded(3, 2), seeded(3, 2)
    x, known = noise(torch.zeros(2, 1, 1, 2).double()), normal(2, 1, 1, 2)
    again(x)
    plain = SAMPLERS["ddpm"](Twins(0.5), x, LEVELS, noise=noise)
    ours = repaint(Twins(0.5), x, LEVELS, known=known, mask=torch.ones(1), noise=again)
    for step, other in zip(plain, ours, strict=True):
        assert step.x_next.equal(other.x_next) and step.index == other.index
        assert step.calls == other.calls


def test_with_an_empty_mask_it_returns_the_picture():
    known = normal(1, 1, 1, 2)
    final = LEVELS[-1]
    ended = painted(torch.zeros(1), known)
    torch.testing.assert_close(ended, final.alpha * known, rtol=0, atol=1e-6)


def test_what_is_known_stays_and_what_is_painted_fits_it_the_better_the_more_often():
    """The painted half has the mean 0.95 known and the variance 1 - 0.95^2, given the other."""
    known = torch.full((400, 1, 1, 2), 1.5).double()
    errors = []
    for repeats in (1, 10):
        ended = painted(HALF, known, rows=400, jump=1, repeats=repeats)
        assert (ended[..., 0] - 1.5 * LEVELS[-1].alpha).abs().max() < 1e-12
        errors.append((ended[..., 1].mean() - 0.95 * 1.5).abs().item())
    assert errors[1] < 0.35 * errors[0]
    assert ended[..., 1].std().item() == pytest.approx((1 - 0.95**2) ** 0.5, rel=0.1)


@pytest.mark.parametrize("steps, jump, repeats", [(20, 10, 1), (20, 5, 3), (7, 3, 2), (3, 10, 4)])
def test_the_itinerary_goes_down_and_up_by_single_steps(steps, jump, repeats):
    places = list(itinerary(steps, jump, repeats))
    moves = [after - before for before, after in pairwise(places)]
    assert places[0] == steps and places[-1] == 0 and set(moves) <= {1, -1}
    stretches = len(range(1, steps - jump + 1, jump))
    assert moves.count(1) == stretches * jump * (repeats - 1)
    assert moves.count(-1) == steps + moves.count(1)


def test_going_back_up_has_the_noise_of_the_level():
    above, level = LEVELS[5], LEVELS[10]
    x0, noise = torch.full((1, 1, 100, 100), 0.5).double(), seeded(1, 1)
    x = level.alpha * x0 + level.sigma * noise(x0)
    rest = renoised(x, level, above, noise) - above.alpha * x0
    assert rest.std().item() == pytest.approx(above.sigma, rel=0.03)


@pytest.mark.parametrize("ways", [{"jump": 0}, {"repeats": 0}])
def test_ways_that_cannot_be(ways):
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        painted(HALF, normal(1, 1, 1, 2), **ways)
