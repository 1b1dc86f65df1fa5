"""The variance that a network has learned, over the timestep, for the chart of variances."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import torch

from core.data import mnist, signed
from core.likelihood import log_variance
from core.models import MODELS, load
from core.noise import seeded
from demos.views.charts import Curve
from demos.words import said

if TYPE_CHECKING:
    from demos.schedules.request import ScheduleRequest

DIGITS = 8  # that are noised, each told its label
TIMES = (0, 1, 2, 4, 8, 16, 32, *range(64, 1000, 72), 999)


def learned_curves(request: ScheduleRequest) -> Iterator[Curve]:
    """A curve for each schedule that is that of a model with a learned variance."""
    for side, called in zip(("first", "second"), request.called_on_stage(), strict=True):
        name = request.name(side)
        if name in MODELS and MODELS[name].variance:
            words = said("chart.part", name=called, part=said("variance.option.learned"))
            yield Curve(words, f"{side} part-2", learned(name), at=TIMES)


@cache
def learned(name: str) -> list[float]:
    """log10 of the variance that a network says at TIMES, its logarithm being averaged."""
    model = load(name)
    images, labels = (part[:DIGITS] for part in mnist("test"))
    x0, denoise = signed(images), model.denoiser([str(each) for each in labels.tolist()])
    eps, found = seeded(0, DIGITS)(x0), []
    for t in TIMES:
        level = model.schedule.level(t)
        with torch.no_grad():
            seen = denoise(level.alpha * x0 + level.sigma * eps, level)
        spread = log_variance(model.schedule, torch.full((DIGITS,), t), seen, "learned")
        found.append(spread.mean().item() / math.log(10))
    return found
