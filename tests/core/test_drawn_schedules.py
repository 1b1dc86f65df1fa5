"""Schedules through points: interpolation, drawings as text, points on a curve, wasted steps."""

import math
from itertools import pairwise
from typing import Any

import diffusers
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.bridge import config_of, schedule_of
from core.drawn_schedules import (
    DRAWABLE,
    MOST,
    START,
    TOLERANCE,
    drawn,
    falls,
    monotone,
    parsed,
    placed,
    slopes,
    wasted,
    written,
)
from core.schedules import CLEAN, SCHEDULES, linear

# scipy 1.17.1, PchipInterpolator: points, times, values there, slopes at the points.
SCIPY = [
    (
        [(0, 0.999), (0.1, 0.9), (0.35, 0.88), (0.5, 0.3), (0.9, 0.28), (1, 0.001)],
        [0.03, 0.1, 0.2, 0.42, 0.5, 0.7, 0.95, 0.99],
        [0.960302617, 0.9, 0.8909827235, 0.6175825135, 0.3, 0.290295162, 0.1807034031, 0.03574025],
        [-1.25, -0.168510638298, -0.170379436965, -0.115824508321, -0.121727748691, -3.338],
    ),
    (
        [(0, 9.0), (0.2, 8.9), (1, -15.0)],
        [0.1, 0.3, 0.6, 0.97],
        [8.970603448276, 8.393737877155, 2.205086206897, -13.419176957166],
        [0.0, -0.824137931034, -53.375],
    ),
]


def times(*values):
    return torch.tensor(values, dtype=torch.float64)


@st.composite
def drawings(draw):
    """A quantity and 2..12 points of it, as far from each other as they have to be."""
    quantity = draw(st.sampled_from(sorted(DRAWABLE)))
    kind, count = DRAWABLE[quantity], draw(st.integers(2, MOST))
    numbers = st.floats(0.02, 1)
    gaps = draw(st.lists(numbers, min_size=count - 1, max_size=count - 1))
    heights = draw(st.lists(numbers, min_size=count + 1, max_size=count + 1))
    low, high = kind.low + 2 * kind.fall * count, kind.high
    u, y = 0.0, high - (high - low) * heights[0] / sum(heights)
    points = [(u, y)]
    for gap, height in zip(gaps, heights[1:], strict=False):
        u += gap / sum(gaps)
        y -= (high - low) * height / sum(heights)
        points.append((u, y))
    points[-1] = (1.0, points[-1][1])
    return quantity, points


# ---- the interpolation --------------------------------------------------------------------------


@pytest.mark.parametrize(("points", "at", "values", "slope"), SCIPY)
def test_the_interpolation_is_that_of_scipy(points, at, values, slope):
    torch.testing.assert_close(monotone(points, times(*at)), times(*values), rtol=0, atol=6e-9)
    widths = [b[0] - a[0] for a, b in pairwise(points)]
    secants = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(points)]
    assert slopes(widths, secants) == pytest.approx(slope, abs=1e-9)


def test_between_two_points_and_along_a_line_it_is_the_line():
    at = torch.linspace(0, 1, 101, dtype=torch.float64)
    for points in ([(0, 0.9), (1, 0.1)], [(0, 0.9), (0.3, 0.66), (0.45, 0.54), (1, 0.1)]):
        torch.testing.assert_close(monotone(points, at), 0.9 - 0.8 * at)


def test_three_points_by_hand():
    """h = 1/2, d = -1 and -0.2: the harmonic mean is -1/3, the ends -1.4 and 0."""
    assert slopes([0.5, 0.5], [-1.0, -0.2]) == pytest.approx([-1.4, -1 / 3, 0.0])
    # At s = 1/2: (y0 + y1) / 2 + h (m0 - m1) / 8.
    middle = 0.7 + 0.5 * (-1.4 + 1 / 3) / 8
    values = monotone([(0, 0.95), (0.5, 0.45), (1, 0.35)], times(0.25))
    assert float(values) == pytest.approx(middle)


def test_a_peak_is_flat():
    assert slopes([1.0, 1.0], [1.0, -2.0])[1] == 0.0
    assert slopes([1.0, 1.0], [0.0, -2.0])[1] == 0.0


