"""A training as Python, with `core` alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demos.exports.code import Cell, Code, Imports, Writer, asked, called, literal
from demos.training.request import ONE, OWN, TrainRequest
from demos.words import Refusal, Say, said

STRIP = "strip = to_pil(grid((torch.cat(seen) + 1) / 2)[None])[0]"
STRIP_IMPORTS: Imports = {"torch": (), "core.images": ["grid", "to_pil"]}
FILE = "my-pictures.zip"  # the learner puts it there


def read(settings: Mapping[str, Any]) -> TrainRequest:
    """The request of the settings of a run."""
    return TrainRequest.read(**asked(settings, TrainRequest))


def core_code(request: TrainRequest) -> Code:
    """The lines of a training: its data, its plan, and what it makes of noise at the end."""
    if request.plane:
        raise Refusal("code.refused.points")
    line, imports = data_of(request)
    objective = request.objective
    plan = [
        called(
            "objective = Objective(", objective.network, objective.noise, objective.target,
            objective.told, objective.channels, objective.side,
        ),
        called(
            "plan = Plan(objective, rows, ", steps=request.steps, batch=request.batch,
            rate=request.rate, decay=request.decay, seed=request.seed,
        ),
    ]  # fmt: skip
    loop = [
        "seen = []",
        "folder = Path(mkdtemp())  # for the network and its checkpoint",
        "for snapshot in snapshots(plan, folder):",
        "    seen.append(snapshot.samples[:1])",
    ]
    plans: Imports = {"core.objectives": ["Objective"], "core.training.plans": ["Plan"]}
    watched: Imports = {
        "pathlib": ["Path"],
        "tempfile": ["mkdtemp"],
        "core.training.plans": ["snapshots"],
    }
    cells = (
        Cell(said("code.cell.rows"), line, imports),
        Cell(said("code.cell.plan"), "\n".join(plan), plans),
        Cell(said("code.cell.train"), "\n".join(loop), watched),
        Cell(
            said("code.cell.samples"),
            "picture = to_pil(grid((snapshot.samples + 1) / 2)[None])[0]",
            {"core.images": ["grid", "to_pil"]},
        ),
    )
    notes: tuple[Say, ...] = (said("code.note.zip", file=FILE),) if request.data == OWN else ()
    return Code(cells, STRIP, STRIP_IMPORTS, notes)


def data_of(request: TrainRequest) -> tuple[str, Imports]:
    """The line that makes the rows to train on, and those that are held out."""
    if request.data == OWN:
        given = f"Path({literal(FILE)}).read_bytes(), {request.side}, {request.colour}"
        needed: Imports = {"pathlib": ["Path"], "core.training.rows": ["picture_rows"]}
        return f"rows = picture_rows({given})  # yours", needed
    label = (request.digit,) if request.data == ONE else ()
    return called("rows = digit_rows(", *label), {"core.training.rows": ["digit_rows"]}


def diffusers_code(request: TrainRequest) -> Code:
    """Refusal: diffusers has networks and schedulers, and no loop that trains them."""
    raise Refusal("code.refused.training")


CODES = {TrainRequest.event: Writer(read, core_code, diffusers_code)}
