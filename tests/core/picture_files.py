"""Picture files for the tests, written byte by byte, and what a picture is to look like, in numpy.

Pillow writes neither every kind of PNG nor HEIC, and is not to judge itself.
"""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from core.images import open_picture
from tests.core.heic_files import heic

# ---- PNG ----------------------------------------------------------------------------------------

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
PASSES += [(1, 0, 2, 1)]  # Adam7: first row and column, steps


def chunk(kind, content):
    code = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", code)


def packed(samples, depth):
    """The rows of samples (H, W, C), each behind a filter byte 0."""
    rows = samples.reshape(len(samples), -1).astype(">u2" if depth == 16 else np.uint8)
    if depth < 8:
        bits = (rows[..., None] >> np.arange(depth - 1, -1, -1)) & 1
        rows = np.packbits(bits.reshape(len(rows), -1), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in rows)


def png(samples, depth, colours, *, before=(), after=(), interlaced=False):
    """A PNG of integer samples (H, W, C); `before` and `after` the pixels: (type, content)."""
    height, width, _ = samples.shape
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, interlaced)
    parts = [samples[i::di, j::dj] for i, j, di, dj in PASSES] if interlaced else [samples]
    pixels = zlib.compress(b"".join(packed(part, depth) for part in parts if part.size))
    cut = len(pixels) // 2
    chunks = [(b"IHDR", header), *before, (b"IDAT", pixels[:cut]), (b"IDAT", pixels[cut:])]
    chunks += [*after, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


# ---- EXIF ---------------------------------------------------------------------------------------


def exif(orientation=None, *, others=(), order="<", kind=3, after=b""):
    """An EXIF block: whole tags (tag, type, count, 4 bytes) and the orientation, by their tags."""
    entries = [struct.pack(order + "HHI", tag, t, n) + value for tag, t, n, value in others]
    if orientation is not None:
        size = {1: "B", 3: "H", 4: "I"}[kind]
        value = struct.pack(order + size, orientation).ljust(4, b"\0")
        entries.append(struct.pack(order + "HHI", 274, kind, 1) + value)
    entries.sort(key=lambda entry: struct.unpack(order + "H", entry[:2]))
    mark = {"<": b"II", ">": b"MM"}[order]
    tiff = mark + struct.pack(order + "HIH", 42, 8, len(entries)) + b"".join(entries)
    return b"Exif\0\0" + tiff + b"\0" * 4 + after


def lying(pixels, orientation):
    """Upright pixels (H, W, C) as a camera stores them that was held as its EXIF tells."""
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }
    return np.ascontiguousarray(stored[orientation](pixels))


# ---- what is to be seen -------------------------------------------------------------------------

COLOURS = [[(200, 30, 40), (30, 180, 60)], [(40, 60, 200), (240, 240, 240)]]


def quadrants(height=64, width=128):
    """Four colours, (height, width, 3): no turn leaves them where they are."""
    cells = np.ones((height // 2, width // 2, 1), np.uint8)
    return np.kron(np.array(COLOURS, np.uint8), cells)


def on_white(colours, alpha):
    """Colours (H, W, C) in 0..255 with opacity (H, W) in [0, 1] on white paper."""
    return colours * alpha[..., None] + 255.0 * (1 - alpha[..., None])


def seen(image):
    """The pixels (H, W, C) of an opened picture, as numbers."""
    return np.asarray(image).reshape(image.height, image.width, -1).astype(float)


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


# ---- colour profiles ----------------------------------------------------------------------------

# Columns: the primaries of Display P3 and of sRGB in XYZ, adapted to D50.
P3 = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)
SRGB = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
D50 = (0.9642, 1.0, 0.8249)


def icc(gamma, primaries=None, padding=0):
    """An ICC profile (version 2) of a screen with a power curve; grey without primaries."""

    def fixed(*values):
        return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in values))

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    text = b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(79)
    tags = {b"desc": text + bytes(-len(text) % 4), b"wtpt": fixed(*D50)}
    if primaries is None:
        tags[b"kTRC"] = curve
    else:
        for name, column in zip("rgb", primaries.T, strict=True):
            tags[name.encode() + b"XYZ"] = fixed(*column)
            tags[name.encode() + b"TRC"] = curve
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        at = 128 + 4 + 12 * len(tags) + len(body)
        table += name + struct.pack(">II", at, len(content))
        body += content
    size = 128 + len(table) + len(body) + padding
    space = b"GRAY" if primaries is None else b"RGB "
    head = struct.pack(">I4sI4s4s4s", size, b"test", 0x02400000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", *(round(v * 65536) for v in D50))
    return head.ljust(128, b"\0") + table + body + bytes(padding)


def srgb_of(pixels, gamma, primaries=SRGB):
    """Levels 0..255 (..., 3) of such a screen as levels of sRGB, IEC 61966-2-1."""
    light = (pixels / 255.0) ** gamma @ (np.linalg.inv(SRGB) @ primaries).T
    light = light.clip(0, 1)
    curved = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return 255 * curved


def opened(data):
    return open_picture(io.BytesIO(data))


def apart(image, expected):
    """The largest difference to the expected pixels (H, W, C), in levels of 255."""
    pixels = seen(image)
    assert pixels.shape[:2] == expected.shape[:2]
    return np.abs(pixels - expected).max()


ACCEPTED = "PNG, JPEG, WebP, GIF, BMP, AVIF or HEIC"


NO_PICTURE = f"this file is not a picture that can be read; use {ACCEPTED}"


SENTENCES = re.compile(
    re.escape(NO_PICTURE)
    + r"|this file is not a picture that can be read: it is a (PNG|JPEG|WebP|GIF|BMP|AVIF|HEIC) "
    + r"file that is broken, cut short or of a rare kind; save it again, as "
    + re.escape(ACCEPTED)
    + r"|the picture has \d+ x \d+ pixels; at most 16 megapixels are accepted, and 65535 pixels a "
    + r"side: make it smaller"
)


def refusal(data):
    """The sentence about a file that is not opened."""
    with pytest.raises(ValueError) as caught:
        open_picture(io.BytesIO(data))
    sentence = str(caught.value)
    assert SENTENCES.fullmatch(sentence), sentence
    return sentence


KINDS = ["PNG", "JPEG", "GIF", "BMP", "WEBP", "AVIF", "HEIC"]
SIZES = {  # how a header says the size
    "JPEG": lambda width, height: struct.pack(">HH", height, width),
    "GIF": lambda width, height: b"GIF87a" + struct.pack("<HH", width, height),
    "BMP": lambda width, height: struct.pack("<ii", width, height),
    "WEBP": lambda width, height: struct.pack("<I", width - 1 | (height - 1) << 14),
    "AVIF": lambda width, height: struct.pack(">II", width, height),
    "HEIC": lambda width, height: struct.pack(">II", width, height),
}


def lossless(image, kind, **options):
    return saved(image, kind, **({"lossless": True} if kind == "WEBP" else {}), **options)


def claiming(kind, width, height):
    """A small file whose header says that it is large."""
    if kind == "PNG":
        header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x")
    data = heic() if kind == "HEIC" else lossless(Image.fromarray(quadrants()), kind)
    old, new = (SIZES[kind](*size) for size in [(128, 64), (width, height)])
    assert old in data
    return data.replace(old, new)
