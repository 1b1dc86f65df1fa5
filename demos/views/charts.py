"""Numbers as SVG: pure functions, no figure window."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from core.schedules import Schedule


@dataclass(frozen=True)
class Curve:
    """One curve of a chart: its name, its class for colour and dashes, its values.

    The values stand at 0, 1, 2 ... of the horizontal axis, or at the places `at`; `ticks` are
    marked below it.
    """

    name: str
    tone: str
    values: Sequence[float]
    ticks: Sequence[int] = ()
    at: Sequence[float] = ()

    def points(self) -> list[tuple[float, float]]:
        """(place, value) of at most about 250 points."""
        points = list(zip(self.at or range(len(self.values)), self.values, strict=True))
        return [*points[:: max(1, len(points) // 250)], points[-1]]


@dataclass(frozen=True)
class Axes:
    """What the axes of a chart say.

    Attributes:
        title: what is drawn.
        unit: of the values.
        below: what the horizontal axis is.
        marks: its (place, words), the first at its left end and the last at its right end.
        logarithmic: the values are decimal logarithms.
    """

    title: str
    unit: str
    below: str
    marks: Sequence[tuple[float, str]]
    logarithmic: bool = False


QUANTITIES = {
    "alpha_bar": ("alpha-bar: alpha², the signal that is left", "1"),
    "log_snr": ("log-SNR: ln(alpha² / sigma²)", "nats"),
    "snr": ("SNR: alpha² / sigma²", "ratio, logarithmic axis"),
    "beta": ("beta: variance added by one step", "1, logarithmic axis"),
    "alpha": ("alpha: signal scale", "1"),
    "sigma": ("sigma: noise scale", "1"),
    "posterior_variance": ("posterior variance: of one step back", "1, logarithmic axis"),
}
LOGARITHMIC = ("snr", "beta", "posterior_variance")
WIDTH, HEIGHT = 560, 400
LEFT, RIGHT, TOP, BOTTOM = 66, 14, 46, 74


def values_of(schedule: Schedule, quantity: str) -> list[float]:
    """A quantity of a schedule over t, as it is drawn: log10 where the axis is logarithmic."""
    values = getattr(schedule, quantity)
    if quantity in LOGARITHMIC:
        values = values.clamp(min=1e-12).log10()
    return values.clamp(-30, 1e4).tolist()


def over_time(curves: Sequence[Curve], quantity: str) -> str:
    """The chart of a quantity of schedules over the timestep t."""
    title, unit = QUANTITIES[quantity]
    last = max(len(curve.values) for curve in curves) - 1
    marks = [min(t, last) for t in range(0, last + 2, max(1, (last + 1) // 4))]
    below = "timestep t (0 clean, right noise)"
    named = [(t, str(t)) for t in marks]
    return chart(curves, Axes(title, unit, below, named, quantity in LOGARITHMIC))


def chart(curves: Sequence[Curve], axes: Axes) -> str:
    """The curves as an SVG with axes, units, legend, ticks and a playhead."""
    low, high = _range(curves)
    y_ticks = _nice(low, high)
    low, high = min(low, y_ticks[0]), max(high, y_ticks[-1])
    first, last = axes.marks[0][0], axes.marks[-1][0]

    def x_of(place: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (place - first) / (last - first)

    def y_of(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low)

    parts = [_axes(axes, y_ticks, x_of, y_of), _titles(axes)]
    starts = itertools.accumulate([LEFT, *(44 + 9 * len(curve.name) for curve in curves)])
    for index, (curve, start) in enumerate(zip(curves, starts, strict=False)):
        parts += [_line(curve, x_of, y_of), _visits(curve, index, x_of), _legend(curve, start)]
    said = escape(f"{axes.title}, over the {axes.below}")
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" data-x0="{LEFT}" '
        f'data-x1="{WIDTH - RIGHT}" role="img" aria-label="{said}">'
        f"{''.join(parts)}"
        f'<line class="chart-playhead" x1="{LEFT}" x2="{LEFT}" y1="{TOP}" '
        f'y2="{HEIGHT - BOTTOM}"/></svg>'
    )


def _range(curves: Sequence[Curve]) -> tuple[float, float]:
    values = [value for curve in curves for value in curve.values]
    low, high = min(values), max(values)
    return (low - 0.5, high + 0.5) if high - low < 1e-9 else (low, high)


def _nice(low: float, high: float) -> list[float]:
    """Four to eight round tick values that cover the range."""
    raw = (high - low) / 5
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * index for index in range(first, last + 1)]


def _axes(axes: Axes, y_ticks, x_of, y_of) -> str:
    parts = []
    for value in y_ticks:
        power = f"10<tspan dy='-6' font-size='11'>{value:g}</tspan>"
        y, right = y_of(value), WIDTH - RIGHT
        parts.append(
            f'<line class="chart-grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 8}" y="{y + 5:.1f}" text-anchor="end">'
            f"{power if axes.logarithmic else f'{value:g}'}</text>"
        )
    for place, words in axes.marks:
        anchor = "end" if place == axes.marks[-1][0] and len(words) > 4 else "middle"
        parts.append(
            f'<text x="{x_of(place):.1f}" y="{HEIGHT - BOTTOM + 36}" text-anchor="{anchor}">'
            f"{escape(words)}</text>"
        )
    return "".join(parts)


def _titles(axes: Axes) -> str:
    middle = (WIDTH + LEFT - RIGHT) / 2
    return (
        f'<text class="chart-title" x="{LEFT}" y="18">{escape(axes.title)} '
        f"[{escape(axes.unit)}]</text>"
        f'<text x="{middle}" y="{HEIGHT - 16}" text-anchor="middle">{escape(axes.below)}</text>'
    )


def _line(curve: Curve, x_of, y_of) -> str:
    points = " ".join(f"{x_of(place):.1f},{y_of(value):.1f}" for place, value in curve.points())
    return f'<polyline class="chart-curve {curve.tone}" points="{points}"/>'


def _visits(curve: Curve, index: int, x_of) -> str:
    y = HEIGHT - BOTTOM + 4 + 9 * index
    return "".join(
        f'<line class="chart-visit {curve.tone}" x1="{x_of(t):.1f}" x2="{x_of(t):.1f}" '
        f'y1="{y}" y2="{y + 7}"/>'
        for t in curve.ticks
    )


def _legend(curve: Curve, x: float) -> str:
    return (
        f'<line class="chart-curve {curve.tone}" x1="{x}" x2="{x + 26}" y1="34" y2="34"/>'
        f'<text x="{x + 32}" y="39">{escape(curve.name)}</text>'
    )
