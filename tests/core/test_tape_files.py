"""Runs as files: what is saved is found again; what comes from strangers is opened or refused."""

import base64
import io
import json
import random
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core import tape_files
from core.archives import ENTRIES, packed, unpacked
from core.drawings import harm
from core.images import uri
from core.tape_files import Unopened, load, read, save, written
from core.tapes import Axis, Frame, Panel, Tape, later

HERE = Path(__file__).parent
RECORDED = HERE.parents[1] / "assets" / "tapes"
PANELS = (Panel("x", "xₜ", "noisy", "noise"), Panel("e", "ε̂", ["panel.e", {}], phone=False))
CHART = '<svg class="chart" viewBox="0 0 9 9"><text x="1" y="2">α &lt; 1</text></svg>'


def picture(shade=0, kind="PNG", size=(3, 2)):
    return uri(Image.new("L", size, shade), kind)


def tape(count=3, **more):
    given = {"request": {"seed": 7, "eta": None}, "title": "a run", "panels": PANELS} | more
    made = Tape(total=count, event="sample", **given)
    for i in range(count):
        made.frames.append(
            Frame(
                pictures={"x": picture(9 * i), "e": later(picture, 200, "JPEG")},
                say=["step", {"step": i, "of": ["steps", {"share": 0.5}]}],
                pos=i / 10,
                numbers={"psnr": float("inf"), "t": 3.0},
                approximate=["e"],
                text=f"step {i}",
            )
        )
    return made


def told(made):
    """All that a page gets of a run, its pictures made."""
    frames = [made.sent(i, each) for i, each in enumerate(made.frames)]
    for each in frames:
        each["pictures"] = [p() if callable(p) else p for p in each["pictures"]]
    return made.head(), frames, [each.text for each in made.frames]


def entries(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(change, content=None):
    """A file whose JSON was changed."""
    files = entries(content or written(tape()))
    found = json.loads(files["tape.json"])
    return packed({**files, "tape.json": json.dumps(change(found) or found).encode()})


def refused(content):
    """The one sentence in which a file is refused."""
    with pytest.raises(Unopened) as caught:
        read(content)
    sentence = str(caught.value)
    assert sentence.isprintable() and len(sentence) < 400 and "; " in sentence, sentence
    assert sentence.startswith(("is ", "has "))
    return caught.value.kind, sentence


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


def put(*path, value):
    """A change: another value at a place of the JSON."""

    def change(found):
        for key in path[:-1]:
            found = found[key]
        found[path[-1]] = value

    return change


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


# ---- hostile zips -------------------------------------------------------------------------------


def test_a_bomb_is_refused_before_it_is_unpacked():
    zeros = packed({"tape.json": bytes(80_000_000)})
    assert len(zeros) < 100_000
    assert "holds more than 60 MB" in refused(zeros)[1]


def test_a_size_that_is_a_lie_brings_out_no_more():
    content = bytearray(packed({"tape.json": bytes(20_000_000)}))
    for sign, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = content.index(sign) + place
        content[at : at + 4] = struct.pack("<L", 1000)
    assert refused(bytes(content))[0] == "broken"


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "pictures/../00000.png", "C:\\a.png"])
def test_no_name_is_a_path(name):
    files = entries(written(tape()))
    assert "nothing may be called" in refused(packed({**files, name: b"x"}))[1]


def test_a_zip_with_a_file_twice_a_comment_or_a_lock_is_refused():
    content = written(tape())
    files = entries(content)
    buffer = io.BytesIO(content)
    with pytest.warns(UserWarning), zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("tape.json", files["tape.json"])
    assert "a file twice" in refused(buffer.getvalue())[1]
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"hello"
    assert refused(buffer.getvalue())[0] == "broken"
    locked = bytearray(content)
    locked[locked.index(b"PK\1\2") + 8] |= 1
    assert "locked" in refused(bytes(locked))[1]
    before = b"#!/bin/sh\n" + content  # another file that ends as a zip does
    assert refused(before)[0] == "foreign" and refused(b"PK" + content)[0] == "broken"


def test_a_directory_larger_than_any_run_has_is_not_read():
    for count, size in ((1, 4_000_000), (0xFFFF, 100)):
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, 4, 0)
        assert f"more than {ENTRIES} files" in refused(b"PK\3\4" + bytes(size) + end)[1]


def test_what_is_stored_is_checked_by_its_code():
    content = bytearray(written(tape()))
    at = content.index(b"IHDR")
    content[at + 7] ^= 1
    assert "zip cannot be read" in refused(bytes(content))[1]
    with pytest.raises(ValueError, match="cut short"):
        unpacked(bytes(content)[:-1], 10**6)


# ---- hostile pictures ---------------------------------------------------------------------------


def with_picture(data, name="pictures/00000.png"):
    return packed({**entries(written(tape())), name: data})


def png(width, height, rows=b"", depth=1):
    def chunk(kind, content):
        code = zlib.crc32(kind + content)
        return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", code)

    head = struct.pack(">2L5B", width, height, depth, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*each) for each in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"<svg onload='alert(1)'/>",
        b"GIF89a" + bytes(20),
        png(60_000, 60_000),
        png(5000, 5000, bytes(626 * 5000)),
        png(8, 8, b"\0"),
        base64.b64decode(picture(3, "JPEG").partition(",")[2]),
    ],
    ids=["empty", "a head", "svg", "gif", "huge", "25 megapixels", "cut", "a jpeg"],
)
def test_what_is_no_picture_of_its_kind_is_refused(data):
    assert "pictures/00000.png is no PNG" in refused(with_picture(data))[1]


