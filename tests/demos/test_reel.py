"""Messages of a run, as the player gets them."""

from typing import Any

import pytest

from demos.ui.player import Player
from demos.reel import HEADS, Panel, Reel, later

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