@settings(deadline=None)  # machines may be shared
@given(drawings())
def test_every_drawing_falls_at_every_timestep(drawing):
    quantity, points = drawing
    schedule = drawn(1000, written(quantity, points))
    assert bool((schedule.alpha_bar.diff() < 0).all()) and bool((schedule.beta > 0).all())
    assert bool((schedule.sigma > 0).all()) and schedule.final == CLEAN
    torch.testing.assert_close(schedule.alpha**2 + schedule.sigma**2, torch.ones(1000).double())


@settings(deadline=None)  # machines may be shared
@given(drawings())
def test_it_passes_through_its_points(drawing):
    _, points = drawing
    values = monotone(points, times(*(u for u, _ in points)))
    torch.testing.assert_close(values, times(*(y for _, y in points)), rtol=1e-12, atol=1e-12)


def test_the_quantity_that_is_drawn_is_the_interpolated_one():
    schedule = drawn(5, "log_snr: 0 8, 1 -8")
    torch.testing.assert_close(schedule.log_snr, times(8, 4, 0, -4, -8))
    schedule = drawn(5, "alpha_bar: 0 0.9, 1 0.1")
    torch.testing.assert_close(schedule.alpha_bar, times(0.9, 0.7, 0.5, 0.3, 0.1))


def test_alpha_bar_may_end_without_signal():
    schedule = drawn(1000, "alpha_bar: 0 0.999, 0.4 0.6, 1 0")
    assert float(schedule.alpha[-1]) == 0.0 and float(schedule.alpha[-2]) > 0
    assert schedule.levels(10)[0].log_snr == -math.inf


# ---- text ---------------------------------------------------------------------------------------


@settings(deadline=None)  # machines may be shared
@given(drawings())
def test_a_drawing_is_the_same_after_it_was_written_and_read(drawing):
    text = written(*drawing)
    assert written(*parsed(text)) == text and parsed(text)[0] == drawing[0]


def test_the_drawing_that_stands_at_first():
    quantity, points = parsed(START)
    assert quantity == "alpha_bar" and len(points) == 5
    assert torch.equal(SCHEDULES["drawn"]().alpha, drawn(1000, START).alpha)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a drawing begins with alpha_bar or log_snr and a colon, got ''"),
        (7, "a drawing begins with alpha_bar or log_snr and a colon, got 7"),
        ("beta: 0 1, 1 0", "a drawing begins with alpha_bar or log_snr"),
        ("alpha_bar: 0 0.9", r"a drawing has 2\.\.12 points, got 1"),
        ("alpha_bar: " + ", ".join(f"{k / 12} {1 - (k + 1) / 20}" for k in range(13)), "got 13"),
        ("alpha_bar: 0 0.9, 1", "a point is two numbers, a time and a value, got ' 1'"),
        ("alpha_bar: 0 0.9, 1 low", "a point is two numbers"),
        ("alpha_bar: 0.1 0.9, 1 0.1", "the first point is at time 0 and the last at time 1"),
        ("alpha_bar: 0 0.9, 0.9 0.1", "the first point is at time 0"),
        ("alpha_bar: nan 0.9, 1 0.1", "the first point is at time 0"),
        ("alpha_bar: 0 0.9, nan 0.5, 1 0.1", r"times rise by 0\.001 at least, got 0 and then nan"),
        ("alpha_bar: 0 0.9, 0.6 0.5, 0.6 0.4, 1 0.1", r"times rise .*, got 0\.6 and then 0\.6"),
        ("alpha_bar: 0 0.9, 1 0.9", r"alpha_bar falls by 1e-06 at least, got 0\.9, 0\.9"),
        ("alpha_bar: 0 nan, 1 0.1", "alpha_bar falls by"),
        ("alpha_bar: 0 inf, 1 0.1", r"alpha_bar is drawn within 0\.\.0\.999999"),
        ("alpha_bar: 0 1, 1 0.1", r"alpha_bar is drawn within 0\.\.0\.999999"),
        ("alpha_bar: 0 0.9, 1 -0.1", "alpha_bar is drawn within"),
        ("log_snr: 0 5, 1 -21", r"log_snr is drawn within -20\.\.13\.8"),
    ],
)
def test_what_is_no_drawing_is_one_sentence(text, told):
    with pytest.raises(ValueError, match=told) as caught:
        drawn(1000, text)
    assert "\n" not in str(caught.value)


