"""The numbers and charts around the player."""

import math

import pytest

from core.schedules import Level, linear
from demos.views.charts import Curve, over_time, values_of
from demos.views.numbers import noise_share, percent, place, short


def test_place_runs_from_clean_to_noise():
    assert place(Level(-1, 1, 0)) == 0 and place(Level(0, 0, 1)) == 1
    places = [place(level) for level in linear().levels(50)]
    assert places == sorted(places, reverse=True)
    assert place(Level(0, math.sqrt(0.5), math.sqrt(0.5))) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0 %"), (0.004, "under 1 %"), (0.5, "50 %"), (0.996, "over 99 %"), (1, "100 %")],
)
def test_percent_says_neither_0_nor_100_without_being_it(share, said):
    assert percent(share) == said


def test_short_has_three_digits():
    assert [short(v) for v in (0.123456, -2, math.inf)] == ["0.123", "−2", "∞"]


def test_noise_share_of_variance_exploding_levels():
    assert noise_share(Level(5, 1.0, 3.0)) == pytest.approx(0.9)


@pytest.mark.parametrize("quantity", ["alpha_bar", "log_snr", "snr", "beta", "sigma"])
def test_chart_draws_every_curve_inside_its_frame(quantity):
    svg = over_time([Curve("a", "first", values_of(linear(), quantity), (0, 999))], quantity)
    points = svg.split('points="')[1].split('"')[0].split()
    assert len(points) > 100
    for point in points:
        x, y = map(float, point.split(","))
        assert 0 <= x <= 560 and 0 <= y <= 400
    assert svg.count("chart-visit") == 2 and "chart-playhead" in svg
