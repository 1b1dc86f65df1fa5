"""The numbers and charts around the player."""

import html
import json
import math
import re

import pytest
import torch

from core.schedules import SCHEDULES, Level, from_betas, linear
from demos.views.charts import (
    FONT,
    HEIGHT,
    PARTS,
    QUANTITIES,
    WIDTH,
    Axes,
    Curve,
    chart,
    curves_of,
    over_time,
    values_of,
    width,
)
from demos.views.numbers import noise_share, percent, place, short
from demos.words import LANGUAGES, said, sentence

TEXT = re.compile(
    r'<text(?: data-say="[^"]*")?(?= [^>]*\bx="([\d.]+)")(?= [^>]*\by="([\d.]+)")'
    r'(?= [^>]*text-anchor="(\w+)")[^>]*>([^<]*)</text>'
)


def texts(svg):
    """(x, y, anchor, text) of every text as it is drawn in English."""
    found = TEXT.findall(svg)
    assert len(found) == svg.count("<text")
    for x, y, anchor, words in found:
        yield float(x), float(y), anchor, html.unescape(words)


def spoken(svg, attribute="data-say"):
    """The sentences of a chart."""
    return [json.loads(html.unescape(each)) for each in re.findall(f'{attribute}="([^"]*)"', svg)]


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


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_chart_draws_every_curve_inside_its_frame(quantity):
    curves = curves_of(linear(), quantity, "a", "first", (0, 999))
    svg = over_time(curves, quantity)
    assert svg.count("polyline") == len(curves) == len(PARTS.get(quantity, "1"))
    points = svg.split('points="')[1].split('"')[0].split()
    assert len(points) > 100
    for point in points:
        x, y = map(float, point.split(","))
        assert 0 <= x <= WIDTH and 0 <= y <= HEIGHT
    assert svg.count("chart-visit") == 2 and "chart-playhead" in svg


@pytest.mark.parametrize("quantity", ["snr", "log_snr", "posterior_variance"])
def test_what_has_no_logarithm_is_not_drawn(quantity):
    """Zero terminal SNR ends without signal, and the first step back has no variance."""
    values = values_of(linear(zero_terminal_snr=True), quantity)
    assert not all(map(math.isfinite, values))
    finite = [value for value in values if math.isfinite(value)]
    drawn = Curve("a", "first", values).points()
    assert drawn[-1][1] == finite[-1] and all(math.isfinite(value) for _, value in drawn)
    assert "nan" not in over_time([Curve("a", "first", values)], quantity)


def test_a_constant_curve_has_an_axis():
    flat = from_betas(torch.full((1000,), 0.01))
    assert values_of(flat, "beta")[5] == pytest.approx(-2)
    assert 'class="chart"' in over_time([Curve("a", "first", values_of(flat, "beta"))], "beta")


def test_ticks_of_a_logarithmic_axis_are_whole_powers_of_ten():
    svg = over_time([Curve("a", "first", [-1.2, -0.3, 1.4])], "snr")
    numbers = [words for *_, words in texts(svg) if words.startswith("10")]
    assert numbers == ["10⁻²", "10⁻¹", "10⁰", "10¹", "10²"]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_text_of_a_chart_fits_in_every_language(quantity):
    names = [said("schedule.option.scaled_linear"), said("schedule.own", model="emoji")]
    curves = [
        curve
        for name, tone in zip(names, ("first", "second"), strict=True)
        for curve in curves_of(SCHEDULES["cosine"](), quantity, name, tone)
    ]
    svg = over_time(curves, quantity)
    for x, y, anchor, words in texts(svg):
        left = {"start": 0, "middle": 0.5, "end": 1}[anchor] * width(words)
        assert x - left >= 0 and x - left + width(words) <= WIDTH and FONT - 4 < y < HEIGHT
    for say in spoken(svg):
        assert width(say) < WIDTH - 4, say


def test_text_is_14_pixels_or_more_where_a_chart_is_shown():
    """On a phone of 360 pixels, and beside pictures in the lowest window that is laid out."""
    svg = over_time([Curve("a", "first", values_of(linear(), "snr"))], "snr")
    assert "font-size" not in svg  # all of it has the size that charts.css gives
    for wide, high in ((328, 1000), (390, 254), (395, 316)):
        assert FONT * min(wide / WIDTH, high / HEIGHT) >= 14


def test_a_legend_that_is_too_long_goes_on_in_the_next_row():
    names = ["way back", "residual", "added up", "ε moves"]
    svg = chart(
        [Curve(name, "first", [1, 2], at=[0, 1]) for name in names],
        Axes("Distance from the way up, and why", "RMS", "level", [(0, "clean"), (1, "noise")]),
    )
    places = {words: (x, y) for x, y, _, words in texts(svg) if words in names}
    assert len({y for _, y in places.values()}) == 2
    assert all(x + width(words) <= WIDTH for words, (x, _) in places.items())


def test_all_words_of_a_chart_can_be_said_again():
    name = said("schedule.option.linear")
    svg = over_time([Curve(name, "first", values_of(linear(), "snr"))], "snr")
    assert "对数刻度" in " ".join(sentence(say, "zh") for say in spoken(svg))
    assert sentence(name, "zh") in [sentence(say, "zh") for say in spoken(svg)]
    unsaid = [words for *_, words in texts(svg)]
    heard = [sentence(say) for say in spoken(svg)]
    assert all(re.fullmatch(r"[−\d.⁻⁰¹²³⁴-⁹]+", words) for words in unsaid if words not in heard)
    (label,) = spoken(svg, "data-say-aria-label")
    assert [sentence(label, each) for each in LANGUAGES] == [
        "SNR, over the timestep t (0 clean, right noise)",
        "信噪比 SNR，横轴：时间步 t（0 干净，右侧为噪声）",
    ]
