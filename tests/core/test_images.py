"""Pictures in and out: ranges, data URIs, uploads, and putting a digit right."""

import base64
import io

import pytest
import torch
from PIL import Image

from core.data import as_digit, mnist
from core.images import from_pil, grid, open_picture, pixels_uri, signed_uri, to_pil


def decoded(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def saved(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    buffer.seek(0)
    return buffer


def test_pil_round_trip_is_exact_to_a_level():
    pixels = torch.rand(3, 1, 5, 7, generator=torch.Generator().manual_seed(0))
    assert (from_pil(to_pil(pixels)) - pixels).abs().max() <= 0.5 / 255 + 1e-6
    colour = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    assert (from_pil(to_pil(colour), "RGB") - colour).abs().max() <= 0.5 / 255 + 1e-6


def test_grid_is_nearly_square_and_keeps_the_order():
    pixels = torch.arange(5.0).view(5, 1, 1, 1).expand(5, 1, 2, 2) / 5
    whole = grid(pixels)
    assert whole.shape == (1, 4, 6)
    assert torch.allclose(whole[0, ::2, ::2].flatten()[:5], torch.arange(5.0) / 5)


def test_pixels_uri_shows_the_pixels():
    pixels = torch.tensor([[0.0, 0.5], [1.0, 7.0]]).view(1, 1, 2, 2)
    assert list(decoded(pixels_uri(pixels)).tobytes()) == [0, 128, 255, 255]


def test_signed_uri_is_symmetric_about_white():
    values = torch.tensor([[0.0, 3.0], [-3.0, 99.0]]).view(1, 1, 2, 2)
    image = decoded(signed_uri(values)).convert("RGB")
    white, blue, orange, beyond = (image.getpixel(at) for at in [(0, 0), (1, 0), (0, 1), (1, 1)])
    assert white == (255, 255, 255) and blue == beyond == (0, 114, 178) and orange == (213, 94, 0)


def test_signed_uri_tiles_the_channels_of_each_picture():
    values = torch.tensor([[3.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, -3.0]]).view(2, 4, 1, 1)
    image = decoded(signed_uri(values)).convert("RGB")
    assert image.size == (4, 2)
    assert image.getpixel((0, 0)) == (0, 114, 178) and image.getpixel((3, 1)) == (213, 94, 0)


@pytest.mark.parametrize("side, kind", [(255, "PNG"), (256, "JPEG")])
def test_large_pictures_are_jpeg(side, kind):
    assert decoded(pixels_uri(torch.zeros(1, 3, side, side))).format == kind


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_open_picture_accepts_every_mode(mode):
    image = Image.new("L", (9, 5), 200)
    image = image.convert("I").convert("I;16") if mode == "I;16" else image.convert(mode)
    assert open_picture(saved(image)).mode in ("L", "RGB")


def test_transparency_becomes_white():
    image = open_picture(saved(Image.new("RGBA", (4, 4), (0, 0, 0, 0))))
    assert image.convert("L").getextrema() == (255, 255)


def test_rotated_photo_is_put_upright():
    exif = Image.Exif()
    exif[274] = 6  # turned by a quarter
    assert open_picture(saved(Image.new("L", (9, 5)), exif=exif)).size == (5, 9)


def test_huge_picture_is_refused():
    with pytest.raises(ValueError, match=r"at most 16 megapixels"):
        open_picture(saved(Image.new("1", (12000, 12000))))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\nbroken"])
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(ValueError, match="not a picture"):
        open_picture(io.BytesIO(content))


def centre_of_mass(image):
    pixels = from_pil(image)[0, 0]
    y, x = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    return ((pixels * y).sum() / pixels.sum()).item(), ((pixels * x).sum() / pixels.sum()).item()


@pytest.mark.parametrize("paper", [0, 255])
def test_as_digit_rights_polarity_size_and_place(paper):
    image = Image.new("L", (300, 200), paper)
    image.paste(255 - paper, (20, 10, 45, 90))
    digit = as_digit(image)
    assert digit.size == (28, 28) and digit.getpixel((0, 0)) == 0
    inked = (from_pil(digit)[0, 0] > 0.2).any(1).nonzero().flatten()
    assert inked[-1] - inked[0] + 1 == 20
    assert all(abs(each - 14) <= 0.6 for each in centre_of_mass(digit))


def test_as_digit_hardly_changes_a_digit():
    errors = [
        (from_pil(as_digit(image)) - from_pil(image)).square().mean().item()
        for image in to_pil(mnist("test")[0][:50].float() / 255)
    ]
    assert sum(errors) / len(errors) < 0.01 and max(errors) < 0.05


def test_empty_drawing_is_refused():
    with pytest.raises(ValueError, match="nothing drawn"):
        as_digit(Image.new("L", (50, 50), 255))
