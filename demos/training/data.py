"""The rows that a training sees, and those that are held out."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

from core.images import open_picture
from core.pictures.opening import content
from core.training.plans import Plan
from core.training.rows import Rows, digit_rows, picture_rows, point_rows
from demos.pictures.sources import file_of, path_of
from demos.training.request import DRAWN, MNIST, ONE, OWN, TrainRequest
from demos.words import Refusal, Say, said


def plan_of(request: TrainRequest) -> Plan:
    """What a request trains; ValueError for data that cannot be."""
    return Plan(
        objective=request.objective,
        rows=rows_of(request),
        steps=request.steps,
        batch=request.batch,
        rate=request.rate,
        decay=request.decay,
        seed=request.seed,
    )


def rows_of(request: TrainRequest) -> Rows:
    """What is trained on, and what is held out."""
    if request.data in MNIST:
        return digit_rows(request.digit if request.data == ONE else None)
    if request.data == OWN:
        return picture_rows(sent(request, "folder"), int(request.side), request.colour)
    if request.data == DRAWN:
        return point_rows(open_picture(io.BytesIO(sent(request, "drawing"))), request.seed)
    return point_rows(request.data, request.seed)


def notes(rows: Rows) -> list[Say]:
    """What to know of rows: files that were left out, and that none is held out."""
    found: list[Say] = []
    if rows.broken:
        found.append(said("train.broken", count=len(rows.broken), name=rows.broken[0]))
    if rows.seen is rows.held_out:
        found.append(said("train.few", count=len(rows.seen)))
    return found


def name_of(request: TrainRequest) -> str:
    """What names a training: equal settings, whatever is shown of it, and equal files."""
    settings = {name: each for name, each in request.settings().items() if name != "show"}
    written = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name in request.beyond():
        written.update(sent(request, name))
    return written.hexdigest()


def sent(request: TrainRequest, name: str) -> bytes:
    """The content of what was sent for a field; Refusal where it is there no more."""
    given = getattr(request, name)
    if name == "drawing":
        return content(file_of(given))
    try:
        return Path(path_of(given) or "").read_bytes()
    except OSError as error:
        raise Refusal("train.refused.folder") from error
