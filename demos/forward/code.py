"""A picture on its way to noise as Python, with `core` alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demos.exports.code import Cell, Code, Imports, Writer, asked, called, literal
from demos.exports.pictures import encoded, merged, notes_of, x0_cell
from demos.forward.request import CODECS, TOLD, NoiseRequest
from demos.words import Refusal, said

STRIP = "strip = to_pil(grid(torch.cat([model.pixels(each) for each in seen]))[None])[0]"
STRIP_IMPORTS: Imports = {"torch": (), "core.images": ["grid", "to_pil"]}
CLOSED = """\
eps = noise(x0)
seen = [level.alpha * x0 + level.sigma * eps for level in levels]"""
# In latents the stage shows the pixels beside them, noised from the same generator.
CHAIN = """\
x, seen = x0, [x0]
for before, level in pairwise(levels):
    ratio = level.alpha / before.alpha
    added = (level.sigma**2 - (ratio * before.sigma) ** 2) ** 0.5
    x = ratio * x + added * noise(x)"""
BETWEEN = """\
with torch.no_grad():
    seen = [torch.lerp(x0, other, k / {last}) for k in range({count})]"""
STAYS = """\
x = level.alpha * x0 + level.sigma * model.draw({seed})(x0)
denoise = model.denoiser({prompt})
with torch.no_grad():
    seen = [x - denoise(x, told).eps for told in levels]"""
BESIDE = "    noise(pixels)  # the stage noises the pixels, too, from the same generator"
PIXELS = 'pixels = from_pil(image, "RGB")'


def read(settings: Mapping[str, Any]) -> NoiseRequest:
    """The request of the settings of a run."""
    return NoiseRequest.of(**asked(settings, NoiseRequest))


def core_code(request: NoiseRequest) -> Code:
    """The lines of a run: its picture, its levels, x at each of them."""
    cells = (model(request), x0_cell(request.card, request), noised(request), picture())
    return Code(cells, STRIP, STRIP_IMPORTS, notes_of(request))


def model(request: NoiseRequest) -> Cell:
    """The model, and the levels from clean to noisy, where there are any."""
    load: Imports = {"core.models": ["load"]}
    if request.process == CODECS:
        return Cell(said("code.cell.model"), called("model = load(", request.model), load)
    if request.process == TOLD:
        others = f"*{called('model.schedule.levels(', request.frames)}[:-1]"
        lines = [
            called("model = load(", request.model),
            called("level = model.schedule.level(", request.at),
            f"levels = sorted({{level, {others}}}, key=lambda each: each.t)  # what it is told",
        ]
        return Cell(said("code.cell.model"), "\n".join(lines), load)
    ladder = called("model.schedule.levels(", request.frames - 1)
    lines = [
        called("model = load(", request.model),
        f"levels = [CLEAN, *{ladder}[-2::-1]]  # clean to noisy",
    ]
    imports = {**load, "core.schedules": ["CLEAN"]}
    return Cell(said("code.cell.model"), "\n".join(lines), imports)


def between(request: NoiseRequest) -> Cell:
    """The latents between two pictures."""
    image = f"image = {called('parse(', request.other)}.picture()"
    imports: Imports = {"torch": (), "core.data.captions": ["parse"]}
    encode, more = encoded(request.card, "scene", "other")
    mix = BETWEEN.format(last=request.frames - 1, count=request.frames)
    return Cell(said("code.cell.between"), "\n".join([image, *encode, mix]), merged(imports, more))


def noised(request: NoiseRequest) -> Cell:
    """The picture at every level, or on the way to the other one."""
    if request.process == CODECS:
        return between(request)
    if request.process == TOLD:
        prompt = literal(request.prompt) if request.prompt else ""
        source = STAYS.format(seed=request.seed, prompt=prompt)
        return Cell(said("code.cell.told"), source, {"torch": ()})
    draw = called("noise = model.draw(", request.seed)
    if request.process == "closed form":
        return Cell(said("code.cell.closed"), f"{draw}\n{CLOSED}", {})
    lines, imports = [draw, CHAIN], {"itertools": ["pairwise"]}
    if request.card.space == "latents":
        lines, imports["core.images"] = [PIXELS, draw, CHAIN, BESIDE], ["from_pil"]
    source = "\n".join([*lines, "    seen.append(x)"])
    return Cell(said("code.cell.chain"), source, imports)


def picture() -> Cell:
    """The picture at the last level."""
    return Cell(said("code.cell.noisy"), "picture = model.decode(seen[-1])[0]", {})


def diffusers_code(request: NoiseRequest) -> Code:
    """Refusal: what the picture is read by is part of `core`."""
    raise Refusal("code.refused.picture")


CODES = {NoiseRequest.event: Writer(read, core_code, diffusers_code)}
