"""A run of the sampler as Python, with `core` alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.samplers import SAMPLERS
from demos.exports.code import Cell, Code, Imports, Writer, asked, called, literal, start_cell
from demos.sampling.request import OWN, SampleRequest
from demos.sampling.with_diffusers import diffusers_code
from demos.words import said

STRIP = "strip = to_pil(grid(torch.cat([model.pixels(x0[:1]) for x0 in seen]))[None])[0]"
STRIP_IMPORTS: Imports = {"torch": (), "core.images": ["grid", "to_pil"]}


def read(settings: Mapping[str, Any]) -> SampleRequest:
    """The request of the settings of a run."""
    return SampleRequest.of(**asked(settings, SampleRequest))


def core_code(request: SampleRequest) -> Code:
    """The lines of a run: its model and levels, its noise, its steps, its picture."""
    cells = (
        levels(request),
        start_cell(request.seed, request.batch),
        steps(request),
        picture(request),
    )
    return Code(cells, STRIP, STRIP_IMPORTS)


def levels(request: SampleRequest) -> Cell:
    """The model, and the levels from noisy to clean."""
    imports: dict[str, list[str]] = {"core.models": ["load"]}
    ladder = "model.schedule.levels("
    if request.schedule != OWN:
        name, imports["core.schedules"] = literal(request.schedule), ["SCHEDULES"]
        ladder = f"SCHEDULES[{name}]().levels("
    if request.asked("points"):
        imports = {"core.models": ["load"], "core.drawn_schedules": ["drawn"]}
        ladder = f"{called('drawn(', points=request.points)}.levels("
    spacing = () if request.spacing == "trailing" else (request.spacing,)
    left = request.steps - request.taken
    below = f"[{left}:]" if left else ""
    lines = [
        called("model = load(", request.model),
        f"levels = {called(ladder, request.steps, *spacing)}{below}  # noisy to clean",
    ]
    return Cell(said("code.cell.levels"), "\n".join(lines), imports)


def steps(request: SampleRequest) -> Cell:
    """The denoiser, and the loop of the sampler over the levels."""
    known = request.sampler in SAMPLERS
    table, module = ("SAMPLERS", "core.samplers") if known else ("BRIDGED", "core.bridge")
    imports = {module: [table]}
    given = [] if not request.condition else [request.condition]
    told = called(
        "denoise = model.denoiser(",
        *given,
        negative=request.avoided or None,
        guidance=None if request.guidance == 1 else request.guidance,
    )
    if request.classified:
        told = called("denoise = model.classifier_guided(", request.label, float(request.guidance))
    lines = [told]
    if request.clip_x0:
        lines.append("denoise = Clipped(denoise)")
        imports["core.denoisers"] = ["Clipped"]
    more = ", noise=noise" if request.adds_noise() else ""
    more += "" if request.eta is None else f", eta={request.eta!r}"
    more += "" if request.variance == "posterior" else f", variance={literal(request.variance)}"
    lines += [
        "seen = []",
        f"for step in {table}[{literal(request.sampler)}](denoise, x, levels{more}):",
        "    seen.append(step.prediction.x0)  # the clean picture as it is guessed here",
    ]
    return Cell(said("code.cell.steps"), "\n".join(lines), imports)


def picture(request: SampleRequest) -> Cell:
    """The finished picture; those of a batch side by side."""
    if request.batch == 1:
        source, imports = "picture = model.decode(step.x_next)[0]", {}
    else:
        source = "picture = to_pil(grid(model.pixels(step.x_next))[None])[0]"
        imports = {"core.images": ["grid", "to_pil"]}
    return Cell(said("code.cell.picture"), source, imports)


CODES = {SampleRequest.event: Writer(read, core_code, diffusers_code)}
