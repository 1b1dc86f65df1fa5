"""Pictures and runs that are sent: components whose values are opened and judged by us."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.components.image_editor import EditorData
from gradio.data_classes import FileData, GradioRootModel, ImageData

from core.images import open_picture
from core.pictures.opening import format_of
from demos.pictures.sources import file_of
from demos.ui.controls import QUIET, text
from demos.ui.errors import shown

BROWSERS = ("PNG", "JPEG", "GIF", "WebP", "BMP", "AVIF")  # what all of them show
SHOWN = 1024  # pixels of the longer side of an upload that is converted to be shown, at most
PAD = 280  # pixels of a drawing pad


class Sent(GradioRootModel):
    """Whatever was sent: it is judged where it is opened, in one sentence."""

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


class MaskPad(gr.ImageEditor):
    """A picture to paint on; what was painted is judged by `demos.pictures.masks`."""

    data_model = Sent

    def preprocess(self, payload: Any) -> Any:
        """The layers, as they were sent; a picture that is sent alone is one."""
        sent = payload.root if payload is not None else None
        return sent.get("layers") if isinstance(sent, dict) and "layers" in sent else sent

    def api_info(self) -> dict[str, Any]:
        """That of gr.ImageEditor."""
        return EditorData.model_json_schema()

    def get_block_name(self) -> str:
        """The front end of gr.ImageEditor."""
        return "imageeditor"


class OpenedByUs:
    """A component whose constructor would set a model of its own."""

    @property
    def data_model(self) -> type[Sent]:
        """Whatever was sent."""
        return Sent

    @data_model.setter
    def data_model(self, _: Any) -> None:
        """It stays what it is."""


class Pictures(OpenedByUs, gr.File):
    """A zip of pictures that is opened by us."""

    def preprocess(self, payload: Any) -> Any:
        """The file as it was sent."""
        return payload.root if payload is not None else None

    def api_info(self) -> dict[str, Any]:
        """That of a file."""
        return FileData.model_json_schema()

    def get_block_name(self) -> str:
        """The front end of gr.File."""
        return "file"


class RunFile(OpenedByUs, gr.UploadButton):
    """A saved run; the menu of a player and what is dropped on the page put the file here."""

    def preprocess(self, payload: Any) -> Any:
        """The file as it was sent; the page sends a list of one."""
        sent = payload.root if payload is not None else None
        return sent[0] if isinstance(sent, list) and sent else sent

    def get_block_name(self) -> str:
        """The front end of gr.UploadButton."""
        return "uploadbutton"


def run_file(player: str) -> RunFile:
    """The place for a file of the player with this name, out of sight in `#open-PLAYER`.

    Gradio 6.31 gives an upload button no id and no class of ours.
    """
    with gr.Row(elem_id=f"open-{player}", elem_classes=["out-of-sight"]):
        return RunFile(label=text("player.open_run"))


def upload() -> Picture:
    """A file, a pasted picture, or a photo; unlike a looking glass it does not mirror digits."""
    camera = {"video": {"width": 1024, "height": 768, "facingMode": "environment"}}  # if it can
    picture = Picture(
        label=text("picture.label"),
        type="filepath",
        format="png",
        visible=False,
        height=300,
        sources=["upload", "webcam", "clipboard"],
        webcam_options=gr.WebcamOptions(mirror=False, constraints=camera),
    )
    picture.upload(shown(displayed), picture, picture, **QUIET)
    return picture


def displayed(sent: Any) -> Any:
    """An upload that few browsers show, HEIC, as one that all do; another one stays as it is.

    ValueError, one sentence, for a file that is no picture, as soon as it is there.
    """
    file = file_of(sent)
    if format_of(file) in BROWSERS:
        return gr.skip()
    image = open_picture(file)
    image.thumbnail((SHOWN, SHOWN))
    return image


def pictures() -> Pictures:
    """A zip of pictures of one's own."""
    return Pictures(
        label=text("folder.label"), file_types=[".zip"], type="filepath", visible=False, height=150
    )


def drawing_pad(label: str = "drawing.label", pen: int = 22) -> Drawing:
    """A pad for one digit, black on white; the pen, in pixels, is as wide as MNIST's."""
    return Drawing(
        label=text(label),
        type="filepath",
        visible=False,
        canvas_size=(PAD, PAD),
        brush=gr.Brush(default_size=pen, colors=["#000000"], color_mode="fixed"),
        layers=False,
        elem_classes=["pad"],
    )


def points_pad() -> Drawing:
    """A pad for points of the plane: a click is a point, a line is many."""
    return drawing_pad("train.drawing.label", pen=8)


def mask_pad() -> MaskPad:
    """A pad to paint on a picture, with one broad brush."""
    return MaskPad(
        label=text("painted.label"),
        type="filepath",
        visible=False,
        canvas_size=(PAD, PAD),
        brush=gr.Brush(default_size=30, colors=["#d55e00"], color_mode="fixed"),
        eraser=gr.Eraser(default_size=30),
        sources=(),
        transforms=(),
        layers=False,
        interactive=True,
        elem_classes=["pad"],
    )
