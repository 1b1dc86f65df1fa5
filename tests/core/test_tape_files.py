"""Runs as files: what is saved is found again; what comes from strangers is opened or refused."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import tape_files
from core.archives import packed
from core.tape_files import load, read, save, written
from core.tapes import Axis, Frame, Panel, Tape
from tests.core.tape_files import CHART, changed, entries, picture, put, refused, tape, told

HERE = Path(__file__).parent
RECORDED = HERE.parents[1] / "assets" / "tapes"


# ---- what is saved is found again ---------------------------------------------------------------

TEXT = st.text(max_size=12)
NUMBER = st.integers(-(10**6), 10**6) | st.floats(-1e9, 1e9, allow_subnormal=False)
SAY = st.recursive(
    TEXT,
    lambda say: (
        st.tuples(TEXT, st.dictionaries(TEXT, say | NUMBER, max_size=3)).map(list)
        | st.lists(say, max_size=3)
    ),
    max_leaves=6,
)
PLACE = st.floats(0, 1)
CURVE = st.lists(st.tuples(PLACE, PLACE), min_size=1, max_size=4)
SETTINGS = st.dictionaries(TEXT, st.none() | st.booleans() | NUMBER | TEXT, max_size=4)
PICTURE = st.builds(picture, st.integers(0, 255), st.sampled_from(["PNG", "JPEG"]))
TONES = st.sampled_from(["", "signal", "noise", "difference", "first", "second"])


@st.composite
def tapes(draw):
    keys = draw(st.lists(TEXT, min_size=1, max_size=4, unique=True))
    frame = st.builds(
        Frame,
        pictures=st.fixed_dictionaries(dict.fromkeys(keys, PICTURE)),
        say=SAY,
        pos=PLACE,
        chart_x=st.none() | PLACE,
        numbers=st.dictionaries(TEXT, st.floats(), max_size=3),
        approximate=st.lists(st.sampled_from(keys), max_size=2),
        doubts=st.lists(SAY, max_size=2),
        thumb=st.sampled_from(keys),
        text=TEXT,
    )
    frames = draw(st.lists(frame, max_size=5))
    return Tape(
        event=draw(TEXT),
        request=draw(SETTINGS),
        title=draw(SAY),
        panels=tuple(
            Panel(key, draw(TEXT), draw(SAY), draw(TONES), draw(st.booleans())) for key in keys
        ),
        total=draw(st.integers(0, 1000)),
        axis=Axis(
            name=draw(SAY),
            curve=draw(st.just([]) | CURVE | st.lists(CURVE, min_size=1, max_size=2)),
            curve_name=draw(SAY),
            ends=(draw(SAY), draw(SAY)),
            ticks=draw(st.lists(PLACE, max_size=4)),
        ),
        strip=draw(st.sampled_from(["", *keys])),
        chart=draw(st.sampled_from(["", CHART])),
        keep=draw(st.none() | TEXT),
        start=draw(st.none() | st.integers(0, 5)),
        frames=frames,
        versions=draw(st.dictionaries(TEXT, TEXT, max_size=2)),
    )


@settings(max_examples=150, derandomize=True, deadline=None)
@given(tapes())
def test_a_run_that_is_saved_and_opened_tells_and_shows_the_same(made):
    again = read(written(made))
    assert told(again) == told(made)
    assert written(again) == written(made), "saved again it is the same file"


def test_a_run_lies_in_a_zip_of_json_and_pictures_each_once():
    files = entries(written(tape(4)))
    assert [*files] == ["tape.json", *(f"pictures/0000{k}.{e}" for k, e in PICTURES)]
    found = json.loads(files["tape.json"])
    assert (found["format"], found["version"], found["event"]) == ("stepwise", 1, "sample")
    assert found["frames"][3]["pictures"] == ["pictures/00004.png", "pictures/00001.jpg"]
    assert files["pictures/00000.png"] == base64.b64decode(picture(0).partition(",")[2])


PICTURES = [(0, "png"), (1, "jpg"), (2, "png"), (3, "png"), (4, "png")]


def test_a_picture_that_is_neither_png_nor_jpeg_is_not_saved():
    made = tape(1)
    made.frames[0] = Frame(pictures={"x": "data:,x", "e": picture()}, say="", pos=0)
    with pytest.raises(ValueError, match=r"must be a PNG or a JPEG as a data URI, got 'data:,x'"):
        written(made)


@pytest.mark.parametrize("name", ["sample", "noise", "inversion"])
def test_the_recorded_examples_are_such_files(name):
    made = load(RECORDED / f"{name}.stepwise")
    assert len(made.frames) == made.total and made.event
    assert told(read(written(made))) == told(made)


def test_a_file_of_the_version_before_opens():
    """It was JSON alone, with the pictures in it."""
    old = json.loads((HERE / "tapes" / "version-0.json").read_text(encoding="utf-8"))
    made = load(HERE / "tapes" / "version-0.json")
    head, frames, _ = told(made)
    assert frames == old.pop("frames") and len(frames) == 3
    assert head == {**old, "event": ""}


def test_fields_that_this_version_does_not_know_are_passed_over():
    made = changed(lambda found: {**found, "mood": [1, {"x": None}]})
    assert told(read(made)) == told(tape())


# ---- what is refused, and how -------------------------------------------------------------------


def test_a_file_on_disk_is_named_in_its_sentence(tmp_path):
    save(tape(), tmp_path / "a.stepwise")
    assert told(load(tmp_path / "a.stepwise")) == told(tape())
    (tmp_path / "b.stepwise").write_bytes((tmp_path / "a.stepwise").read_bytes()[:400])
    with pytest.raises(ValueError, match=r"b\.stepwise is cut short; copy or download it again$"):
        load(tmp_path / "b.stepwise")
    with pytest.raises(ValueError, match=r"c\.stepwise cannot be read \(No such file"):
        load(tmp_path / "c.stepwise")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"II*\0",
        b"{}",
        b'{"frames": [], "settings": {}}',
        packed({"readme.txt": b"hello"}),
        packed({"tape.json": b"{}"}),
        packed({"tape.json": b'{"format": "other", "version": 1}'}),
    ],
)
def test_a_foreign_file_is_called_so(content):
    assert refused(content)[0] == "foreign"


def test_a_newer_version_is_called_so():
    kind, sentence = refused(changed(lambda found: {**found, "version": 2}))
    assert kind == "newer" and "newer version of Stepwise" in sentence
    assert refused(changed(lambda found: {**found, "version": True}))[0] == "broken"
    assert refused(changed(lambda found: {**found, "version": "1"}))[0] == "broken"


def test_a_large_file_is_called_so():
    assert refused(bytes(tape_files.FILE_BYTES + 1))[0] == "large"


DEEP = ["deep"]
for _ in range(40):
    DEEP = [DEEP]

WRONG = {
    "a frame in another place": (put("frames", 1, "i", value=2), "frame 1 is not in its place"),
    "a place": (put("frames", 1, "pos", value=5), r"tape.frames[1].pos is not in 0..1"),
    "a truth for a place": (put("frames", 0, "pos", value=True), "pos is not of the type number"),
    "too few pictures": (
        put("frames", 0, "pictures", value=[]),
        "frame 0 has not one picture per panel",
    ),
    "no picture of the file": (
        put("frames", 0, "pictures", 0, value="pictures/00099.png"),
        "pictures/00099.png is not there",
    ),
    "another address": (put("frames", 0, "pictures", 0, value="https://a.b/c"), "is not there"),
    "an empty picture": (put("frames", 0, "pictures", 0, value=None), "not of the type string"),
    "a number in words": (put("frames", 0, "numbers", value={"t": "many"}), "could not convert"),
    "a number as a list": (put("frames", 0, "numbers", value={"t": [1]}), "number or string"),
    "a strip beyond": (put("strip", value=2), "do not fit each other"),
    "a strip before": (put("strip", value=-1), "tape.strip is not in 0"),
    "an approximate panel": (put("frames", 0, "approx", value=[7]), "do not fit each other"),
    "a thumbnail": (put("frames", 0, "thumb", value=-2), "thumb is of no allowed kind"),
    "no panels": (put("panels", value=[]), "has 0 items where 1 to 16 belong"),
    "panels of one key": (put("panels", 1, "key", value="x"), "panels with different keys"),
    "a panel without title": (put("panels", 0, value={"key": "x", "symbol": ""}), "no title"),
    "frames as an object": (put("frames", value={}), "tape.frames is not of the type array"),
    "settings as a text": (put("settings", value="no"), "tape.settings is not of the type object"),
    "a curve of words": (put("curve", value=[["a", "b"]]), "tape.curve is of no allowed kind"),
    "an empty curve within": (put("curve", value=[[]]), "tape.curve is of no allowed kind"),
    "a sentence of truths": (put("title", value=["a", {"b": True}]), "a sentence that is none"),
    "a sentence of nothing": (put("frames", 0, "say", value=[None]), "a sentence that is none"),
    "something deep": (put("settings", value={"a": DEEP}), "longer or deeper than any run"),
    "a deep sentence": (put("title", value=[[[[[[["a"]]]]]]]), "a sentence that is none"),
    "a long text": (put("settings", value={"a": "x" * 5000}), "longer or deeper than any run"),
    "half a character": (put("title", value="\ud800"), "surrogates not allowed"),
    "a count in the thousands of digits": (put("total", value=10**30), "is too large"),
    "a negative total": (put("total", value=-1), "tape.total is not in 0"),
    "a total with a point": (put("total", value=1.5), "total is not of the type integer"),
    "a script for a drawing": (put("chart", value="<svg><script/></svg>"), "its drawing has an"),
    "versions": (put("versions", value={"torch": 2}), "torch is not of the type string"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_as_runs_are_is_named(name):
    change, said = WRONG[name]
    kind, sentence = refused(changed(change))
    assert kind == "broken" and said in sentence, sentence


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b"\xff\xfe",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_json_that_is_none_or_beyond_measure_is_refused(text):
    assert refused(packed({"tape.json": text}))[0] in ("broken", "foreign")
    assert refused(text or b"{")[0] in ("broken", "foreign")


def test_more_values_than_any_run_has_are_not_even_parsed():
    many = b'{"format":"stepwise","a":[' + b"[]," * 600_000 + b"[]]}"
    assert "says more than any run" in refused(packed({"tape.json": many}))[1]
