"""Picture files from anywhere, opened safely: the picture as it was meant, or one sentence.

The size is looked at before anything is decoded, and a decoder sees only the first picture of a
file, without the notes that come with it. Large pictures are decoded one at a time, so that many
at once take the memory of one.
"""

from __future__ import annotations

import contextlib
import functools
import io
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageChops, ImageCms
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from core.pictures import isolated
from core.pictures.containers import MAX_PIXELS, TAKE, Parts, Refused, check_size, kind_of

MAX_BYTES = 150_000_000  # more than 16 megapixels of 4 samples of 16 bits take
MAX_WORK = 4 * MAX_PIXELS  # pixels that a picture is composed of
LARGE = 1_000_000  # pixels from which on pictures wait for each other
ACCEPTED = "PNG, JPEG, WebP, GIF, BMP, AVIF or HEIC"
READERS: dict[str, Callable[[IO[bytes]], ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "GIF": GifImageFile,
    "WebP": WebPImageFile,
    "BMP": BmpImageFile,
}
GREY = ("1", "L", "LA", "La", "I", "I;16")
TURNS = {  # what brings a picture upright, by its orientation in EXIF
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
Finish = Callable[[Image.Image, Parts], Image.Image]
_turn = threading.Lock()


def open_picture(source: str | Path | IO[bytes]) -> Image.Image:
    """Open a picture file safely: upright, in sRGB, transparency on white, mode L or RGB.

    Of an animation it is the first frame. 16 bits become 8: grey is rounded, of colours the
    upper byte counts. A colour profile that does not fit the picture is ignored.

    Raises:
        ValueError: one sentence, for a file that is no picture, is broken or cut short, or has
            more than 16 megapixels or 65,535 pixels a side.
    """

    def on_white(image: Image.Image, parts: Parts) -> Image.Image:
        colours, alpha = separate(image, parts)
        colours = in_srgb(colours, parts.profile)
        if alpha is not None:
            paper = Image.new(colours.mode, colours.size, "white")
            paper.paste(colours, mask=alpha)
            colours = paper
        return upright(colours, parts.orientation)

    return opened(source, on_white)


def stencil(source: str | Path | IO[bytes], cells: Sequence[int] = ()) -> Image.Image:
    """How opaque a picture file is, mode L, upright; its brightness if it is so everywhere.

    With `cells`, (rows, columns), the largest value in each of so many cells. Levels are taken as
    they are, a colour profile does not count. ValueError as in `open_picture`.
    """

    def levels(image: Image.Image, parts: Parts) -> Image.Image:
        colours, alpha = separate(image, parts)
        whole = upright(as_mode(colours, "L") if alpha is None else alpha, parts.orientation)
        return largest(whole, *cells) if cells else whole

    return opened(source, levels)


def largest(levels: Image.Image, rows: int, columns: int) -> Image.Image:
    """Adaptive max pooling: the largest of the levels in each cell, mode L.

    Of n cells over N points, cell i reaches from i N / n, rounded down, to (i + 1) N / n, rounded
    up. No copy of the picture is made.
    """

    def bounds(size: int, count: int) -> list[tuple[int, int]]:
        return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]

    across, down = bounds(levels.width, columns), bounds(levels.height, rows)
    boxes = [(left, top, right, bottom) for top, bottom in down for left, right in across]
    extrema: list = [levels.crop(box).getextrema() for box in boxes]
    return Image.frombytes("L", (columns, rows), bytes(high for _, high in extrema))


def opened(source: str | Path | IO[bytes], finish: Finish) -> Image.Image:
    """A picture file as it was stored and as its notes say, finished; ValueError as above."""
    data = content(source)
    if len(data) > MAX_BYTES:
        raise Refused(f"the picture's file has more than {MAX_BYTES // 10**6} MB, make it smaller")
    kind = kind_of(data)
    if not kind:
        raise Refused(f"this file is not a picture that can be read; use {ACCEPTED}")
    with told(kind):
        parts = TAKE[kind](data)
        check_size(parts.size)
        if parts.work > MAX_WORK:
            raise ValueError("composed of too many pictures")

    def work() -> Image.Image:
        with told(kind):
            image = loaded(kind, parts.content)
        exif, profile = (image.info.get(name) or b"" for name in ("exif", "icc_profile"))
        told_by = replace(parts, exif=parts.exif or exif, profile=parts.profile or profile)
        finished = finish(image, told_by)
        finished.info = {}  # all of it was obeyed
        return finished

    return in_turn(work) if math.prod(parts.size) > LARGE else work()


def in_turn(work: Callable[[], Image.Image]) -> Image.Image:
    """What is called, alone and in a thread of its own.

    What an allocator keeps of freed memory it keeps for each of the threads that live at a time.
    """
    with _turn, ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def loaded(kind: str, content: bytes) -> Image.Image:
    """A file, decoded; any error of a decoder for one that is broken."""
    if kind not in READERS:
        return isolated.decoded(kind, content)
    image = READERS[kind](io.BytesIO(content))
    check_size(image.size)
    image.load()
    return image


def format_of(source: str | Path | IO[bytes]) -> str:
    """The format of a picture file by how it begins, "PNG" to "HEIC"; "" for any other file."""
    return kind_of(content(source, 1024))


def content(source: str | Path | IO[bytes], most: int = MAX_BYTES + 1) -> bytes:
    """The bytes of a file from its beginning; ValueError where it cannot be read."""
    try:
        with contextlib.ExitStack() as stack:
            if isinstance(source, str | Path):
                source = stack.enter_context(open(source, "rb"))
            source.seek(0)
            return source.read(most)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it cannot be read"
        raise Refused(f"the picture's file is out of reach, send it again: {why}") from error


@contextlib.contextmanager
def told(kind: str) -> Iterator[None]:
    """Whatever a decoder finds wrong with a file becomes one sentence."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        raise Refused(
            f"this file is not a picture that can be read: it is a {kind} file that is broken, "
            f"cut short or of a rare kind; save it again, as {ACCEPTED}"
        ) from error


def separate(image: Image.Image, parts: Parts) -> tuple[Image.Image, Image.Image | None]:
    """The colours of a picture, mode L, RGB or CMYK, and its opacity, mode L, None for opaque."""
    grey = parts.grey or image.mode in GREY
    alpha = keyed(image, parts) if parts.key else None
    if image.mode in ("La", "RGBa"):  # colours times opacity
        image = image.convert(image.mode.upper())
    if "transparency" in image.info:
        image = image.convert("LA" if grey else "RGBA")
    if "A" in image.getbands():
        alpha = image.getchannel("A")
    if alpha is not None and alpha.getextrema() == (255, 255):
        alpha = None
    if image.mode in ("I", "I;16"):
        return eight_bits(image), alpha
    return as_mode(image, "CMYK" if image.mode == "CMYK" else "L" if grey else "RGB"), alpha


def eight_bits(image: Image.Image) -> Image.Image:
    """16 bits to 8: v 255 / 65535, rounded."""
    levels = ((np.arange(2**16) + 128) // 257).astype(np.uint8)
    return Image.fromarray(levels[np.asarray(image).astype(np.uint16)])


def keyed(image: Image.Image, parts: Parts) -> Image.Image:
    """The opacity of a PNG in which one colour stands for transparency: 0 there and 255 elsewhere.

    The colour is compared in the depth of the file: of 16 bits, Pillow gives the upper bytes, and
    the lower ones when the samples are read as if their bytes were swapped.
    """
    if image.mode == "I;16":
        return Image.fromarray((np.asarray(image) != parts.key[0]).astype(np.uint8) * 255)
    if parts.depth == 16:
        swapped = PngImageFile(io.BytesIO(parts.content))
        swapped.tile = [tile._replace(args="RGB;16L") for tile in swapped.tile]
        upper, lower = ([key >> shift & 255 for key in parts.key] for shift in (8, 0))
        return ImageChops.lighter(unlike(image, upper), unlike(swapped, lower))
    top = 2**parts.depth - 1
    levels = [(key & top) * 255 // top for key in parts.key]
    return unlike(image.convert("L") if len(levels) == 1 else image, levels)


def unlike(image: Image.Image, colour: Sequence[int]) -> Image.Image:
    """Mode L: 0 where a picture has exactly this colour, 255 elsewhere."""
    tables = [[255 * (level != wanted) for level in range(256)] for wanted in colour]
    bands = zip(image.split(), tables, strict=True)
    return functools.reduce(ImageChops.lighter, [band.point(table) for band, table in bands])


def in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Mode L or RGB, the colours as a profile means them; none, or one that does not fit: sRGB."""
    meant = None
    with contextlib.suppress(ImageCms.PyCMSError, OSError):
        if profile:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            meant = ImageCms.profileToProfile(image, given, srgb, outputMode="RGB")
    return as_mode(meant or image, "L" if image.mode == "L" else "RGB")


def as_mode(image: Image.Image, mode: str) -> Image.Image:
    """A picture in a mode, itself where it is in it: a copy of a large one is large."""
    return image if image.mode == mode else image.convert(mode)


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """A picture turned, by its orientation in EXIF, 1 to 8."""
    turn = TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)
