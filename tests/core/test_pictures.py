"""Pictures from the wild are opened as they were meant: every format, depth and orientation."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from core.images import opacity
from core.pictures.containers import kind_of, png_chunks
from core.pictures.opening import eight_bits
from tests.core import picture_files as files
from tests.core.heic_files import HALF_CLEAR, heic
from tests.core.picture_files import apart, lying, on_white, opened, quadrants, saved, seen

PHOTO = quadrants(16, 32)
examples = settings(derandomize=True, deadline=None, max_examples=300)


# ---- PNG: every colour type, depth, transparency and orientation --------------------------------


@st.composite
def pngs(draw):
    """(file, the opaque colours (H, W, C) in 0..255, opacity (H, W) in 0..1, orientation)."""
    colours = draw(st.sampled_from([0, 2, 3, 4, 6]))
    depth = draw(st.sampled_from(files.DEPTHS[colours]))
    clear, orientation = draw(st.booleans()), draw(st.integers(1, 8))
    height, width = draw(st.integers(1, 11)), draw(st.integers(1, 11))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    top = 2**depth - 1
    # Few values, of which some differ in the upper byte alone and some in the lower one.
    values = (rng.integers(0, top + 1) ^ np.array([0, 0, 1, top, 1 << depth // 2])) & top
    samples = rng.choice(values, (height, width, files.CHANNELS[colours]))
    before, alpha = [], np.ones((height, width))
    pixels = samples * (255 / top)
    if colours == 3:
        palette = rng.integers(0, 256, (top + 1, 3))
        before.append((b"PLTE", palette.astype(np.uint8).tobytes()))
        pixels = palette[samples[..., 0]]
        if clear:
            levels = rng.choice([0, 255, 128, 3], rng.integers(1, top + 2))
            before.append((b"tRNS", levels.astype(np.uint8).tobytes()))
            padded = np.concatenate([levels, np.full(top + 1 - len(levels), 255)])
            alpha = padded[samples[..., 0]] / 255
    elif colours in (0, 2) and clear:
        key = samples[rng.integers(height), rng.integers(width)]
        unused = rng.integers(0, 2 ** (16 - depth)) << depth  # bits that a decoder ignores
        before.append((b"tRNS", (key | unused).astype(">u2").tobytes()))
        alpha = 1.0 - (samples == key).all(-1)
    elif colours in (4, 6):
        pixels, alpha = pixels[..., :-1], samples[..., -1] / top
    before.append((b"eXIf", files.exif(orientation, order=draw(st.sampled_from("<>")))[6:]))
    stored = lying(samples, orientation)
    data = files.png(stored, depth, colours, before=before, interlaced=draw(st.booleans()))
    return data, pixels, alpha, colours, depth


def rounding(colours, depth, alpha):
    """Levels that a pixel may be off: half, or one where the upper byte of 16 bits counts.

    So does that of the opacity, and paper is mixed in whole levels.
    """
    truncated = depth == 16 and colours != 0
    mixed = ((alpha > 0) & (alpha < 1)).any()
    return 0.501 + 0.5 * truncated + (0.5 + truncated) * mixed


@given(pngs())
@examples
def test_a_png_is_seen_as_the_standard_says(case):
    data, pixels, alpha, colours, depth = case
    image = opened(data)
    assert image.mode == ("L" if colours in (0, 4) else "RGB")
    expected = on_white(pixels, alpha)
    assert apart(image, expected) <= rounding(colours, depth, alpha)


@given(pngs())
@examples
def test_the_opacity_of_a_png_is_its_own_or_its_brightness(case):
    data, pixels, alpha, *_ = case
    levels = opacity(io.BytesIO(data))[0].numpy()
    luma = pixels @ [0.299, 0.587, 0.114] if pixels.shape[-1] == 3 else pixels[..., 0]
    expected = alpha if alpha.min() < 1 - 0.5 / 255 else luma / 255
    assert np.abs(levels - expected).max() * 255 <= 1.01


def test_sixteen_bits_are_rounded_to_eight():
    values = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    expected = np.floor(values * 255.0 / 65535 + 0.5)
    assert np.array_equal(np.asarray(eight_bits(Image.fromarray(values))), expected)


def test_a_grey_ramp_of_sixteen_bits_keeps_its_levels_beside_a_clear_one():
    ramp = np.array([[[0], [16384], [32768], [49152]]])
    plain = files.png(ramp, 16, 0)
    keyed = files.png(ramp, 16, 0, before=[(b"tRNS", struct.pack(">H", 49152))])
    assert list(opened(plain).tobytes()) == [0, 64, 128, 191]
    assert list(opened(keyed).tobytes()) == [0, 64, 128, 255]


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_grey_mask_covers_the_same_share_in_every_depth(depth):
    top = 2**depth - 1
    samples = np.zeros((8, 8, 1), int)
    samples[:, :4] = top
    samples[:, 4:] = top // 2  # below one half, and something but in 1 bit
    share = (opacity(io.BytesIO(files.png(samples, depth, 0))) > 0.5).float().mean()
    assert share == 0.5


def test_a_mask_in_cells_is_the_largest_value_of_each():
    from torch.nn import functional as F

    values = np.random.default_rng(0).integers(0, 256, (61, 47, 1))
    data = files.png(values, 8, 0)
    whole = opacity(io.BytesIO(data))
    for cells in [(28, 28), (7, 47), (61, 1), (64, 64)]:
        expected = F.adaptive_max_pool2d(whole, cells)
        assert opacity(io.BytesIO(data), cells).equal(expected)


# ---- the other formats --------------------------------------------------------------------------

MODES = {  # what each format stores without loss
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB"),
    "GIF": ("L", "P"),
}


@st.composite
def lossless(draw):
    """(file, what is to be seen) of a picture that Pillow stores without loss."""
    kind = draw(st.sampled_from(list(MODES)))
    mode = draw(st.sampled_from(MODES[kind]))
    height, width = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    levels = rng.integers(0, 256, (height, width, len(Image.new(mode, (1, 1)).getbands())))
    alpha, options = np.ones((height, width)), {}
    if mode == "1":
        levels = levels // 128 * 255
    pixels, stored = levels, levels.astype(np.uint8)
    if mode in ("LA", "RGBA"):
        pixels, alpha = levels[..., :-1], levels[..., -1] / 255
    if mode == "I;16":
        stored = (levels * 257).astype(np.uint16)
    if mode == "P":
        palette = rng.integers(0, 256, (256, 3), dtype=np.uint8)
        pixels = palette[levels[..., 0]]
    if kind == "GIF" and draw(st.booleans()):
        options["transparency"] = int(levels[0, 0, 0])
        alpha = 1.0 - (levels[..., 0] == levels[0, 0, 0])
    if kind in ("PNG", "WEBP"):
        orientation = draw(st.integers(1, 8))
        options["exif"] = files.exif(orientation)
        stored = lying(stored, orientation)
    image = Image.fromarray(stored.squeeze(-1) if stored.shape[-1] == 1 else stored)
    if mode == "P":
        image.putpalette(palette.tobytes())
    elif mode == "1":
        image = image.convert("1", dither=Image.Dither.NONE)
    if kind == "WEBP":
        options |= {"lossless": True, "exact": True}
    return saved(image, kind, **options), on_white(pixels, alpha)


@given(lossless())
@examples
def test_what_is_stored_without_loss_is_seen_exactly(case):
    data, expected = case
    assert apart(opened(data), expected) <= 0.501


def stored(kind, orientation):
    """The quadrants in a format that loses a little, lying as a camera was held."""
    if kind == "HEIC":
        return heic(orientation=orientation, exif=files.exif(orientation))
    image = Image.fromarray(lying(quadrants(), orientation))
    mode, _, format = kind.partition(" ")
    options: dict = {"JPEG": {"subsampling": 0}, "WEBP": {"lossless": True}}.get(format, {})
    if kind in ("RGB AVIF", "RGBA AVIF"):
        options = {"subsampling": "4:4:4"}
    exif = files.exif(orientation)
    return saved(image.convert(mode), format, quality=95, exif=exif, **options)


LOSSY = ["L JPEG", "RGB JPEG", "CMYK JPEG", "YCbCr JPEG", "RGB WEBP", "RGB AVIF", "RGBA AVIF"]
LOSSY += ["L AVIF", "HEIC"]


@pytest.mark.parametrize("kind", LOSSY)
def test_every_orientation_of_a_photo_is_put_upright_once(kind):
    expected = quadrants().astype(float)
    if kind.startswith("L "):
        expected = expected @ [[0.299], [0.587], [0.114]]
    for orientation in range(1, 9):
        image = opened(stored(kind, orientation))
        if kind == "HEIC":  # the same file, and transforms beside it
            upright = {6: 8, 8: 6}.get(orientation, orientation)
            assert apart(image, lying(quadrants(), upright)) < 12
        else:
            assert image.mode == ("L" if kind.startswith("L ") else "RGB")
            assert apart(image, expected) < 12


def test_transparency_of_avif_and_heic_is_on_white():
    image = opened(HALF_CLEAR)
    assert image.getpixel((8, 32)) == (255, 255, 255)
    assert np.abs(np.array(image.getpixel((56, 32))) - (200, 30, 40)).max() < 4
    half = Image.new("RGBA", (64, 64), (200, 30, 40, 255))
    half.paste((0, 0, 0, 0), (0, 0, 32, 64))
    image = opened(saved(half, "AVIF", quality=95))
    assert image.getpixel((8, 32)) == (255, 255, 255)
    assert np.abs(np.array(image.getpixel((56, 32))) - (200, 30, 40)).max() < 6


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_heic_opens_by_every_name_of_its_kind(brand):
    assert apart(opened(heic(brand=brand)), quadrants()) < 12


@pytest.mark.parametrize("kind", [b"grid", b"iovl"])
def test_a_heic_that_is_composed_of_others_opens(kind):
    image = opened(heic(derived=(kind, 3), exif=files.exif(6)))
    copies = {b"grid": 3, b"iovl": 1}[kind]
    assert apart(image, np.tile(quadrants(), (copies, 1, 1))) < 12


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_of_an_animation_the_first_frame_is_seen(kind):
    first, *others = (Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue"))
    options = {"lossless": True} if kind == "WEBP" else {}
    data = saved(first, kind, save_all=True, append_images=others, duration=100, **options)
    assert len(list(ImageSequence.Iterator(Image.open(io.BytesIO(data))))) == 3
    assert apart(opened(data), seen(first)) < 6


# ---- texts and colour profiles ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tEXt", "zTXt", "iTXt", "iTXt deflated"])
def test_a_png_with_megabytes_of_text_opens(kind):
    words = np.random.default_rng(0).integers(97, 122, 3_000_000, dtype=np.uint8).tobytes()
    content = {
        "tEXt": b"workflow\0" + words,
        "zTXt": b"workflow\0\0" + zlib.compress(words),
        "iTXt": b"workflow\0\0\0\0\0" + words,
        "iTXt deflated": b"workflow\0\1\0\0\0" + zlib.compress(words),
    }[kind]
    text = (kind[:4].encode(), content)
    assert apart(opened(files.png(PHOTO, 8, 2, before=[text])), PHOTO) == 0
    assert apart(opened(files.png(PHOTO, 8, 2, after=[text])), PHOTO) == 0
    assert apart(opened(files.png(PHOTO, 8, 2, before=[text] * 40)), PHOTO) == 0


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_colours_are_seen_as_their_profile_means(kind):
    image, options = Image.fromarray(PHOTO), {"quality": 100, "subsampling": 0, "lossless": True}
    options |= {"subsampling": "4:4:4"} if kind == "AVIF" else {}
    for padding in (0, 2_000_000):
        data = saved(image, kind, icc_profile=files.icc(2.2, files.P3, padding), **options)
        expected = files.srgb_of(PHOTO, 2.2, files.P3)
        assert np.abs(expected - PHOTO).max() > 20
        assert apart(opened(data), expected) < {"PNG": 1.5, "WEBP": 1.5}.get(kind, 10)


def test_grey_with_a_profile_stays_grey_and_transparency_is_laid_on_white_after_it():
    ramp = np.arange(256).reshape(16, 16, 1)
    profile = (b"iCCP", b"p\0\0" + zlib.compress(files.icc(1.8)))
    image = opened(files.png(ramp, 8, 0, before=[profile]))
    expected = files.srgb_of(np.repeat(ramp, 3, 2), 1.8)[..., :1]
    assert image.mode == "L" and apart(image, expected) < 2
    half = np.concatenate([ramp, np.full_like(ramp, 128)], -1)
    mixed = on_white(expected, np.full((16, 16), 128 / 255))
    assert apart(opened(files.png(half, 8, 4, before=[profile])), mixed) < 2


@pytest.mark.parametrize(
    "profile", [b"", b"x" * 2_000_000, files.icc(2.2)[:100], files.icc(1.8), bytes(3_000)]
)
def test_a_profile_that_does_not_fit_is_ignored(profile):
    chunk = (b"iCCP", b"p\0\0" + zlib.compress(profile))
    assert apart(opened(files.png(PHOTO, 8, 2, before=[chunk])), PHOTO) == 0
    broken = (b"iCCP", b"p\0\0" + zlib.compress(profile)[:-6])
    assert apart(opened(files.png(PHOTO, 8, 2, before=[broken])), PHOTO) == 0


def test_a_profile_of_srgb_changes_nothing():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    chunk = (b"iCCP", b"p\0\0" + zlib.compress(profile))
    assert apart(opened(files.png(pixels, 8, 2, before=[chunk])), pixels) == 0


def test_a_png_is_its_first_picture_and_what_is_there_twice_counts_once():
    data = files.png(PHOTO, 8, 2)
    other = files.png(255 - PHOTO, 8, 2)
    assert apart(opened(data + other), PHOTO) == 0
    assert [kind for kind, _ in png_chunks(data + other)].count(b"IEND") == 1
    assert kind_of(data) == "PNG"
