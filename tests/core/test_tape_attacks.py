"""Files of runs from strangers: hostile zips, pictures and drawings, and 500 broken ones."""

import base64
import io
import json
import random
import struct
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from core.archives import ENTRIES, packed, unpacked
from core.drawings import harm
from core.images import uri
from core.tape_files import Unopened, read, written
from core.tapes import Frame
from tests.core.tape_files import (
    CHART,
    PANELS,
    changed,
    entries,
    picture,
    png,
    put,
    refused,
    tape,
    told,
    with_picture,
)

HERE = Path(__file__).parent
RECORDED = HERE.parents[1] / "assets" / "tapes"


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
        asked = ScheduleRequest.of(quantity=quantity, first="digits-variance", second="linear")
        chart = message(asked)["chart"]
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
