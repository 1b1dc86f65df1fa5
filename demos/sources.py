"""Where a picture comes from: the test set, the library, an upload, a drawing, the sampler."""

from __future__ import annotations

import base64
import contextlib
import io
from typing import Any

import gradio as gr
from gradio.components.image_editor import EditorData
from gradio.data_classes import GradioRootModel, ImageData
from PIL import Image, ImageOps
from torch import Tensor

from core.data import as_digit, mnist, signed
from core.data.captions import EXAMPLES, parse
from core.images import from_pil, open_picture
from core.models import Model
from core.pictures.opening import format_of
from core.schedules import Level
from demos import checks, widgets
from demos.library import choices, picked, titles

SOURCES = {  # by what the model can be asked for
    "label": ("test digit", "library", "upload", "drawing", "generated"),
    "none": ("test digit", "upload"),
    "text": ("scene", "library", "upload", "generated"),
}
FITS = ("digit", "photo")
PHOTO = 96  # pixels of a photo's side
BROWSERS = ("PNG", "JPEG", "GIF", "WebP", "BMP", "AVIF")  # what all of them show
SHOWN = 1024  # pixels of the longer side of an upload that is converted to be shown, at most


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


def chosen(
    model: Model,
    source: Any,
    *,
    digit: Any = 4,
    index: Any = 0,
    caption: Any = "",
    picture: Any = None,
    fit: Any = "digit",
    library: Any = None,
) -> Tensor:
    """The clean latents of the picture that was asked for; ValueError in one sentence.

    For a pixel model, fit "photo" gives a grey square that is larger than the model's pictures.
    `library` is the prompt or label of a picture of the library, None the first.
    """
    source = checks.choice(source, "Picture", SOURCES[model.card.condition])
    if source == "test digit":
        return test_digit(
            checks.whole(digit, "Digit", 0, 9), checks.whole(index, "Number", 0, 799)
        )
    if model.card.condition == "text":
        return model.encode([in_colour(model, source, caption, picture, library)])
    if source == "library":
        return from_pil(picked(model.card.condition, library).picture) * 2 - 1
    image = opened(picture, source)
    fit = checks.choice(fit, "Fit", FITS)
    return from_pil(as_digit(image) if fit == "digit" else squared(image)) * 2 - 1


def in_colour(
    model: Model, source: str, caption: Any, picture: Any, library: Any = None
) -> Image.Image:
    """A scene, a picture of the library or an upload, as large as the model's pictures."""
    if source == "library":
        image = picked(model.card.condition, library).picture
    else:
        image = scene(caption) if source == "scene" else opened(picture, source)
    return resized(image, *model.sides)


def scene(caption: Any) -> Image.Image:
    """The real picture of a caption of the grammar, composed from emoji."""
    if not isinstance(caption, str) or not caption.strip():
        raise ValueError(f"describe the scene, for example: {EXAMPLES[0]}")
    return parse(caption).picture()


def resized(image: Image.Image, height: int, width: int) -> Image.Image:
    """The middle of a picture in colour, as large as this."""
    return ImageOps.fit(image.convert("RGB"), (width, height), Image.Resampling.LANCZOS)


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
        raise ValueError(f"there is no picture yet: {verb} first, or choose another one")
    return open_picture(file_of(picture))


def file_of(picture: Any) -> Any:
    """Path or bytes of a sent file; Gradio has checked that a marked path is an upload."""
    sent = picture if isinstance(picture, dict) else {}
    path, url, meta = sent.get("path"), sent.get("url"), sent.get("meta")
    marked = isinstance(meta, dict) and meta.get("_type") == "gradio.FileData"
    if marked and path and isinstance(path, str):  # only a string was checked
        return path
    if isinstance(url, str) and url.startswith("data:image/"):
        with contextlib.suppress(ValueError):
            return io.BytesIO(base64.b64decode(url.partition(",")[2], validate=True))
    raise ValueError(
        "this is not a picture: upload a file (gradio_client: handle_file with its path)"
    )


def words(
    source: str, digit: Any, index: Any, caption: Any = "", library: str | None = None
) -> str:
    """The picture in a few words."""
    if source == "scene":
        return str(caption)
    if source == "library" and library is not None:
        return titles()[library]
    return f"test digit {digit} (number {index})" if source == "test digit" else source


