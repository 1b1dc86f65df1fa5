"""A picture on its way to noise: its tape, and a frame for every level."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

from PIL import Image
from torch import Tensor

from core.models import Model
from core.noise import Noise, renoised
from core.schedules import CLEAN, Level
from core.tapes import Axis, Tape
from demos.forward.codecs import Codecs
from demos.forward.request import CODECS, TOLD, NoiseRequest
from demos.forward.subjects import Latents, Pixels
from demos.forward.told import Told
from demos.pictures.sources import chosen, in_colour, resized, scene, sent_of
from demos.runs.stream import Shown
from demos.runs.zero_gpu import loaded
from demos.views.numbers import level_axis
from demos.words import said


def run(request: NoiseRequest, report: Callable[[str], None] | None = None) -> Iterator[Shown]:
    """Noise as asked; `report` is told, in sentences, how a download goes."""
    if request.process == CODECS:
        yield from between(request, report)
        return
    subject = subject_of(request, report)
    model = subject.model
    if request.process == TOLD:
        yield from told(request, subject)
        return
    levels = [CLEAN, *model.schedule.levels(request.frames - 1)[-2::-1]]
    yield tape(request, subject, level_axis(levels), len(levels) // 3)
    draw = model.draw(request.seed)
    paths = (walk(levels, start, request.process, draw) for start in subject.starts)
    for level, *xs in zip(levels, *paths, strict=True):
        yield subject.frame(level, *xs)


def tape(
    request: NoiseRequest, stage: Pixels | Latents | Told | Codecs, axis: Axis, start: int
) -> Tape:
    """What a run is before its frames; each tick of the axis gets one."""
    return Tape(
        request=request.settings(),
        title=request.title(),
        panels=stage.panels,
        total=len(axis.ticks),
        axis=axis,
        strip=stage.strip,
        start=start,
        event=request.event,
    )


def told(request: NoiseRequest, subject: Pixels | Latents) -> Iterator[Shown]:
    """One noisy picture, and what the network sees in it when it is told each timestep."""
    model, x0 = subject.model, subject.starts[0]
    level = model.schedule.level(request.at)
    others = model.schedule.levels(request.frames)[:-1]
    levels = sorted({*others, level}, key=lambda each: each.t)
    x = level.alpha * x0 + level.sigma * model.draw(request.seed)(x0)
    stage = Told(model, x, level, request.prompt)
    axis = replace(level_axis(levels), name=said("axis.told"))
    yield tape(request, stage, axis, levels.index(level))
    for each in levels:
        yield stage.frame(each)


def between(request: NoiseRequest, report: Callable[[str], None] | None = None) -> Iterator[Shown]:
    """Two pictures, and what lies between them for two autoencoders."""
    model = loaded(request.model, report=report)
    stage = Codecs(model, (image_of(model, request), resized(scene(request.other), *model.sides)))
    axis = stage.axis(request.frames)
    yield tape(request, stage, axis, 0)
    for share in axis.ticks:
        yield stage.frame(share)


def image_of(model: Model, request: NoiseRequest) -> Image.Image:
    """The picture that was asked for, in colour."""
    where = {"photo": request.photo, "index": request.index}
    return in_colour(model, request.source, request.caption, sent_of(request), **where)


def subject_of(
    request: NoiseRequest, report: Callable[[str], None] | None = None
) -> Pixels | Latents:
    """The picture that was asked for, ready to be noised for this model."""
    model = loaded(request.model, report=report)
    if model.card.space == "latents":
        return Latents(model, image_of(model, request), request.prompt)
    where = {"digit": request.digit, "index": request.index, "photo": request.photo}
    x0 = chosen(model, request.source, picture=sent_of(request), fit=request.fit, **where)
    return Pixels(model, x0)


def walk(levels: list[Level], x0: Tensor, process: str, draw: Noise) -> Iterator[Tensor]:
    """x at every level, from clean to noisy.

    Closed form: x_t = alpha_t x0 + sigma_t eps with one eps; Ho et al. 2020, equation 4,
    https://arxiv.org/abs/2006.11239. Markov chain: `renoised` with a fresh z for each step.
    """
    if process == "closed form":
        eps = draw(x0)
        yield from (level.alpha * x0 + level.sigma * eps for level in levels)
        return
    x = x0
    yield x
    for before, level in itertools.pairwise(levels):
        x = renoised(x, before, level, draw)
        yield x
