"""Files that are no pictures, broken, too large or made to hurt: one sentence, and little else."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from core.images import opacity, open_picture
from tests.core import picture_files as files
from tests.core.heic_files import HALF_CLEAR, box, heic
from tests.core.picture_files import (
    KINDS,
    NO_PICTURE,
    SENTENCES,
    claiming,
    lossless,
    quadrants,
    refusal,
    saved,
    seen,
)

PHOTO = Image.fromarray(quadrants())


# ---- what is no picture, or half of one ---------------------------------------------------------

NO_PICTURES = {
    "nothing": b"",
    "text": b"BM and more of a text that begins like this",
    "PDF": b"%PDF-1.7\n",
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "TIFF": saved(PHOTO, "TIFF"),
    "ICO": saved(PHOTO, "ICO"),
    "JPEG 2000": saved(PHOTO, "JPEG2000"),
    "PPM": saved(PHOTO, "PPM"),
    "TGA": saved(PHOTO, "TGA"),
    "ZIP": b"PK\x03\x04" + bytes(40),
    "MP4": box(b"ftyp", b"isom", bytes(4), b"isomiso2avc1mp41") + bytes(40),
    "RIFF": b"RIFF\x24\0\0\0WAVEfmt ",
}


@pytest.mark.parametrize("name", NO_PICTURES)
def test_another_file_is_told_which_pictures_are_taken(name):
    assert refusal(NO_PICTURES[name]) == NO_PICTURE


BROKEN = {
    "a header cut short": b"\x89PNG\r\n\x1a\n" + files.chunk(b"IHDR", bytes(5)),
    "only a beginning": b"\x89PNG\r\n\x1a\n",
    "no pixels": files.png(np.zeros((2, 2, 1)), 8, 0).partition(b"IDAT")[0],
    "no size": files.png(np.zeros((0, 0, 1)), 8, 0),
    "no such depth": files.png(np.zeros((2, 2, 1)), 7, 0),
    "no palette": files.png(np.zeros((2, 2, 1)), 8, 3),
    "noise for pixels": files.png(np.zeros((9, 9, 3)), 8, 2).replace(b"\x78\x9c", b"\xff\xff"),
    "a GIF without a frame": b"GIF89a\x09\0\x09\0\0\0\0;",
    "a JPEG without a frame": b"\xff\xd8\xff\xe0\0\x04ab\xff\xd9",
    "a WebP without a frame": b"RIFF\x0c\0\0\0WEBPICCP\0\0\0\0",
    "a BMP outside of its file": saved(PHOTO, "BMP")[:60],
    "a HEIC without a picture": box(b"ftyp", b"heic", bytes(4), b"mif1"),
    "another name in it": heic().replace(b"ispe", b"free"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_picture_is_told_so(name):
    assert "broken, cut short" in refusal(BROKEN[name])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_a_picture_that_is_cut_is_refused_unless_all_of_it_is_there(kind):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8))
    data = lossless(noise, kind)
    whole = seen(open_picture(io.BytesIO(data)))
    for length in [*range(0, len(data), 7), *range(len(data) - 40, len(data))]:
        try:
            image = open_picture(io.BytesIO(data[:length]))
        except ValueError as error:
            assert SENTENCES.fullmatch(str(error))
        else:
            assert length > len(data) - 30 and np.array_equal(seen(image), whole)


@pytest.mark.parametrize("data", [heic(), saved(PHOTO, "AVIF")], ids=["HEIC", "AVIF"])
def test_a_picture_of_boxes_that_is_cut_is_refused(data):
    for length in (20, len(data) // 2, len(data) - 20):
        refusal(data[:length])


def test_a_file_that_is_gone_is_told_so(tmp_path):
    for path in (tmp_path / "gone.png", str(tmp_path), "nul\0"):
        with pytest.raises(
            ValueError, match=r"^the picture's file is out of reach, send it again"
        ):
            open_picture(path)


# ---- what is too large --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_is_too_large_is_told_its_size(kind):
    width, height = (16384, 16383) if kind == "WEBP" else (30_000, 30_000)
    assert f"{width} x {height} pixels" in refusal(claiming(kind, width, height))


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_a_picture_that_is_too_long_is_told_its_size(kind):
    assert "1 x 15000000 pixels" in refusal(claiming(kind, 1, 15_000_000))


def test_a_frame_outside_of_its_screen_counts():
    data = saved(Image.new("L", (4, 4)), "GIF")
    at = data.index(b",\0\0\0\0\4\0\4\0")
    data = data[:at] + struct.pack("<cHHHH", b",", 60_000, 60_000, 4, 4) + data[at + 9 :]
    assert "60004 x 60004 pixels" in refusal(data)


def test_an_animation_that_is_too_large_is_refused():
    frames = [Image.new("L", (8, 8), level) for level in (0, 99)]
    for kind, old in [("GIF", b"\x08\0\x08\0"), ("WEBP", b"\x07\0\0\x07\0\0")]:
        data = lossless(frames[0], kind, save_all=True, append_images=frames[1:])
        assert "pixels; at most" in refusal(data.replace(old, b"\xff" * len(old), 1))


# ---- a seeded fuzz ------------------------------------------------------------------------------


def sound():
    """Pictures of all formats, with all that may come with them."""
    rng = np.random.default_rng(0)
    notes = [(b"eXIf", files.exif(6)[6:]), (b"tEXt", b"a\0" + b"b" * 50)]
    notes.append((b"iCCP", b"p\0\0" + zlib.compress(files.icc(2.2, files.P3))))
    for colours, depths in files.DEPTHS.items():
        for depth in depths:
            clear = [(b"tRNS", bytes(2 * files.CHANNELS[colours]))] if colours < 4 else []
            if colours == 3:
                clear.insert(0, (b"PLTE", rng.integers(0, 256, 3 << depth, np.uint8).tobytes()))
            samples = rng.integers(0, 2**depth, (9, 13, files.CHANNELS[colours]))
            yield files.png(samples, depth, colours, before=notes + clear, interlaced=depth > 4)
    told = {"exif": files.exif(6), "icc_profile": files.icc(2.2, files.P3)}
    for options in ({}, {"progressive": True}, {"subsampling": 0, "comment": b"x" * 20}):
        yield saved(PHOTO, "JPEG", **told, **options)
    yield saved(PHOTO.convert("CMYK"), "JPEG")
    yield saved(PHOTO.convert("RGBA"), "WEBP", lossless=True, **told)
    yield saved(PHOTO, "WEBP")
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        yield saved(frames[0], kind, save_all=True, append_images=frames[1:])
    yield saved(PHOTO.quantize(8), "GIF", transparency=2, comment=b"hello")
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield saved(PHOTO.convert(mode), "BMP")


def of_boxes():
    yield saved(PHOTO.convert("RGBA"), "AVIF", exif=files.exif(6), icc_profile=files.icc(2.2))
    yield HALF_CLEAR
    for orientation in (1, 6):
        yield heic(orientation=orientation, exif=files.exif(6))


EXTREMES = (bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0\0\x75\x30", b"\x30\x75\0\0")


def mutated(rng, data):
    """A file after one to five accidents: bits, bytes, numbers, pieces lost, doubled or moved."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at, length = rng.randrange(len(data) + 1), rng.randrange(1, 100)
        piece = data[at : at + length]
        accident = rng.randrange(7)
        if accident == 0 and piece:
            data[at] ^= 1 << rng.randrange(8)
        elif accident == 1:
            data[at % 200 : at % 200 + 1] = bytes([rng.choice((0, 1, 127, 128, 255))])
        elif accident == 2:
            data[at : at + 4] = rng.choice(EXTREMES)
        elif accident == 3:
            del data[at:]
        elif accident == 4:
            del data[at : at + length]
        elif accident == 5:
            data[at:at] = piece
        else:
            data[at : at + length] = bytes(rng.randrange(256) for _ in piece)
    return bytes(data)


def test_six_hundred_mutated_pictures_open_or_are_refused_in_a_sentence():
    rng = random.Random(14)
    plain, boxed = list(sound()), list(of_boxes())
    ends = {"opened": 0, "refused": 0}
    for number in range(600):
        data = mutated(rng, rng.choice(boxed if number % 20 == 0 else plain))
        try:
            if number % 2:
                image = open_picture(io.BytesIO(data))
                assert image.mode in ("L", "RGB") and np.isfinite(seen(image)).all()
            else:
                assert 0 <= opacity(io.BytesIO(data), (7, 7)).max() <= 1
            ends["opened"] += 1
        except ValueError as error:
            assert SENTENCES.fullmatch(str(error)), (number, str(error))
            ends["refused"] += 1
    assert min(ends.values()) > 50  # both are common
