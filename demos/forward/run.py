"""A picture on its way to noise: its tape, and a frame for every level."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

from core.noise import Noise
from core.schedules import CLEAN, Level
from core.tapes import Tape
from demos.forward.request import NoiseRequest
from demos.forward.subjects import Latents, Pixels
from demos.pictures.sources import chosen, in_colour
from demos.runs.stream import Shown
from demos.runs.zero_gpu import loaded
from demos.views.numbers import level_axis


def run(request: NoiseRequest, report: Callable[[str], None] | None = None) -> Iterator[Shown]:
    """Noise as asked; `report` is told, in sentences, how a download goes."""
    subject = subject_of(request, report)
    model = subject.model
    levels = [CLEAN, *model.schedule.levels(request.frames - 1)[-2::-1]]
    yield Tape(
        request=request.settings(),
        title=request.title(),
        panels=subject.panels,
        total=len(levels),
        axis=level_axis(levels),
        strip=subject.strip,
        start=len(levels) // 3,
        event=request.event,
    )
    draw = model.draw(request.seed)
    paths = (walk(levels, start, request.process, draw) for start in subject.starts)
    for level, *xs in zip(levels, *paths, strict=True):
        yield subject.frame(level, *xs)


def subject_of(
    request: NoiseRequest, report: Callable[[str], None] | None = None
) -> Pixels | Latents:
    """The picture that was asked for, ready to be noised for this model."""
    model, picture = loaded(request.model, report=report), request.picture
    if model.card.space == "latents":
        image = in_colour(model, request.source, request.caption, picture, photo=request.photo)
        return Latents(model, image, request.prompt)
    where: dict[str, Any] = {
        "digit": request.digit,
        "index": request.index,
        "photo": request.photo,
    }
    x0 = chosen(model, request.source, picture=picture, fit=request.fit, **where)
    return Pixels(model, x0)


def walk(levels: list[Level], x0: Tensor, process: str, draw: Noise) -> Iterator[Tensor]:
    """x at every level, from clean to noisy.

    Closed form: x_t = alpha_t x0 + sigma_t eps with one eps. Markov chain:
    x_t = (alpha_t / alpha_s) x_s + sqrt(sigma_t^2 - (alpha_t / alpha_s)^2 sigma_s^2) z with a
    fresh z for each step; Ho et al. 2020, equations 2 and 4, https://arxiv.org/abs/2006.11239.
    """
    if process == "closed form":
        eps = draw(x0)
        yield from (level.alpha * x0 + level.sigma * eps for level in levels)
        return
    x = x0
    yield x
    for before, level in itertools.pairwise(levels):
        ratio = level.alpha / before.alpha
        added = (level.sigma**2 - (ratio * before.sigma) ** 2) ** 0.5
        x = ratio * x + added * draw(x0)
        yield x
