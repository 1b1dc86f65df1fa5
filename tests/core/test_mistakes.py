"""The bug lab: every mistake differs from the run without it, by as much as is said here."""

from itertools import pairwise

import pytest
import torch

from core.data import mnist, signed
from core.denoisers import Clipped, Gaussian
from core.metrics import psnr, rms
from core.mistakes import MISTAKES, Given
from core.models import load
from core.noise import seeded
from core.schedules import linear

SEEDS = 4
# Steps, and the RMS by which the pictures of both runs differ, in pixels of [0, 1]: the model
# digits, a 7, guidance 2, seeds 0 to 3; the round trip is that of a test digit at guidance 1.
APART = {
    "no_noise": (50, 0.256), "last_noise": (50, 0.0270), "clamped_x": (50, 0.119),
    "index_for_t": (50, 0.342), "other_type": (50, 0.405), "other_scale": (50, 0.0684),
    "other_stride": (150, 0.0576), "clipped_inversion": (50, 0.0118),
}  # fmt: skip
ENDS = {}  # the pictures of each run


def ends(name, model, steps):
    """The pictures at the end of both runs, the right one first, in [0, 1]."""
    case = MISTAKES[name]
    levels = model.schedule.levels(steps, case.spacing)
    guidance, batch = (1.0, 1) if case.inverts else (2.0, SEEDS)
    x = model.start(seeded(0, batch), levels[0], batch)
    if case.inverts:
        x, levels = signed(mnist("test")[0][:1]), [*reversed(levels), *levels[1:]]
    denoise = model.denoiser("7", guidance=guidance)
    for run in (case.right, case.run):
        key = run, steps, case.spacing, case.inverts
        if key not in ENDS:  # several mistakes share their right run
            seen = list(run(Given(denoise, x, levels, seeded(9, batch), model.schedule)))
            assert [step.index for step in seen] == list(range(len(levels) - 1))
            assert [step.calls for step in seen] == list(range(1, len(levels)))
            assert [(step.level, step.next_level) for step in seen] == [*pairwise(levels)]
            ENDS[key] = model.pixels(seen[-1].x_next)
        yield ENDS[key]


@pytest.mark.slow
@pytest.mark.parametrize("name", MISTAKES)
def test_each_differs_from_the_right_run_by_what_is_said(name):
    steps, apart = APART[name]
    right, wrong = ends(name, load("digits"), steps)
    assert rms(right - wrong) == pytest.approx(apart, rel=0.15)


@pytest.mark.slow
def test_a_clipped_inversion_comes_back_less_exactly():
    clean = signed(mnist("test")[0][:1]) / 2 + 0.5
    right, wrong = (psnr(each, clean) for each in ends("clipped_inversion", load("digits"), 50))
    assert right > wrong + 0.5


def spread(name, steps=50):
    """The standard deviation at the end of both runs, where the data have 0.5."""
    schedule, case = linear(), MISTAKES[name]
    levels = schedule.levels(steps, case.spacing)
    x, found = torch.randn(1, 1, 200, 200, generator=torch.Generator().manual_seed(0)), []
    for run in (case.right, case.run):
        given = Given(Gaussian(0.0, 0.5), x, levels, seeded(1, 1), schedule)
        *_, step = run(given)
        found.append(step.x_next.std().item())
    return found


@pytest.mark.slow
def test_without_fresh_noise_the_spread_of_the_data_is_lost():
    right, wrong = spread("no_noise", 1000)
    assert right == pytest.approx(0.5, rel=0.03) and wrong < 0.5 * right


def test_noise_at_the_last_step_is_added_to_the_data():
    right, wrong = spread("last_noise")
    last = linear().levels(50)[-2].sigma
    assert wrong == pytest.approx((right**2 + last**2) ** 0.5, rel=5e-3)


def test_with_the_other_stride_noise_is_left():
    """Of 150 steps of 6.7 each goes down by 6: a tenth of the way is missing."""
    right, wrong = spread("other_stride", 150)
    assert right == pytest.approx(0.5, rel=0.03) and wrong > 1.02 * right
    right, wrong = spread("other_stride", 1000)
    assert wrong == pytest.approx(right, rel=1e-9)


def test_what_is_no_network_has_no_output():
    given = Given(Gaussian(), torch.zeros(1, 1, 2, 2), linear().levels(3), seeded(0, 1), linear())
    with pytest.raises(ValueError, match="no network"):
        MISTAKES["other_type"].run(given)


def test_guidance_must_be_there_to_be_misread():
    levels = linear().levels(3)
    given = Given(Gaussian(), torch.zeros(1, 1, 2, 2), levels, seeded(0, 1), linear())
    with pytest.raises(ValueError, match="guidance"):
        next(MISTAKES["other_scale"].run(given))
    with pytest.raises(ValueError, match="guidance"):
        next(MISTAKES["other_scale"].run(given._replace(denoise=Clipped(Gaussian()))))
