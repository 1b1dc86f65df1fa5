"""What cameras and editors note in a picture: its orientation counts, nothing else does."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.core import picture_files as files
from tests.core.picture_files import apart, lying, opened, quadrants, saved

PHOTO = quadrants(16, 32)
TAGS = [11, 256, 258, 259, 262, 270, 271, 272, 282, 283, 296, 305, 306, 315, 513, 514, 531, 532]
TAGS += [33432, 34665, 34853, 36867, 37500]
KINDS = range(1, 12)  # BYTE to FLOAT


NOTED = b"Exif\0\0II*\0"  # a block that says nothing, in whose place others are put


def photo(kind):
    """A file whose camera was held as 6 tells, without saying so."""
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
    return saved(Image.fromarray(lying(PHOTO, 6)), kind, exif=NOTED, **options.get(kind, {}))


def noted(kind, data, exif):
    """Such a file with another EXIF block."""
    sides = [each if kind == "JPEG" else each.removeprefix(b"Exif\0\0") for each in (NOTED, exif)]
    if kind == "JPEG":
        sides = [b"\xff\xe1" + struct.pack(">H", len(each) + 2) + each for each in sides]
    elif kind == "PNG":
        sides = [files.chunk(b"eXIf", each) for each in sides]
    else:
        even = [each + b"\0" * (len(each) % 2) for each in sides]
        sides = [b"EXIF" + struct.pack("<I", len(each)) + each for each in even]
    assert sides[0] in data
    return data.replace(*sides)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("order", "<>")
def test_odd_entries_of_a_camera_do_not_matter(kind, order):
    plain = photo(kind)
    for tag in TAGS:
        for number in KINDS:
            for count, value in [(1, b"\1\2\3\4"), (9, b"\xff" * 4), (0, bytes(4))]:
                exif = files.exif(6, others=[(tag, number, count, value)], order=order)
                image = opened(noted(kind, plain, exif))
                assert apart(image, PHOTO) < 8, (tag, number, count)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_an_orientation_is_read_where_it_can_be_and_ignored_elsewhere(kind):
    plain = photo(kind)
    asides = np.ascontiguousarray(lying(PHOTO, 6))
    for number in (1, 3, 4):  # BYTE, SHORT, LONG
        assert apart(opened(noted(kind, plain, files.exif(6, kind=number))), PHOTO) < 8
    for value in (0, 9, 255, 65535):
        assert apart(opened(noted(kind, plain, files.exif(value))), asides) < 8
    sound = files.exif(6)
    for wrong in (2, 5, 7, 10, 11, 12, 99):  # texts, fractions, floats and what is no type
        block = sound.replace(struct.pack("<HHI", 274, 3, 1), struct.pack("<HHI", 274, wrong, 1))
        assert apart(opened(noted(kind, plain, block)), asides) < 8
    for broken in (b"", b"II", b"Exif\0\0", sound[:20], sound[6:12] + b"\xff" * 40, b"\0" * 90):
        block = broken if broken.startswith(b"Exif") else b"Exif\0\0" + broken
        assert apart(opened(noted(kind, plain, block)), asides) < 8


def test_exif_is_read_whatever_its_length():
    from core.pictures.containers import exif_orientation

    sound = files.exif(6, others=[(271, 2, 40, b"\xff\xff\0\0"), (34665, 4, 1, b"\xff" * 4)])
    assert exif_orientation(sound) == 6
    assert {exif_orientation(sound[:end]) for end in range(len(sound))} <= {0, 6}
    many = sound[:14] + b"\xff\xff" + sound[16:]  # more entries than there are
    assert exif_orientation(many) == 6


def test_notes_of_editors_turn_a_picture_where_no_camera_did():
    xmp = b'<x:xmpmeta xmlns:tiff="x"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    asides = Image.fromarray(lying(PHOTO, 6))
    itxt = (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    raw = b"\nexif\n      36\n" + files.exif(6).hex().encode() + b"\n"
    old = (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw))
    samples = np.asarray(asides)
    for before in ([itxt], [old], [(b"tEXt", b"Raw profile type exif\0" + raw)]):
        assert apart(opened(files.png(samples, 8, 2, before=before)), PHOTO) == 0
    for kind, options in [("JPEG", {"quality": 100}), ("WEBP", {"lossless": True})]:
        assert opened(saved(asides, kind, xmp=xmp, **options)).size == (32, 16)
        exif = files.exif(1)  # a camera knows better
        assert opened(saved(asides, kind, xmp=xmp, exif=exif, **options)).size == (16, 32)


ODD = [files.exif(6), files.exif(6, others=[(271, 5, 9, b"\xff" * 4)]), NOTED, b"Exif\0\0", b"?"]


@pytest.mark.parametrize("block", ODD)
def test_exif_of_avif_and_heic_does_not_matter(block):
    assert apart(opened(files.heic(exif=block)), quadrants()) < 12
    maker = Image.Exif()
    maker[271] = "x" * 100
    options = {"quality": 95, "subsampling": "4:4:4"}
    data = saved(Image.fromarray(quadrants()), "AVIF", exif=maker.tobytes(), **options)
    assert b"xxxx" in data
    start = data.index(b"II*\0") if b"II*\0" in data else data.index(b"MM\0*")
    tiff = block.removeprefix(b"Exif\0\0")
    data = data[:start] + tiff + data[start + len(tiff) :]
    assert apart(opened(data), quadrants()) < 12
