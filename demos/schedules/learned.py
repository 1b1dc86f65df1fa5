"""The variance of a step back beside that of the forward step, and where a network puts it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import torch

from core.data import mnist, signed
from core.likelihood import log_variance
from core.models import MODELS, load
from core.noise import seeded
from demos.schedules.request import SIDES, ScheduleRequest
from demos.views.charts import Curve, values_of
from demos.words import said

SHARE = "posterior_share"  # the quantity: of the steps that are taken, not of all
DIGITS = 8  # that are noised, each told its label
MOST = 40  # steps at which the network is asked


def share_curves(request: ScheduleRequest) -> Iterator[Curve]:
    """The posterior's variance over beta at the steps of both schedules; then what was learned."""
    names = request.called_on_stage()
    for side, called, schedule in zip(SIDES, names, request.pair, strict=True):
        visited, spaced = schedule.spaced(request.steps, request.spacing)
        yield Curve(called, side, values_of(spaced, SHARE), visited, visited)
    for side, called in zip(SIDES, names, strict=True):
        name = request.name(side)
        if name in MODELS and MODELS[name].variance and request.steps > 1:
            words = said("chart.part", name=called, part=said("variance.option.learned"))
            at, values = learned(name, request.steps, request.spacing)
            yield Curve(words, f"{side} chart-learned", values, at=at)


@lru_cache(16)
def learned(name: str, steps: int, spacing: str) -> tuple[list[int], list[float]]:
    """The variance that a network says over beta, at some of the timesteps of so many steps.

    The last of them adds no noise, and has none.
    """
    model = load(name)
    images, labels = (part[:DIGITS] for part in mnist("test"))
    x0, denoise = signed(images), model.denoiser([str(each) for each in labels.tolist()])
    visited, spaced = model.schedule.spaced(steps, spacing)
    asked = range(1, len(visited), -(-len(visited) // MOST))
    eps, found = seeded(0, DIGITS)(x0), []
    for k in asked:
        level = model.schedule.level(visited[k])
        with torch.no_grad():
            seen = denoise(level.alpha * x0 + level.sigma * eps, level)
        spread = log_variance(spaced, torch.full((DIGITS,), k), seen, "learned")
        found.append((spread - spaced.beta[k].log()).exp().mean().item())
    return [visited[k] for k in asked], found