def at(level: Level) -> str:
    """The beginning of a sentence about a level."""
    return "At the clean end," if level.t < 0 else f"At t = {level.t:.0f},"


def controls(model: gr.Dropdown, *, drawing: bool) -> dict[str, Any]:
    """The controls of a picture by name; what is offered follows the choice of the model.

    `drawing` adds a drawing pad, the library and pictures that were sent from the sampler;
    without it, an upload can be kept as a photo.
    """
    source = widgets.Radio(
        offered("label", drawing),
        value="test digit",
        label="Picture",
        info="the one to start from",
        elem_classes=["digits-row"],
    )
    with gr.Row(elem_classes=["pair"]) as test:
        digit = widgets.Dropdown(list(range(10)), value=4, label="Digit", info="its label")
        index = widgets.Number(0, label="Number", precision=0, info="which one, 0 to 799")
    caption = widgets.Textbox(
        EXAMPLES[0],
        label="Scene",
        visible=False,
        max_length=200,
        info="composed from real emoji: [tint] subject [on a colour background][, style]",
    )
    named = {"source": source, "digit": digit, "index": index, "caption": caption}
    if drawing:
        named["library"] = library_choice(model, source)
    named["picture"] = picture = upload()
    last = drawing_pad() if drawing else fit_choice()
    named["drawing" if drawing else "fit"] = last
    follow(model, source, {"test digit": test, "scene": caption, "upload": picture}, last)
    return named


def follow(model: gr.Dropdown, source: gr.Radio, shows: dict[str, Any], last: Any) -> None:
    """Show what belongs to the chosen source, and offer the sources of the chosen model."""
    drawing = isinstance(last, Drawing)
    kept = "drawing" if drawing else "upload"

    def of_source(value: str, name: str) -> list[Any]:
        """What belongs to a source."""
        of_last = value == kept and checks.card(name).condition != "text"
        return [*(gr.update(visible=value == each) for each in shows), gr.update(visible=of_last)]

    def of_model(name: str, value: str) -> Any:
        """The sources of a model; the one chosen stays where it can."""
        choices = offered(checks.card(name).condition, drawing)
        return gr.update(choices=choices, value=value if value in choices else choices[0])

    source.change(of_source, [source, model], [*shows.values(), last], **widgets.QUIET)
    model.change(of_model, [model, source], source, **widgets.QUIET)


def offered(prompts: str, drawing: bool) -> list[str]:
    """The sources for a kind of model; the Noise tab, without drawing, has only real pictures."""
    return [s for s in SOURCES[prompts] if drawing or s not in ("library", "drawing", "generated")]


def library_choice(model: gr.Dropdown, source: gr.Radio) -> widgets.Dropdown:
    """The pictures of the library by what they show; nothing is chosen before they are shown."""
    choice = widgets.Dropdown(
        choices("label"),
        value=None,
        label="Library",
        visible=False,
        info="sampled by a model, so nobody's photograph",
    )
    gr.on(
        [source.change, model.change],
        of_library,
        [source, model, choice],
        choice,
        trigger_mode="always_last",
        **widgets.QUIET,
    )
    return choice


def of_library(source: str, model: str, value: str | None) -> dict:
    """The pictures for a model; the one chosen stays where it can."""
    pairs, shown = choices(checks.card(model).condition), source == "library"
    known = [prompt for _, prompt in pairs]
    if value not in known:
        value = known[0] if shown and known else None
    return gr.update(choices=pairs, value=value, visible=shown)


def upload() -> Picture:
    """A file, a pasted picture, or a photo; unlike a looking glass it does not mirror digits."""
    camera = {"video": {"width": 1024, "height": 768, "facingMode": "environment"}}  # if it can
    picture = Picture(
        label="Upload",
        type="filepath",
        format="png",
        visible=False,
        height=300,
        sources=["upload", "webcam", "clipboard"],
        webcam_options=gr.WebcamOptions(mirror=False, constraints=camera),
    )
    picture.upload(checks.shown(displayed), picture, picture, **widgets.QUIET)
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
