"""Where a picture comes from: the test set, the library, an upload, a drawing, the sampler."""

from __future__ import annotations

import base64
import contextlib
import io
from typing import Any

import torch
from PIL import Image, ImageOps
from torch import Tensor

from core.data import mnist, signed
from core.data.captions import EXAMPLES, parse
from core.data.digits import as_digit
from core.images import from_pil, open_picture, to_pil
from core.models import Model
from core.noise import seeded, uniform
from demos.pictures.library import picked
from demos.pictures.photos import photograph
from demos.words import Refusal, Say, said

SOURCES = {  # by what the model can be asked for
    "label": ("test digit", "library", "upload", "drawing", "generated"),
    "none": ("test digit", "upload"),
    "text": ("scene", "photograph", "library", "upload", "generated"),
}
REAL = ("test digit", "scene", "photograph", "upload", "drawing", "noise")  # that no model made
ANY = ("photograph", "noise")  # of these, for every model
NOISE = 2**31  # the seed of the first picture of noise: no run begins with it by default
CHOICE = ("source", "digit", "index", "caption", "photo")  # the fields that say which picture
FITS = ("digit", "photo")
PHOTO = 96  # pixels of a photo's side


def offered(condition: str, real: bool = False) -> list[str]:
    """The sources for a kind of model; if asked, real pictures alone: each can be noised."""
    if not real:
        return list(SOURCES[condition])
    return [each for each in REAL if each in SOURCES[condition] or each in ANY]


def chosen(
    model: Model,
    source: str,
    *,
    digit: int = 4,
    index: int = 0,
    caption: str = "",
    picture: Any = None,
    fit: str = "digit",
    library: str | None = None,
    photo: str = "",
) -> Tensor:
    """The clean latents of the picture that was asked for; ValueError in one sentence.

    For a pixel model, a photograph and fit "photo" give a grey square that is larger than the
    model's pictures.
    `library` is the prompt or label of a picture of the library, None the first.
    """
    if source == "test digit":
        return test_digit(digit, index)
    if model.card.space == "latents":
        return model.encode([in_colour(model, source, caption, picture, library, photo, index)])
    if source == "noise":
        return random_pixels(*model.shape, index)
    if source == "library":
        return from_pil(picked(model.card.condition, library).picture) * 2 - 1
    if source == "photograph":
        return from_pil(squared(photograph(photo))) * 2 - 1
    image = opened(picture, source)
    return from_pil(as_digit(image) if fit == "digit" else squared(image)) * 2 - 1


def in_colour(
    model: Model,
    source: str,
    caption: str,
    picture: Any,
    library: str | None = None,
    photo: str = "",
    index: int = 0,
) -> Image.Image:
    """A scene, a picture of the library, a photograph, an upload or noise, of the model's size."""
    if source == "noise":
        return to_pil((random_pixels(3, *model.sides, index) + 1) / 2)[0]
    if source == "library":
        image = picked(model.card.condition, library).picture
    elif source == "photograph":
        image = photograph(photo)
    else:
        image = scene(caption) if source == "scene" else opened(picture, source)
    return resized(image, *model.sides)


def random_pixels(channels: int, height: int, width: int, index: int) -> Tensor:
    """The index-th picture of pixels that are uniform in [-1, 1], (1, C, H, W)."""
    return uniform(seeded(NOISE + index, 1))(torch.empty(1, channels, height, width))


def scene(caption: str) -> Image.Image:
    """The real picture of a caption of the grammar, composed from emoji."""
    if not caption.strip():
        raise Refusal("picture.refused.scene", example=EXAMPLES[0])
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


def sent_of(request: Any) -> Any:
    """The drawing or the upload of a request, whichever is its source."""
    return request.drawing if request.source == "drawing" else request.picture


def opened(picture: Any, source: str) -> Image.Image:
    """The picture of an upload or a drawing."""
    if picture is None:
        raise Refusal("picture.refused.upload" if source == "upload" else "picture.refused.draw")
    return open_picture(file_of(picture))


def file_of(picture: Any) -> Any:
    """Path or bytes of a sent picture."""
    path = path_of(picture)
    if path is not None:
        return path
    url = picture.get("url") if isinstance(picture, dict) else None
    if isinstance(url, str) and url.startswith("data:image/"):
        with contextlib.suppress(ValueError):
            return io.BytesIO(base64.b64decode(url.partition(",")[2], validate=True))
    raise Refusal("picture.refused.none")


def path_of(sent: Any) -> str | None:
    """The path of a sent file, None for what is none; Gradio has checked that it is an upload."""
    given = sent if isinstance(sent, dict) else {}
    path, meta = given.get("path"), given.get("meta")
    marked = isinstance(meta, dict) and meta.get("_type") == "gradio.FileData"
    return path if marked and path and isinstance(path, str) else None  # only a string was checked


def named(
    source: str,
    digit: int = 4,
    index: int = 0,
    caption: str = "",
    library: str | None = None,
    photo: str = "",
) -> Say:
    """The picture in a few words."""
    if source == "scene":
        return caption
    if source == "library" and library is not None:
        return said("picture.library", picture=library)
    if source == "photograph":
        return said("picture.photograph", photo=said(f"photo.option.{photo}"))
    if source == "noise":
        return said("picture.noise", index=index)
    if source == "test digit":
        return said("picture.digit", digit=digit, index=index)
    return said(f"source.option.{source}")