def test_timesteps_are_those_of_all_schedules():
    with pytest.raises(ValueError, match=r"timesteps must be a whole number in 2\.\.10000"):
        drawn(1)


# ---- points on a curve --------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEDULES)
def test_points_are_placed_on_every_schedule_and_the_error_is_what_is_said(name):
    schedule = SCHEDULES[name]()
    text, error = placed(schedule)
    quantity, points = parsed(text)
    wanted = schedule.snr / (1 + schedule.snr)  # alpha^2 where variance is preserved
    assert quantity == "alpha_bar" and len(points) <= MOST
    difference = (drawn(len(schedule), text).alpha_bar - wanted).abs().max()
    assert error == pytest.approx(float(difference), abs=1e-9)
    assert error <= TOLERANCE or (len(points) == MOST and error < 2 * TOLERANCE)


def test_points_lie_on_the_curve():
    for u, y in parsed(placed(linear())[0])[1]:
        assert float(linear().alpha_bar[round(999 * u)]) == pytest.approx(y, rel=1e-5)


@settings(deadline=None)  # machines may be shared
@given(drawings())
@example(("log_snr", [(0.0, -14.63), (1.0, -18.18)]))  # all noise: alpha_bar is 0 throughout
def test_any_drawing_can_be_drawn_over_that_falls(drawing):
    schedule = drawn(300, written(*drawing))
    if schedule.alpha_bar[0] - schedule.alpha_bar[-1] < DRAWABLE["alpha_bar"].fall:
        with pytest.raises(ValueError, match="too little to be drawn"):
            placed(schedule)
        return
    text, error = placed(schedule)
    assert len(parsed(text)[1]) <= MOST and 0 <= error < 1


@pytest.mark.parametrize("timesteps", [2, 5, 50])
def test_short_schedules_can_be_drawn_over(timesteps):
    text, error = placed(linear(timesteps))
    assert error <= TOLERANCE and len(parsed(text)[1]) <= timesteps


def test_a_schedule_that_hardly_falls_is_refused():
    flat = linear(20, beta_start=1e-8, beta_end=1e-8)
    with pytest.raises(ValueError, match=r"alpha_bar falls by .*, too little to be drawn"):
        placed(flat)


# ---- diffusers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_drawing_is_the_same_schedule_in_diffusers(name):
    schedule = drawn(1000, placed(SCHEDULES[name]())[0])
    config = {"_class_name": "DDIMScheduler", **config_of(schedule)}
    read = schedule_of(config)
    torch.testing.assert_close(read.alpha_bar, schedule.alpha_bar, rtol=0, atol=1e-12)
    theirs: Any = diffusers.DDIMScheduler.from_config(config)
    found = theirs.alphas_cumprod.double()
    torch.testing.assert_close(found, schedule.alpha_bar, rtol=0, atol=1e-6)
    assert (read.final, read.offset) == (CLEAN, 0)


@settings(deadline=None)  # machines may be shared
@given(drawings())
def test_any_drawing_has_a_config_and_is_read_from_it(drawing):
    schedule = drawn(1000, written(*drawing))
    read = schedule_of(config_of(schedule))
    torch.testing.assert_close(read.alpha_bar, schedule.alpha_bar, rtol=0, atol=1e-12)


# ---- steps --------------------------------------------------------------------------------------


def test_the_falls_of_a_run_add_up_to_all_of_alpha_bar():
    schedule = linear()
    for spacing in ("trailing", "linspace"):
        assert sum(falls(schedule, 7, spacing)) == pytest.approx(1 - float(schedule.alpha_bar[-1]))


def test_steps_are_wasted_where_alpha_bar_stands_still():
    """An even fall wastes none; a curve that has fallen by half-time wastes half of the steps."""
    assert wasted(drawn(1000, "alpha_bar: 0 0.999, 1 0"), 10) == 0
    early = drawn(1000, "alpha_bar: 0 0.999, 0.5 0.00002, 1 0")
    assert [wasted(early, n) for n in (10, 50)] == [5, 25]


def test_the_linear_schedule_wastes_three_tenths_of_its_steps_and_cosine_hardly_any():
    assert wasted(linear(), 10) == 3 and wasted(linear(), 1000) == 302
    assert wasted(SCHEDULES["cosine"](), 1000) < 40
