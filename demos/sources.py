"""Where a picture comes from: the test set, an upload, a drawing, or the sampler."""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
from typing import Any

import gradio as gr
from gradio.components.image_editor import EditorData
from gradio.data_classes import GradioRootModel, ImageData
from PIL import Image, ImageOps
from torch import Tensor

from core.data import mnist, signed
from core.images import as_digit, from_pil, open_picture
from core.schedules import Level
from demos import widgets

SOURCES = ("test digit", "upload", "drawing", "generated")
FITS = ("digit", "photo")
PHOTO = 96  # pixels of a photo's side


class Sent(GradioRootModel):
    """Whatever was sent: it is judged by `opened`, in one sentence."""

    root: Any


class Picture(gr.Image):
    """An upload that is opened by us: size checked first, upright, on white."""

    data_model = Sent

    def preprocess(self, payload: Any) -> Any:
        """The value as it was sent."""
        return payload.root if payload is not None else None

    def api_info(self) -> dict[str, Any]:
        """That of gr.Image."""
        return ImageData.model_json_schema()

    def get_block_name(self) -> str:
        """The front end of gr.Image."""
        return "image"


class Drawing(gr.Sketchpad):
    """A drawing pad whose picture is opened by us."""

    data_model = Sent

    def preprocess(self, payload: Any) -> Any:
        """The picture with all layers, as it was sent."""
        sent = payload.root if payload is not None else None
        return sent.get("composite") if isinstance(sent, dict) else sent

    def api_info(self) -> dict[str, Any]:
        """That of gr.ImageEditor."""
        return EditorData.model_json_schema()

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
    if picture is None:
        verb = "upload a picture" if source == "upload" else "draw a digit"
        raise ValueError(f"there is no picture yet: {verb} first, or choose a test digit")
    return open_picture(_file_of(picture))


def _file_of(picture: Any) -> Any:
    """Path or bytes of a sent file; Gradio has checked that a marked path is an upload."""
    sent = picture if isinstance(picture, dict) else {}
    marked = isinstance(sent.get("meta"), dict) and sent["meta"].get("_type") == "gradio.FileData"
    if marked and sent.get("path"):
        return sent["path"]
    url = sent.get("url") or ""
    if isinstance(url, str) and url.startswith("data:image/"):
        with contextlib.suppress(binascii.Error):
            return io.BytesIO(base64.b64decode(url.partition(",")[2], validate=True))
    raise ValueError(
        "this is not a picture: upload a file (gradio_client: handle_file with its path)"
    )


def words(source: str, digit: Any, index: Any) -> str:
    """The picture in a few words."""
    return f"test digit {digit} (number {index})" if source == "test digit" else source


def at(level: Level) -> str:
    """The beginning of a sentence about a level."""
    return "At the clean end," if level.t < 0 else f"At t = {level.t:.0f},"


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
