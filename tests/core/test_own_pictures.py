"""Pictures of one's own: from a folder or a zip, odd ones among them, and what is refused."""

import io
from typing import Any

import pytest
import torch
from PIL import Image

from core.archives import packed
from core.data.folders import MOST, pictures_in
from core.data.points import drawn_points


def png(size=(40, 30), colour: Any = "red", **more):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, more.pop("kind", "PNG"), **more)
    return buffer.getvalue()


def zipped(count=12, **more):
    return packed({f"{k}.png": png() for k in range(count)} | more)


@pytest.mark.parametrize("side", [28, 32])
@pytest.mark.parametrize(("colour", "channels"), [(True, 3), (False, 1)])
def test_pictures_become_squares_of_one_size(side, colour, channels):
    found = pictures_in(zipped(), side, colour)
    assert found.pixels.shape == (12, channels, side, side) and found.pixels.dtype == torch.uint8
    assert found.broken == []
    if colour:
        assert found.pixels[0, :, 5, 5].tolist() == [255, 0, 0]


def test_a_folder_is_the_same_as_a_zip(tmp_path):
    (tmp_path / "deep").mkdir()
    for k in range(12):
        (tmp_path / "deep" / f"{k:02}.png").write_bytes(png(colour=(20 * k, 0, 0)))
    files = {f"deep/{k:02}.png": png(colour=(20 * k, 0, 0)) for k in range(12)}
    one, other = pictures_in(tmp_path, 28, True), pictures_in(packed(files), 28, True)
    assert torch.equal(one.pixels, other.pixels)


def test_odd_pictures_are_read_and_broken_files_are_named():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    wide = Image.new("RGB", (60, 20), "white")
    wide.paste("black", (0, 0, 30, 20))
    buffer = io.BytesIO()
    wide.save(buffer, "JPEG", exif=exif, quality=95)
    more = {"turned.jpg": buffer.getvalue(), "tiny.png": png((1, 3)), "no.txt": b"hello"}
    more |= {"cut.png": png()[:40], "__MACOSX/x.png": b"", ".DS_Store": b""}
    found = pictures_in(packed({f"{k}.png": png() for k in range(10)} | more), 28, False)
    assert len(found.pixels) == 12 and found.broken == ["cut.png", "no.txt"]
    turned = found.pixels[-1, 0].float()  # its name is the last
    assert turned[2].mean() < 60 and turned[-3].mean() > 200, "black is above, not on the left"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no zip", "the zip is cut short"),
        (zipped(3), "at least 10 pictures to train on, and 3 of 3 files"),
        (packed({f"{k}.png": b"" for k in range(MOST + 1)}), "2001 files, and at most 2000"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(content, says):
    with pytest.raises(ValueError, match=says):
        pictures_in(content, 28, True)


def test_a_folder_that_is_missing_and_another_side_are_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no folder"):
        pictures_in(tmp_path / "nothing", 28, True)
    with pytest.raises(ValueError, match="side must be one of 28, 32, got 64"):
        pictures_in(zipped(), 64, True)


def test_points_lie_where_the_ink_is():
    image = Image.new("L", (100, 100), 255)
    image.paste(0, (10, 20, 30, 40))  # on the left, above the middle
    image.paste(0, (70, 60, 90, 80))
    found = drawn_points(image, 4000, torch.Generator().manual_seed(0)).flatten(1)
    upper = found[:, 1] > 0
    assert 0.4 < upper.float().mean() < 0.6
    assert (found[upper, 0] < 0).all() and (found[~upper, 0] > 0).all()


def test_a_drawing_without_ink_is_refused():
    with pytest.raises(ValueError, match="there is nothing drawn"):
        drawn_points(Image.new("L", (50, 50), 255), 10, torch.Generator().manual_seed(0))
