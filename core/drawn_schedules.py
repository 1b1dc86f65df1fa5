"""Schedules through points that were set by hand, on alpha-bar or on log-SNR.

Time is u = t / (T - 1), from 0 (least noisy) to 1. A drawing is a quantity and its points, and as
text it is `alpha_bar: 0 0.9999, 0.5 0.5, 1 0.0001`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from core.checks import said, whole
from core.schedules import SCHEDULES, Schedule

Point = tuple[float, float]


@dataclass(frozen=True)
class Quantity:
    """What is drawn: its range, and by how much each point has to be below the one before it."""

    low: float
    high: float
    fall: float


# alpha_bar 0 is noise alone; 1 would be a schedule without noise. log-SNR of 0.999999 is 13.8.
DRAWABLE = {"alpha_bar": Quantity(0.0, 0.999999, 1e-6), "log_snr": Quantity(-20.0, 13.8, 0.01)}
DRAWN = "drawn"  # its name among the schedules
LONGEST = 400  # characters of a drawing as text
FEWEST, MOST = 2, 12  # points of a drawing
APART = 0.001  # of the time, between two points
TOLERANCE = 5e-3  # of alpha_bar, to which points are placed on a curve, where 12 are enough
START = "alpha_bar: 0 0.9999, 0.25 0.6, 0.5 0.5, 0.75 0.4, 1 0.0001"


def drawn(timesteps: int = 1000, points: str = START) -> Schedule:
    """The variance-preserving schedule through the points of a drawing.

    Between the points it is the monotone cubic of `monotone`, so that noise grows at every
    timestep. ValueError, one sentence, for a text or for points that are no drawing, see `parsed`.
    """
    quantity, given = parsed(points)
    total = whole(timesteps, "timesteps", 2, 10_000)
    values = monotone(given, torch.linspace(0, 1, total, dtype=torch.float64))
    if quantity == "log_snr":
        return Schedule(values.sigmoid().sqrt(), (-values).sigmoid().sqrt())
    return Schedule(values.sqrt(), (1 - values).sqrt())


def monotone(points: Sequence[Point], at: Tensor) -> Tensor:
    """The cubic Hermite interpolation of points (u, y) that falls and rises only as they do.

    On each interval, with s = (u - u_i) / h_i and the slopes m of `slopes`:
    y = (1 + 2s)(1 - s)^2 y_i + s^2 (3 - 2s) y_(i+1) + h_i s (1 - s) ((1 - s) m_i - s m_(i+1)).
    Fritsch & Carlson 1980, https://doi.org/10.1137/0717021.

    `at` is float64 of any shape, within the times of the points; the values have its shape.
    """
    u, y = torch.tensor(points, dtype=torch.float64).T.contiguous()
    h = u.diff()
    m = torch.tensor(slopes(h.tolist(), (y.diff() / h).tolist()), dtype=torch.float64)
    i = (torch.searchsorted(u, at, right=True) - 1).clamp(0, len(h) - 1)
    s = (at - u[i]) / h[i]
    ends = (1 + 2 * s) * (1 - s) ** 2 * y[i] + s**2 * (3 - 2 * s) * y[i + 1]
    return ends + h[i] * s * (1 - s) * ((1 - s) * m[i] - s * m[i + 1])


def slopes(h: Sequence[float], d: Sequence[float]) -> list[float]:
    """The slope at each point, from the widths h and the secants d of the intervals.

    Inside, the weighted harmonic mean of the secants on both sides, 0 where they differ in sign:
    (w1 + w2) / (w1 / d_(i-1) + w2 / d_i), w1 = 2 h_i + h_(i-1), w2 = h_i + 2 h_(i-1).
    Fritsch & Butland 1984, https://doi.org/10.1137/0905021. At the ends the parabola through three
    points, held within 0..3 d.
    """
    if len(d) == 1:
        return [d[0], d[0]]
    inside = []
    for (h0, h1), (d0, d1) in zip(pairwise(h), pairwise(d), strict=True):
        w0, w1 = 2 * h1 + h0, h1 + 2 * h0
        inside.append((w0 + w1) / (w0 / d0 + w1 / d1) if d0 * d1 > 0 else 0.0)
    return [_end(h[0], h[1], d[0], d[1]), *inside, _end(h[-1], h[-2], d[-1], d[-2])]


def _end(h0: float, h1: float, d0: float, d1: float) -> float:
    share = ((2 * h0 + h1) - h0 * d1 / d0) / (h0 + h1) if d0 else 0.0
    return d0 * min(max(share, 0.0), 3.0)


def parsed(text: str) -> tuple[str, list[Point]]:
    """The quantity and the points of a drawing that is written as text.

    ValueError, one sentence, for another text, and where there are not 2..12 points, the times
    do not rise from 0 to 1, or the values do not fall within the range of their quantity.
    """
    quantity, _, rest = text.partition(":") if isinstance(text, str) else ("", "", "")
    quantity = quantity.strip()
    if quantity not in DRAWABLE:
        names = " or ".join(DRAWABLE)
        raise ValueError(f"a drawing begins with {names} and a colon, got {said(text)}")
    points = [_point(each) for each in rest.split(",")]
    _check(quantity, points)
    return quantity, points


def _point(text: str) -> Point:
    try:
        u, y = (float(each) for each in text.split())
    except ValueError:
        raise ValueError(f"a point is two numbers, a time and a value, got {said(text)}") from None
    return u, y


def _check(quantity: str, points: Sequence[Point]) -> None:
    kind = DRAWABLE[quantity]
    if not FEWEST <= len(points) <= MOST:
        raise ValueError(f"a drawing has {FEWEST}..{MOST} points, got {len(points)}")
    if points[0][0] != 0 or points[-1][0] != 1:
        raise ValueError("the first point is at time 0 and the last at time 1")
    for (u0, y0), (u1, y1) in pairwise(points):
        if not u1 - u0 >= APART * (1 - 1e-9):  # also refuses NaN
            raise ValueError(f"times rise by {APART} at least, got {u0:g} and then {u1:g}")
        if not y0 - y1 >= kind.fall * (1 - 1e-9):
            raise ValueError(f"{quantity} falls by {kind.fall:g} at least, got {y0:g}, {y1:g}")
    if not (points[-1][1] >= kind.low and points[0][1] <= kind.high):
        raise ValueError(f"{quantity} is drawn within {kind.low:g}..{kind.high:g}")


def written(quantity: str, points: Sequence[Point]) -> str:
    """A drawing as text, its times to 4 digits and its values to 6."""
    return f"{quantity}: " + ", ".join(f"{u:.4g} {y:.6g}" for u, y in points)


def placed(schedule: Schedule) -> tuple[str, float]:
    """A drawing of a schedule's alpha_bar, and the largest difference of the two.

    The points lie evenly along the curve, by |du| + |dy| of axes of length 1; as many as it takes
    to come within TOLERANCE, 12 at most. Where variance is not preserved, alpha_bar is that of
    the same SNR, SNR / (1 + SNR). ValueError for a schedule that falls too little to be drawn.
    """
    kind, total = DRAWABLE["alpha_bar"], len(schedule)
    power = schedule.alpha**2
    wanted = power / (power + schedule.sigma**2)
    curve = wanted.clamp(kind.low, kind.high)
    fall = float(curve[0] - curve[-1])
    if not fall >= kind.fall:
        raise ValueError(f"this schedule's alpha_bar falls by {fall:.3g}, too little to be drawn")
    along = torch.arange(total) / (total - 1) + (curve[0] - curve) / fall
    text, error = "", math.inf
    for count in range(FEWEST, MOST + 1):
        places = torch.searchsorted(along, torch.linspace(0, 2, count, dtype=torch.float64))
        chosen = _spread([min(int(t), total - 1) for t in places], curve, kind)
        text = written("alpha_bar", [(t / (total - 1), float(curve[t])) for t in chosen])
        error = float((drawn(total, text).alpha_bar - wanted).abs().max())
        if error <= TOLERANCE:
            break
    return text, error


def _spread(places: Sequence[int], curve: Tensor, kind: Quantity) -> list[int]:
    """The first, the last, and those between that keep their distance in time and in value."""
    last = len(curve) - 1
    kept = [0]
    for t in places[1:-1]:
        apart = min(t - kept[-1], last - t) >= 2 * APART * last
        if apart and min(curve[kept[-1]] - curve[t], curve[t] - curve[-1]) >= 2 * kind.fall:
            kept.append(t)
    return [*kept, last]


def falls(schedule: Schedule, steps: int, spacing: str = "trailing") -> list[float]:
    """By how much alpha_bar changes in each of N steps, from noisy to clean; in an even one, 1/N.

    ValueError as in `Schedule.levels`.
    """
    levels = schedule.levels(steps, spacing)
    return [after.alpha**2 - level.alpha**2 for level, after in pairwise(levels)]


def wasted(schedule: Schedule, steps: int, spacing: str = "trailing") -> int:
    """How many of N steps change alpha_bar by less than a tenth of an even step, 1 / (10 N).

    By this measure three tenths of the linear schedule's steps, of which Nichol & Dhariwal 2021,
    section 3.2, https://arxiv.org/abs/2102.09672, could leave out a fifth at little cost.
    """
    return sum(fall < 1 / (10 * steps) for fall in falls(schedule, steps, spacing))


SCHEDULES[DRAWN] = drawn
