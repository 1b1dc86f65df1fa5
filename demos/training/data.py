"""The rows that a training sees, and those that are held out."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import torch
from torch import Tensor

from core.data import mnist
from core.data.folders import pictures_in
from core.data.points import POINTS, drawn_points
from core.images import open_picture
from core.pictures.opening import content
from core.training.plans import Plan
from demos.pictures.sources import file_of, path_of
from demos.training.request import DRAWN, MNIST, ONE, OWN, TrainRequest
from demos.words import Refusal, Say, said

POINT_ROWS, SHARE = 4_000, 10  # points, and of own pictures one in ten is held out


def plan_of(request: TrainRequest) -> tuple[Plan, list[Say]]:
    """What a request trains, and what to know of its data; Refusal for data that cannot be."""
    data, held_out, notes = rows(request)
    plan = Plan(
        objective=request.objective,
        data=data,
        held_out=held_out,
        steps=request.steps,
        batch=request.batch,
        rate=request.rate,
        decay=request.decay,
        seed=request.seed,
    )
    return plan, notes


def rows(request: TrainRequest) -> tuple[Tensor, Tensor, list[Say]]:
    """Rows to train on, rows that are held out, and what to know of them."""
    if request.data in MNIST:
        return digits("train", request), digits("test", request), []
    if request.data == OWN:
        return own(request)
    generator = torch.Generator().manual_seed(request.seed)
    if request.data == DRAWN:
        image = open_picture(io.BytesIO(sent(request, "drawing")))
        points = drawn_points(image, 2 * POINT_ROWS, generator)
    else:
        points = POINTS[request.data](2 * POINT_ROWS, generator)
    return points[:POINT_ROWS], points[POINT_ROWS:], []


def digits(part: str, request: TrainRequest) -> Tensor:
    """The digits of a part, all or those of one label."""
    images, labels = mnist(part)
    return images[labels == request.digit] if request.data == ONE else images


def own(request: TrainRequest) -> tuple[Tensor, Tensor, list[Say]]:
    """The pictures of a zip, every tenth held out; at least eight are, or they are all used."""
    pixels, broken = pictures_in(sent(request, "folder"), int(request.side), request.colour)
    notes = [said("train.broken", count=len(broken), name=broken[0])] if broken else []
    if len(pixels) < 8 * SHARE:
        return pixels, pixels, [*notes, said("train.few", count=len(pixels))]
    held = torch.arange(len(pixels)) % SHARE == 0
    return pixels[~held], pixels[held], notes


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
