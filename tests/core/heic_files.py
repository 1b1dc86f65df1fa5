"""HEIC files that tests build: a tiny picture of HEVC, turned, cut or derived by its boxes."""

import base64
import struct

import numpy as np

HVCC = base64.b64decode(
    "AQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAA"
    "AwAAAwAeoBAgQWW6kkprm4CGgwIAAAMAMgAAAwACEGIAAQAHRAHBcrAiQA=="
)
HEVC = base64.b64decode(
    "AAAATigBrxOAeSRFyL//+BJR/+x7nh+BWdiKU/+ti1H8sGr/8f21nknFLBDVSkmMfswjG1wdAxDFj5VqL8H//9jciU/R"
    "v/8o92/6dOYc8t5YcA=="
)
# A red square of 64 pixels whose right half alone is opaque: a picture and its opacity.
HALF_CLEAR = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAkVtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAA"
    "AAAAAAAAADRpbG9jAAAAAERAAAIAAQAAAAACaQABAAAAAAAAABwAAgAAAAAChQABAAAAAAAAABsAAAA4aWluZgAAAAAA"
    "AgAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZlAgAAAAACAABodmMxAAAAAA5waXRtAAAAAAABAAABhGlwcnAAAAFe"
    "aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAr"
    "QgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xybmNseAAB"
    "AA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAABBwaXhpAAAAAAMICAgAAAByaHZjQwEECAAAAJ/4AAAAAB7wAPz8+PgA"
    "AA8DYAABABdAAQwB//8ECAAAAwCf+AAAAwAAHroCQGEAAQAmQgEBBAgAAAMAn/gAAAMAAB7AggQWW6kkprmwIAAAAwMg"
    "AAADACFiAAEAB0QBwXKwIkAAAAAOcGl4aQAAAAABCAAAACdhdXhDAAAAAHVybjptcGVnOmhldmM6MjAxNTphdXhpZDox"
    "AAAAAB5pcG1hAAAAAAAAAAIAAQSBAgMEAAIEhQMGhwAAABppcmVmAAAAAAAAAA5hdXhsAAIAAQABAAAAP21kYXQAAAAY"
    "KAGvE4DlM8Cf//Ako//Y9zw/ArOtUPU+AAAAFygBrifD9Cn//91x0Urf3og/Er//NF/w"
)
# The transforms of a file that bring upright what lies as EXIF would tell by 1..8.
UPRIGHT = {
    1: [],
    2: [(b"imir", b"\1")],
    3: [(b"irot", b"\2")],
    4: [(b"imir", b"\0")],
    5: [(b"irot", b"\1"), (b"imir", b"\0")],
    6: [(b"irot", b"\3")],
    7: [(b"irot", b"\1"), (b"imir", b"\1")],
    8: [(b"irot", b"\1")],
}


def box(kind, *parts):
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + kind + content


def full(kind, *parts, version=0):
    return box(kind, bytes([version, 0, 0, 0]), *parts)


def heic(*, orientation=1, exif=b"", size=(128, 64), brand=b"heic", derived=None):
    """The quadrants as HEIC; with `derived` (type, count), so many of them in one picture.

    `orientation` is told by the file's own transforms, `exif` is what a camera notes beside it,
    and `size` (width, height) is what the file says of one picture. A grid has them below each
    other, an overlay upon each other.
    """
    kind, count = derived or (b"hvc1", 1)
    whole = (size[0], size[1] * count) if kind == b"grid" else size
    wide, high = (struct.pack(">I", side) for side in whole)
    how = {
        b"grid": struct.pack(">BBBB", 0, 1, count - 1 & 255, 0) + wide + high,
        b"iovl": bytes([0, 1]) + bytes(8) + wide + high + bytes(8 * count),
    }.get(kind, b"")
    blobs = [HEVC, struct.pack(">I", 6) + exif, how]
    items = [(number, b"hvc1", 0) for number in range(1, count + 1)]  # number, type, blob
    shown, noted = (count + 1 if derived else 1), count + 2
    items += [(shown, kind, 2)] * bool(derived) + [(noted, b"Exif", 1)] * bool(exif)

    properties = [box(b"hvcC", HVCC)] + [full(b"ispe", _numbers("I", *s)) for s in (size, whole)]
    turns = [box(*transform) for transform in UPRIGHT[orientation]]
    links = {number: [0x81, 0x02] for number in range(1, count + 1)}
    links[shown] = [0x03] if derived else links[1]
    links[shown] = links[shown] + [0x80 | 4 + n for n in range(len(turns))]
    tied = [_numbers("H", n) + bytes([len(to)]) + bytes(to) for n, to in links.items()]
    refs = []
    if derived:
        refs.append(box(b"dimg", _numbers("H", shown, count, *range(1, count + 1))))
    if exif:
        refs.append(box(b"cdsc", _numbers("H", noted, 1, shown)))

    def meta(start):
        starts = np.cumsum([start, *map(len, blobs)]).tolist()
        where = [
            _numbers("H", number, 0, 1) + _numbers("I", starts[blob], len(blobs[blob]))
            for number, _, blob in items
        ]
        names = [
            full(b"infe", _numbers("H", number, 0), name, b"\0", version=2)
            for number, name, _ in items
        ]
        return full(
            b"meta",
            full(b"hdlr", bytes(4), b"pict", bytes(13)),
            full(b"pitm", _numbers("H", shown)),
            full(b"iloc", b"\x44\0", _numbers("H", len(items)), *where),
            full(b"iinf", _numbers("H", len(items)), *names),
            *([full(b"iref", *refs)] if refs else []),
            box(
                b"iprp",
                box(b"ipco", *properties, *turns),
                full(b"ipma", _numbers("I", len(links)), *tied),
            ),
        )

    head = box(b"ftyp", brand, bytes(4), b"mif1", b"heic")
    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", *blobs)


def _numbers(kind, *values):
    return struct.pack(f">{len(values)}{kind}", *values)
