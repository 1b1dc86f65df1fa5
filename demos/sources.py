"""Where a picture comes from: the test set, an upload, a drawing, or the sampler."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

import gradio as gr
from PIL import Image, ImageOps
from torch import Tensor

from core.data import mnist, signed
from core.images import as_digit, from_pil, open_picture
from core.schedules import Level
from demos import widgets

SOURCES = ("test digit", "upload", "drawing", "generated")
FITS = ("digit", "photo")
PHOTO = 96  # pixels of a photo's side


class Picture(widgets.Raw, gr.Image):
    """An upload that is opened by us: size checked first, upright, on white."""

    def get_block_name(self) -> str:
        """The front end of gr.Image."""
        return "image"


class Drawing(widgets.Raw, gr.Sketchpad):
    """A drawing pad whose picture is opened by us."""

    def get_block_name(self) -> str:
        """The front end of gr.ImageEditor."""
        return "imageeditor"


def chosen(source: Any, digit: Any, index: Any, picture: Any, fit: Any = "digit") -> Tensor:
    """The picture that was asked for, x0 (1, 1, H, W) in [-1, 1]; ValueError in one sentence."""
    source = widgets.choice(source, "Source", SOURCES)
    if source == "test digit":
        return test_digit(
            widgets.whole(digit, "Digit", 0, 9), widgets.whole(index, "Index", 0, 799)
        )
    fit = widgets.choice(fit, "Fit", FITS)
    image = opened(picture, source)
    image = as_digit(image) if fit == "digit" else squared(image)
    return from_pil(image) * 2 - 1


def test_digit(digit: int, index: int) -> Tensor:
    """The index-th test digit with this label, (1, 1, 28, 28) in [-1, 1]."""
    images, labels = mnist("test")
    return signed(images[(labels == digit).nonzero()[index]])


def squared(image: Image.Image) -> Image.Image:
    """The middle of a picture as a grey square."""
    return ImageOps.fit(image.convert("L"), (PHOTO, PHOTO))


def opened(picture: Any, source: str) -> Image.Image:
    """The picture of an upload or a drawing."""
    verb = "upload a picture" if source == "upload" else "draw a digit"
    data = _file_of(picture)
    if data is None:
        raise ValueError(f"there is no picture yet: {verb} first, or choose a test digit")
    return open_picture(data)


def _file_of(picture: Any) -> Any:
    """Path or bytes inside the value of an image component; Gradio has checked the path."""
    picture = getattr(picture, "composite", picture)
    url, path = getattr(picture, "url", None), getattr(picture, "path", None)
    if path:
        return path
    if url and url.startswith("data:image/"):
        try:
            return io.BytesIO(base64.b64decode(url.partition(",")[2], validate=True))
        except binascii.Error:
            return io.BytesIO(b"")  # not a picture, as open_picture will say
    return None


def words(source: str, digit: Any, index: Any) -> str:
    """The picture in a few words."""
    return f"test digit {digit} (number {index})" if source == "test digit" else source


def at(level: Level) -> str:
    """The beginning of a sentence about a level."""
    return "At the clean end" if level.t < 0 else f"At t = {level.t:.0f}"


def controls(*, drawing: bool) -> list[Any]:
    """Source, digit, index, picture and fit; a drawing pad instead of the fit if `drawing`."""
    offered = ["test digit", "upload", *(["drawing", "generated"] if drawing else [])]
    source = widgets.Radio(
        offered,
        value="test digit",
        label="Picture",
        info="from the MNIST test set, or your own",
        elem_classes=["digits-row"],
    )
    with gr.Row(elem_classes=["pair"]) as test:
        digit = widgets.Dropdown(list(range(10)), value=4, label="Digit", info="its label")
        index = widgets.Number(0, label="Number", precision=0, info="which one, 0 to 799")
    picture = Picture(
        label="Upload", type="filepath", visible=False, height=180, sources=["upload", "clipboard"]
    )
    last = drawing_pad() if drawing else fit_choice()
    wanted = "drawing" if drawing else "upload"
    source.change(
        lambda value: [
            gr.update(visible=value == each) for each in ("test digit", "upload", wanted)
        ],
        source,
        [test, picture, last],
        show_progress="hidden",
        api_visibility="private",
    )
    return [source, digit, index, picture, last]


def drawing_pad() -> Drawing:
    """A pad for one digit, black on white; the pen is as wide as MNIST's."""
    return Drawing(
        label="Draw one digit",
        type="filepath",
        visible=False,
        canvas_size=(280, 280),
        brush=gr.Brush(default_size=22, colors=["#000000"]),
        layers=False,
    )


def fit_choice() -> widgets.Radio:
    """What becomes of an upload."""
    return widgets.Radio(
        list(FITS),
        value="digit",
        label="Fit",
        visible=False,
        info="digit: centred, white on black; photo: a grey square",
    )