def test_many_large_pictures_are_refused():
    large = png(4000, 4000, bytes(501 * 4000))
    files = entries(written(tape()))
    files |= {f"pictures/{k:05d}.png": large for k in range(100, 126)}
    assert "more than 400 megapixels" in refused(packed(files))[1]


def test_frames_that_show_more_than_can_be_sent_are_refused():
    """Two large pictures in turn, in thousands of frames: small in the file, not on the way."""
    noise = Image.effect_noise((300, 300), 90)
    made = tape(1, panels=PANELS[:1])
    shown = [uri(noise), uri(noise.rotate(90))]
    made.frames[:] = [Frame(pictures={"x": shown[i % 2]}, say="", pos=0) for i in range(2000)]
    content = written(made)
    assert len(content) < 1_000_000
    assert "show more than can be sent" in refused(content)[1]


# ---- drawings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "drawing",
    [
        "<svg><script>alert(1)</script></svg>",
        '<svg onload="alert(1)"/>',
        '<svg><text style="position:fixed">a</text></svg>',
        "<svg><style>* { display: none }</style></svg>",
        "<svg><foreignObject><p>a</p></foreignObject></svg>",
        '<svg><a href="https://a.b"><text>a</text></a></svg>',
        '<svg><image href="https://a.b/c.png"/></svg>',
        '<svg><use href="#a"/></svg>',
        '<svg xmlns:x="http://www.w3.org/1999/xlink"><text x:href="a">a</text></svg>',
        '<svg xmlns="http://www.w3.org/1999/xhtml"><text>a</text></svg>',
        '<svg><line fill="url(https://a.b)"/></svg>',
        '<svg><set attributeName="onload" to="a"/></svg>',
        "<!DOCTYPE svg [<!ENTITY a 'b'>]><svg><text>&a;</text></svg>",
        "<svg><!--><img src=x onerror=alert(1)>--></svg>",
        "<svg><text><![CDATA[<img src=x onerror=alert(1)>]]></text></svg>",
        "<?xml-stylesheet href='a'?><svg/>",
        "<svg><text>&nbsp;</text></svg>",
        "<svg><p>a</p></svg>",
        "<img src=x onerror=alert(1)>",
        "<svg/><script/>",
        "<svg><text>",
        '<svg class="presenting player"/>',
        '<svg data-act="language"/>',
        """<svg><text data-say='{"a": 1}'>a</text></svg>""",
        "<svg><text data-say='no json'>a</text></svg>",
        "<svg>" + "<g>" * 100 + "</g>" * 100 + "</svg>",
        "\0",
    ],
)
def test_a_drawing_with_more_than_lines_and_words_is_refused(drawing):
    assert harm(drawing)
    kind, sentence = refused(changed(put("chart", value=drawing)))
    assert kind == "broken" and "its drawing" in sentence


def test_the_drawings_of_this_project_are_let_in():
    from demos.schedules.request import ScheduleRequest
    from demos.schedules.run import message
    from demos.views.charts import QUANTITIES

    for quantity in QUANTITIES:
        chart = message(ScheduleRequest.of(quantity=quantity, second="linear"))["chart"]
        assert chart.startswith("<svg") and harm(chart) == ""


# ---- 500 broken files ---------------------------------------------------------------------------


def broken(rng, content):
    """A file with something wrong in it, as disks, networks and hands do it."""
    data, kind = bytearray(content), rng.randrange(6)
    at, size = rng.randrange(len(data)), rng.randrange(1, 40)
    if kind == 0:
        del data[at:]
    elif kind == 1:
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 2:
        data[at : at + size] = rng.randbytes(size)
    elif kind == 3:
        del data[at : at + size]
    elif kind == 4:
        data[at:at] = rng.randbytes(size)
    else:
        return packed({**entries(content), "tape.json": shaken(rng, content)})
    return bytes(data)


ODD = [None, True, -1, 0, 1e308, "", "x", "__proto__", [], {}, [[]], {"a": []}, "\u202e", [1, 2]]


def shaken(rng, content):
    """The JSON of a file with other values in some places, well-formed."""
    found = json.loads(entries(content)["tape.json"])
    for _ in range(rng.randrange(1, 4)):
        spot = found
        while True:
            keys = [*spot] if isinstance(spot, dict) else range(len(spot))
            key = rng.choice([*keys])
            if isinstance(spot[key], dict | list) and spot[key] and rng.random() < 0.7:
                spot = spot[key]
                continue
            spot[key] = rng.choice(ODD)
            break
    return json.dumps(found).encode()


def test_five_hundred_broken_files_end_in_a_sentence_or_in_the_run():
    """One that opens is a run all the same: it can be saved, and then it is read again."""
    rng = random.Random(16)
    originals = [written(tape(4, chart=CHART)), (RECORDED / "sample.stepwise").read_bytes()]
    refusals = 0
    for k in range(500):
        content = broken(rng, originals[k % 10 == 0])
        try:
            made = read(content)
        except Unopened as error:
            refusals += 1
            assert str(error).isprintable() and "Traceback" not in str(error)
        else:
            assert told(read(written(made))) == told(made)
    assert refusals > 350
