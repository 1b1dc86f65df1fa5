"""An inversion and an edit as Python, with `core` alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demos.exports.code import Cell, Code, Imports, Writer, asked, called, literal
from demos.exports.pictures import MASK, notes_of, x0_cell
from demos.inversion.request import EditRequest, InvertRequest
from demos.words import Refusal, said

STRIP = "strip = to_pil(grid(torch.cat([model.pixels(each) for each in seen]))[None])[0]"
STRIP_IMPORTS: Imports = {"torch": (), "core.images": ["grid", "to_pil"]}
LOOP = "    seen.append(step.x_next)"


@dataclass(frozen=True)
class Inverted:
    """What an edit has to know of its session: the inversion that was asked for."""

    request: InvertRequest


def invert_request(settings: Mapping[str, Any]) -> InvertRequest:
    """The request of the settings of an inversion."""
    return InvertRequest.of(**asked(settings, InvertRequest))


def edit_request(settings: Mapping[str, Any]) -> EditRequest:
    """The request of the settings of an edit, which hold those of its inversion."""
    own = {name: each for name, each in settings.items() if name in EditRequest.controls()}
    others = {name: each for name, each in settings.items() if name not in own}
    session = Inverted(invert_request(others))
    return EditRequest.of(**{**own, "session": session})


def invert_code(request: InvertRequest) -> Code:
    """The lines of an inversion and its reconstruction."""
    again = called("method.edit(inversion, ", request.condition)
    lines = ["seen = [inversion.trajectory[-1]]", f"for step in {again}:", LOOP]
    cells = (*inverting(request), Cell(said("code.cell.back"), "\n".join(lines), {}), picture())
    return Code(cells, STRIP, STRIP_IMPORTS, notes_of(request))


def edit_code(request: EditRequest) -> Code:
    """The lines of an inversion and its edit."""
    inverted: InvertRequest = request.session.request
    edit = called(
        "method.edit(inversion, ",
        request.condition,
        negative=request.avoided or None,
        guidance=request.guidance,
        strength=request.strength,
    )
    cells, notes = [*inverting(inverted)], notes_of(inverted)
    if request.mask != "everywhere":
        cells.append(mask_cell(request, inverted))
        edit = f"{edit[:-1]}, mask=mask)"
    if request.mask == "drawn":
        notes = (*notes, said("code.note.mask", file=MASK))
    first = called("start_index(", request.strength, inverted.steps)
    lines = [f"seen = [inversion.trajectory[{first}]]", f"for step in {edit}:", LOOP]
    imports: Imports = {"core.inversion": ["start_index"]}
    cells += [Cell(said("code.cell.edit"), "\n".join(lines), imports), picture()]
    return Code(tuple(cells), STRIP, STRIP_IMPORTS, notes)


def inverting(request: InvertRequest) -> tuple[Cell, ...]:
    """The model, its picture, and the way up."""
    model = Cell(
        said("code.cell.load"), called("model = load(", request.model), {"core.models": ["load"]}
    )
    guidance = None if request.invert_guidance == 1 else request.invert_guidance
    climb = called(
        "method.invert(model, x0, ",
        request.condition,
        steps=request.steps,
        guidance=guidance,
        seed=request.seed or None,
    )
    lines = [f"method = INVERSIONS[{literal(request.method)}]", f"inversion = finish({climb})"]
    imports: Imports = {"core.inversion": ["INVERSIONS", "finish"]}
    up = Cell(said("code.cell.invert"), "\n".join(lines), imports)
    return model, x0_cell(request.card, request), up


def mask_cell(request: EditRequest, inverted: InvertRequest) -> Cell:
    """Where the edit may change the picture."""
    if request.mask == "automatic":
        begin = "mask = difference_mask(model, x0, "
        source = called(begin, inverted.condition, request.condition)
        imports: Imports = {"core.inversion": ["difference_mask"]}
    else:
        painted = f"opacity({literal(MASK)}, x0.shape[-2:]) > 0.5"
        source = f"mask = ({painted})[None].to(x0)  # your file"
        imports = {"core.images": ["opacity"]}
    return Cell(said("code.cell.mask"), source, imports)


def picture() -> Cell:
    """The finished picture."""
    return Cell(said("code.cell.picture"), "picture = model.decode(seen[-1])[0]", {})


def diffusers_code(request: Any) -> Code:
    """Refusal: what the picture is read by is part of `core`."""
    raise Refusal("code.refused.picture")


CODES = {
    InvertRequest.event: Writer(invert_request, invert_code, diffusers_code),
    EditRequest.event: Writer(edit_request, edit_code, diffusers_code),
}
