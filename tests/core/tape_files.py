"""Runs and their files, as tests make them: whole, changed, and refused."""

import io
import json
import struct
import zipfile
import zlib

import pytest
from PIL import Image

from core.archives import packed
from core.images import uri
from core.tape_files import Unopened, read, written
from core.tapes import Frame, Panel, Tape, later

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


def put(*path, value):
    """A change: another value at a place of the JSON."""

    def change(found):
        for key in path[:-1]:
            found = found[key]
        found[path[-1]] = value

    return change


def refused(content):
    """The one sentence in which a file is refused."""
    with pytest.raises(Unopened) as caught:
        read(content)
    sentence = str(caught.value)
    assert sentence.isprintable() and len(sentence) < 400 and "; " in sentence, sentence
    assert sentence.startswith(("is ", "has "))
    return caught.value.kind, sentence


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
