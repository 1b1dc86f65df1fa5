"""Messages of the player, and the numbers and charts around it."""

import math
from typing import Any

import pytest

from core.schedules import Level, linear
from demos.player import HEADS, Panel, Player, Reel
from demos.plots import Curve, noise_share, over_time, percent, place, short, values_of
from demos.views import later

PANELS = (Panel("x", "picture"), Panel("e", "noise", "noise"))


def filled(reel, count):
    for index in range(count):
        reel.add(["a", "b"], f"frame {index}", pos=index / 10)
    return reel


def test_messages_carry_the_frames_since_the_last():
    reel = filled(Reel(PANELS, total=5), 2)
    first = reel.message()
    assert len(first["panels"]) == 2 and [f["i"] for f in first["frames"]] == [0, 1]
    assert not reel.due()
    second = filled(reel, 1).message()
    assert [f["i"] for f in second["frames"]] == [2] and second["panels"] == first["panels"]
    later = [reel.message() for _ in range(HEADS)]
    assert "panels" in later[HEADS - 3] and "panels" not in later[HEADS - 2]
    whole = reel.whole()
    assert [f["i"] for f in whole["frames"]] == [0, 1, 2] and whole["status"] == "done"
    assert whole["run"] == first["run"] and "panels" in whole


def test_a_picture_is_sent_once_while_it_stays():
    reel = Reel(PANELS, total=4)
    shown = [["a", "b"], ["a", "c"], ["a", "c"], ["d", "c"]]
    for pictures in shown:
        reel.add(pictures, "", pos=0)
    whole = reel.whole()
    player = Player(name="test")
    sent: Any = player.preprocess(player.postprocess(whole))
    pictures = [frame["pictures"] for frame in sent["frames"]]
    assert pictures == [["a", "b"], [None, "c"], [None, None], ["d", None]]
    assert [f["pictures"] for f in whole["frames"]] == shown and sent["panels"] == whole["panels"]


def test_a_picture_is_made_once_and_when_its_frame_is_sent():
    made = []
    picture = later(lambda name: made.append(name) or f"data:{name}", "x")
    reel = Reel(PANELS, total=2)
    reel.add([picture, "b"], "", pos=0)
    assert not made
    assert reel.message()["frames"][0]["pictures"] == ["data:x", "b"] and made == ["x"]
    reel.add([picture, picture], "", pos=0)
    pictures = [frame["pictures"] for frame in reel.whole()["frames"]]
    assert pictures == [["data:x", "b"], ["data:x", "data:x"]] and made == ["x"]


def test_a_frame_needs_a_picture_per_panel():
    with pytest.raises(ValueError, match="2 pictures"):
        Reel(PANELS, total=1).add(["a"], "", pos=0)


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
