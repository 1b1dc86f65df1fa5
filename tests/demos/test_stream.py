"""Messages of a run, as the player gets them, and the tape that they are made of."""

from typing import Any

import pytest

from core.tapes import Frame, Panel, Tape, later
from demos.runs.stream import HEADS, Stream, recorded, streamed
from demos.ui.player import Player
from demos.words import said

PANELS = (Panel("x", "xₜ", "picture"), Panel("e", "ε̂", "noise", "noise"))


def tape(total=5, **more):
    return Tape(request={"seed": 7}, title="a run", panels=PANELS, total=total, **more)


def frame(x: Any = "a", e: Any = "b", **more):
    return Frame(pictures={"x": x, "e": e}, say=said("sample.first"), pos=0.5, **more)


def filled(stream, count):
    for _ in range(count):
        stream.add(frame())
    return stream


def test_messages_carry_the_frames_since_the_last():
    stream = filled(Stream(tape()), 2)
    first = stream.message()
    assert len(first["panels"]) == 2 and [f["i"] for f in first["frames"]] == [0, 1]
    assert not stream.due()
    second = filled(stream, 1).message()
    assert [f["i"] for f in second["frames"]] == [2] and second["panels"] == first["panels"]
    after = [stream.message() for _ in range(HEADS)]
    assert "panels" in after[HEADS - 3] and "panels" not in after[HEADS - 2]
    whole = stream.whole()
    assert [f["i"] for f in whole["frames"]] == [0, 1, 2] and whole["status"] == "done"
    assert whole["run"] == first["run"] and "panels" in whole


def test_a_picture_is_sent_once_while_it_stays():
    stream = Stream(tape(total=4))
    shown = [["a", "b"], ["a", "c"], ["a", "c"], ["d", "c"]]
    for pictures in shown:
        stream.add(frame(*pictures))
    whole = stream.whole()
    player = Player(name="test")
    sent: Any = player.preprocess(player.postprocess(whole))
    pictures = [frame["pictures"] for frame in sent["frames"]]
    assert pictures == [["a", "b"], [None, "c"], [None, None], ["d", None]]
    assert [f["pictures"] for f in whole["frames"]] == shown and sent["panels"] == whole["panels"]


def test_a_picture_is_made_once_and_when_its_frame_is_sent():
    made = []
    picture = later(lambda name: made.append(name) or f"data:{name}", "x")
    stream = Stream(tape(total=2))
    stream.add(frame(picture))
    assert not made
    assert stream.message()["frames"][0]["pictures"] == ["data:x", "b"] and made == ["x"]
    stream.add(frame(picture, picture))
    pictures = [frame["pictures"] for frame in stream.whole()["frames"]]
    assert pictures == [["data:x", "b"], ["data:x", "data:x"]] and made == ["x"]


def shown(result):
    yield tape(total=1)
    yield frame()
    return result


def test_two_runs_in_turn_the_second_of_what_the_first_left():
    messages: Any = list(streamed(shown("the first"), lambda left: shown(f"after {left}")))
    runs = list(dict.fromkeys(message["run"] for message, _ in messages))
    done = [message["run"] for message, _ in messages if message["status"] == "done"]
    assert len(runs) == 2 and done == runs
    assert [archive.result for _, archive in messages][-1] == "after the first"


def test_a_stopped_run_leaves_what_it_started_from():
    _, archive = next(streamed(shown("the end"), start="the start"))
    assert archive.result == "the start"
    seen, messages = set(), streamed(shown("the first"), lambda _: shown("the end"))
    while len(seen) < 2:
        message, archive = next(messages)
        seen.add(archive.run)
    assert message is not None and archive.result == "the first"


def test_a_run_yields_one_tape_and_first():
    with pytest.raises(TypeError, match="its tape before"):
        next(streamed(iter([frame()])))
    with pytest.raises(TypeError, match="one tape"):
        list(streamed(iter([tape(), tape()])))


def test_a_recorded_run_is_told_from_one_that_was_run():
    made = tape(total=1)
    made.frames.append(frame())
    message = recorded(made, "test")
    assert (message["run"], message["status"]) == ("tape-test", "tape")
    assert message["frames"][0]["text"] == "this is the first guess."


def test_what_is_no_tape_is_refused():
    with pytest.raises(ValueError, match="different keys"):
        Tape(request={}, title="", panels=(), total=1)
    with pytest.raises(ValueError, match="strip must be one of x, e"):
        tape(strip="y")
    for place in (1.5, float("nan")):
        with pytest.raises(ValueError, match=r"pos must be in 0\.\.1"):
            Frame(pictures={}, say="", pos=place)
