"""One digit noised by two schedules: the tape of their curves, and a frame for each level."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from core.data import signed
from core.images import pixels_uri
from core.schedules import Level, Schedule
from core.tapes import Axis, Frame, Panel, Say, Tape, later
from demos.runs.stream import Shown, streamed
from demos.schedules.learned import SHARE, share_curves
from demos.schedules.live import digit_of, noise_of
from demos.schedules.request import SIDES, ScheduleRequest, exploding
from demos.views.charts import curves_of, over_time
from demos.views.numbers import noise_power
from demos.words import said

FRAMES = 33
NUMBERS = {
    "first": ("first_alpha", "first_sigma", "first_log_snr"),
    "second": ("second_alpha", "second_sigma", "second_log_snr"),
}
MOST = 100  # visited timesteps that can be told apart below the chart


def message(request: ScheduleRequest) -> dict[str, Any]:
    """The whole comparison as one message."""
    *_, (sent, _) = streamed(run(request))
    assert sent is not None
    return sent


def run(request: ScheduleRequest) -> Iterator[Shown]:
    """The digit at every level of the timeline, noised by both schedules with one eps."""
    x0 = signed(digit_of(request.digit))
    eps = noise_of(x0)
    yield tape_of(request, x0)
    alike = same(*request.pair)
    last = len(request.pair[0]) - 1
    for index in range(FRAMES):
        yield frame_at(request, round(index * last / (FRAMES - 1)), x0, eps, alike)


def tape_of(request: ScheduleRequest, x0: Tensor) -> Tape:
    """The tape, empty, with the chart of both schedules."""
    names, pair = request.called_on_stage(), request.pair
    last = len(pair[0]) - 1
    visited = [each.timesteps(request.steps, request.spacing) for each in pair]
    shown = request.shown()
    if shown == SHARE:
        curves = [*share_curves(request)]
    else:
        drawn = [
            curves_of(each, shown, name, side, ticks if len(ticks) <= MOST else ())
            for name, side, each, ticks in zip(names, SIDES, pair, visited, strict=True)
        ]
        curves = [curve for both in zip(*drawn, strict=True) for curve in both]
    return Tape(
        request=request.settings(),
        title=request.title(),
        panels=tuple(
            Panel(side, "xₜ", captioned(name, each), side)
            for side, name, each in zip(SIDES, names, pair, strict=True)
        ),
        total=FRAMES,
        axis=Axis(
            name=said("schedule.axis"),
            curve=[behind(each, x0) for each in pair],
            curve_name=said("axis.signal"),
            ends=("t = 0", f"t = {last}"),
            ticks=[t / last for t in visited[0]],
        ),
        chart=over_time(curves, shown, still_note(request), last),
        keep="schedule",
        start=FRAMES // 3,
        event=request.event,
    )


def still_note(request: ScheduleRequest) -> Say | None:
    """Why another quantity is drawn than the chosen one; None where it is not."""
    still = request.still()
    if still is None:
        return None
    quantity = said(f"quantity.option.{request.quantity}")
    return said("schedule.still", quantity=quantity, schedule=still)


def frame_at(request: ScheduleRequest, t: int, x0: Tensor, eps: Tensor, alike: bool) -> Frame:
    """The digit at timestep t of both schedules."""
    levels = [each.level(t) for each in request.pair]
    first, second = request.called_on_stage()
    values = {"t": t, "first": first, "second": second}
    values |= {
        f"{side}_noise": noise_power(lv, x0) for side, lv in zip(SIDES, levels, strict=True)
    }
    numbers = {"t": float(t)}
    for side, level in zip(SIDES, levels, strict=True):
        measured = level.alpha, level.sigma, level.log_snr
        numbers |= dict(zip(NUMBERS[side], measured, strict=True))
    place = t / (len(request.pair[0]) - 1)
    return Frame(
        pictures={
            side: later(pixels_uri, noised(x0, eps, level))
            for side, level in zip(SIDES, levels, strict=True)
        },
        say=said("schedule.frame.same" if alike else "schedule.frame", **values),
        pos=place,
        chart_x=place,
        numbers=numbers,
    )


def captioned(name: Say, schedule: Schedule) -> Say:
    """The title of a panel: whether what is shown had to be scaled."""
    return said("schedule.panel.scaled", name=name) if exploding(schedule) else name


def same(one: Schedule, other: Schedule) -> bool:
    """Whether two schedules hold the same signal and noise at every timestep."""
    return torch.allclose(one.alpha, other.alpha) and torch.allclose(one.sigma, other.sigma)


def behind(schedule: Schedule, x0: Tensor) -> list[tuple[float, float]]:
    """The share of the power that is signal over t, as the curve behind the timeline."""
    last = len(schedule) - 1
    grid = range(0, last + 1, 27)
    return [(t / last, 1 - noise_power(schedule.level(t), x0)) for t in grid]


def noised(x0: Tensor, eps: Tensor, level: Level) -> Tensor:
    """alpha x0 + sigma eps, scaled to unit variance, as pixels in [0, 1]."""
    scale = (level.alpha**2 + level.sigma**2) ** 0.5
    return ((level.alpha * x0 + level.sigma * eps) / scale + 1) / 2
