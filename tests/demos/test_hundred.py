"""The noise tab: a hundred pictures at a hundred timesteps."""

import re

import pytest
import torch

from core.data import mnist, signed
from core.inversion import finish
from core.models import load
from demos.forward.hundred import COUNT, hundred, pictures, report
from demos.forward.page import hundreds
from demos.forward.request import NoiseRequest
from demos.forward.told import halves
from demos.runs.archive import Archive
from demos.ui.sections import requested
from tests.demos import refused

pytestmark = pytest.mark.slow

TIMES = torch.linspace(0, 999, 100).long().tolist()  # as the figure of the lesson has them


def test_each_picture_has_its_own_timestep_and_is_told_it():
    model = load("digits")
    noisy, rest = finish(hundred(model, "test digit", 5))
    x0, draw = signed(mnist("test")[0][:COUNT]), model.draw(5)
    for row in range(COUNT):
        level = model.schedule.level(TIMES[row])
        x = level.alpha * x0[row : row + 1] + level.sigma * draw(x0[:1])
        torch.testing.assert_close(noisy[row : row + 1], x)
        if row in (0, 50, 99):
            with torch.no_grad():
                left = x - model.denoiser()(x, level).eps
            torch.testing.assert_close(rest[row : row + 1], left)


@pytest.mark.parametrize("model", ["digits", "exact"])
def test_of_noise_more_is_left_in_the_middle_where_the_network_is_told_little_noise(model):
    _, rest = finish(hundred(load(model), "noise", 0))
    first, final = (halves(rows) for rows in (rest[:10], rest[-10:]))
    ratios = [centre / border for centre, border in (first, final)]
    assert ratios[1] < 0.6 and (model == "exact" or ratios[0] > ratios[1] + 0.2)


def test_the_report_has_three_grids_and_says_where_it_is_strong():
    model = load("digits")
    html = report(model, *finish(hundred(model, "test digit", 0)))
    assert html.count("<img") == html.count(' alt="') == 3
    assert re.search(r"is [\d.]+ times as strong in the middle as at the border", html)


def test_the_grid_is_of_the_run_on_the_page():
    assert requested(NoiseRequest, "recorded") == NoiseRequest.of()
    assert "Let a run finish first" in refused(hundreds, "test digit", None)
    run = Archive("r", message={"settings": {"model": "emoji", "source": "scene"}})
    assert "are digits: choose the model digits or exact" in refused(hundreds, "test digit", run)
    run = Archive("r", {"settings": {"model": "exact", "seed": 3}})
    assert requested(NoiseRequest, run).seed == 3


def test_pictures_of_noise_differ_from_each_other():
    assert pictures("noise").unique(dim=0).shape == (COUNT, 1, 28, 28)
