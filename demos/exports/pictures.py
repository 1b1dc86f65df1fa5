"""The picture that a run starts from, as code: `x0`, the clean picture or its latents."""

from __future__ import annotations

from typing import Any

from core.models import ModelCard
from demos.exports.code import Cell, Imports, called, literal
from demos.pictures.library import picked
from demos.pictures.sources import NOISE, PHOTO
from demos.words import Refusal, Say, said

SHIPPED = {  # in assets/images
    "library": lambda card, asked: f"library/{picked(card.condition, asked.library).file}",
    "photograph": lambda card, asked: f"photos/{asked.photo}.png",
}
MASK = "my-mask.png"  # this, too
FILES = {"upload": "my-picture.png", "drawing": "my-drawing.png"}  # the learner puts them there


def x0_cell(card: ModelCard, request: Any) -> Cell:
    """The lines that make x0; Refusal where the settings do not have the picture."""
    source = request.source
    if source == "generated":
        raise Refusal("code.refused.generated")
    if source == "test digit":
        lines = [
            'images, labels = mnist("test")',
            f"x0 = signed(images[labels == {request.digit}][[{request.index}]])",
        ]
        return Cell(said("code.cell.digit"), "\n".join(lines), {"core.data": ["mnist", "signed"]})
    if source == "noise" and card.space == "pixels":
        return Cell(said("code.cell.pixels"), *noise_of(card, request.index))
    image, imports = image_of(card, request)
    made = latents_of if card.space == "latents" else pixels_of
    lines, more = made(card, request)
    say = said("code.cell.latents" if card.space == "latents" else "code.cell.pixels")
    return Cell(say, "\n".join([image, *lines]), merged(imports, more))


def noise_of(card: ModelCard, index: int) -> tuple[str, Imports]:
    """The line that draws a picture of noise."""
    draw = f"uniform(seeded({NOISE + index}, 1))"
    imports: Imports = {"torch": (), "core.noise": ["seeded", "uniform"]}
    if card.space == "pixels":
        return f"x0 = {draw}(torch.empty(1, *model.shape))", imports
    line = f"image = to_pil(({draw}(torch.empty(1, 3, *model.sides)) + 1) / 2)[0]"
    return line, {**imports, "core.images": ["to_pil"]}


def image_of(card: ModelCard, request: Any) -> tuple[str, Imports]:
    """The line that opens or composes the picture."""
    if request.source == "scene":
        line = f"image = {called('parse(', request.caption)}.picture()"
        return line, {"core.data.captions": ["parse"]}
    if request.source == "noise":
        return noise_of(card, request.index)
    imports: Imports = {"core.images": ["open_picture"]}
    if request.source in SHIPPED:
        path = f"ROOT / {literal(f'assets/images/{SHIPPED[request.source](card, request)}')}"
        return f"image = open_picture({path})", {**imports, "core.paths": ["ROOT"]}
    return f"{called('image = open_picture(', FILES[request.source])}  # your file", imports


def latents_of(card: ModelCard, request: Any) -> tuple[list[str], Imports]:
    """From a picture in colour to latents."""
    return encoded(card, request.source, "x0")


def encoded(card: ModelCard, source: str, name: str) -> tuple[list[str], Imports]:
    """The same, as `name`; scenes have the size of the model that knows them."""
    encode = f"{name} = model.encode([image])"
    if card.data == "scenes" and source in ("scene", "library"):
        return [encode], {}
    size = "model.sides[::-1], Image.Resampling.LANCZOS"
    fit = f'image = ImageOps.fit(image.convert("RGB"), {size})'
    return [fit, encode], {"PIL": ["Image", "ImageOps"]}


def pixels_of(card: ModelCard, request: Any) -> tuple[list[str], Imports]:
    """From a picture to grey pixels in [-1, 1]; a drawn digit is put right as MNIST's were."""
    imports: Imports = {"core.images": ["from_pil"]}
    if request.source == "library":
        return ["x0 = from_pil(image) * 2 - 1"], imports
    if request.source == "photograph" or getattr(request, "fit", "digit") == "photo":
        square = f'ImageOps.fit(image.convert("L"), ({PHOTO}, {PHOTO}))'
        return [f"x0 = from_pil({square}) * 2 - 1"], {**imports, "PIL": ["ImageOps"]}
    return (
        ["x0 = from_pil(as_digit(image)) * 2 - 1"],
        {**imports, "core.data.digits": ["as_digit"]},
    )


def merged(*imports: Imports) -> Imports:
    """Several imports as one."""
    names: dict[str, list[str]] = {}
    for each in imports:
        for module, found in each.items():
            names.setdefault(module, []).extend(found)
    return names


def notes_of(request: Any) -> tuple[Say, ...]:
    """That a file of the learner's own is needed, by its name."""
    name = FILES.get(request.source)
    return (said("code.note.file", file=name),) if name else ()
