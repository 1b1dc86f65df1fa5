"""Numbers as SVG: pure functions, no figure window. Every text can be said in any language.

A chart is small in its own units, so that its text has 14 px and more where it is shown: on a
phone it is about 330 px wide, beside two pictures about 390 px wide and 250 px high at least.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from core.schedules import Schedule
from core.tapes import Say
from demos.views.html import saying, spoken
from demos.words import LANGUAGES, said, sentence

QUANTITIES = (
    "alpha_bar",
    "log_snr",
    "snr",
    "beta",
    "alpha",
    "sigma",
    "scales",
    "posterior_variance",
    "posterior_share",
    "posterior_x0",
    "posterior_x_t",
    "loss_weight",
)
PARTS = {"scales": ("alpha", "sigma")}  # quantities that one chart shows together
LOGARITHMIC = ("snr", "beta", "posterior_variance", "loss_weight")
UNITS = {"log_snr": "chart.unit.nats"} | dict.fromkeys(LOGARITHMIC, "chart.unit.logarithmic")
WIDTH, HEIGHT = 340, 270
LEFT, RIGHT, BOTTOM = 50, 14, 64
LINE, FONT = 19, 15  # between two lines of text; its size, as in charts.css
WIDE = 0x2E80  # from this character on they are as wide as high
LEVELS: Sequence[tuple[float, Say]] = (  # marks of an axis of log-SNR, as `numbers.place` has it
    (0.0, said("axis.clean")),
    (0.25, "5.1"),
    (0.5, "0"),
    (0.75, "−5.1"),
    (1.0, said("axis.noise")),
)
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Place = Callable[[float], float]


@dataclass(frozen=True)
class Curve:
    """One curve of a chart: its name, its class for colour and dashes, its values.

    The values stand at 0, 1, 2 ... of the horizontal axis, or at the places `at`; `ticks` are
    marked below it.
    """

    name: Say
    tone: str
    values: Sequence[float]
    ticks: Sequence[int] = ()
    at: Sequence[float] = ()

    def points(self) -> list[tuple[float, float]]:
        """(place, value) of at most about 250 points, of those that are finite."""
        places = zip(self.at or range(len(self.values)), self.values, strict=True)
        points = [(place, value) for place, value in places if math.isfinite(value)]
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
        note: a line below the title.
    """

    title: Say
    unit: Say
    below: Say
    marks: Sequence[tuple[float, Say]]
    logarithmic: bool = False
    note: Say = ""

    def headline(self) -> Say:
        """What is drawn and its unit."""
        return said("chart.title", title=self.title, unit=self.unit)


def values_of(schedule: Schedule, quantity: str) -> list[float]:
    """A quantity of a schedule over t, as it is drawn: log10 where the axis is logarithmic.

    What has no logarithm is infinite, and not drawn.
    """
    values = getattr(schedule, quantity)
    return (values.log10() if quantity in LOGARITHMIC else values).tolist()


def curves_of(
    schedule: Schedule, quantity: str, name: Say, tone: str, ticks: Sequence[int] = ()
) -> list[Curve]:
    """The curves of a quantity of a schedule over t; of several parts, the first has the ticks."""
    if quantity not in PARTS:
        return [Curve(name, tone, values_of(schedule, quantity), ticks)]
    return [
        Curve(
            said("chart.part", name=name, part=said(f"quantity.option.{part}")),
            f"{tone} chart-thin" if place else tone,
            values_of(schedule, part),
            () if place else ticks,
        )
        for place, part in enumerate(PARTS[quantity])
    ]


def over_time(
    curves: Sequence[Curve], quantity: str, note: Say | None = None, last: int | None = None
) -> str:
    """The chart of a quantity of schedules over the timestep t.

    The line below its title is what the quantity means, or a note; `last` is the last timestep,
    where no curve has them all.
    """
    last = last or max(len(curve.values) for curve in curves) - 1
    marks = [min(t, last) for t in range(0, last + 2, max(1, (last + 1) // 4))]
    axes = Axes(
        title=said(f"quantity.option.{quantity}"),
        unit=said(UNITS[quantity]) if quantity in UNITS else "1",
        below=said("chart.timestep"),
        marks=[(t, str(t)) for t in marks],
        logarithmic=quantity in LOGARITHMIC,
        note=note or said(f"chart.{quantity}"),
    )
    return chart(curves, axes)


def chart(curves: Sequence[Curve], axes: Axes) -> str:
    """The curves as an SVG with axes, units, legend, ticks and a playhead."""
    legend = list(_legend_places(curves))
    lines = 1 + bool(axes.note) + legend[-1][1] + 1
    top = LINE * lines + 10
    low, high = _range(curves)
    y_ticks = _nice(low, high, axes.logarithmic)
    low, high = min(low, y_ticks[0]), max(high, y_ticks[-1])
    first, last = axes.marks[0][0], axes.marks[-1][0]

    def x_of(place: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (place - first) / (last - first)

    def y_of(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - top - BOTTOM) * (value - low) / (high - low)

    parts = [_axes(axes, y_ticks, x_of, y_of), _titles(axes)]
    for index, (curve, (x, row)) in enumerate(zip(curves, legend, strict=True)):
        y = LINE * (1 + bool(axes.note) + row + 1) - 4
        parts += [_line(curve, x_of, y_of), _visits(curve, index, x_of), _legend(curve, x, y)]
    label = saying(said("chart.label", title=axes.title, below=axes.below), "aria-label")
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" data-x0="{LEFT}" '
        f'data-x1="{WIDTH - RIGHT}" data-y0="{HEIGHT - BOTTOM}" data-y1="{top}" '
        f'data-low="{low}" data-high="{high}" role="img"{label}>'
        f"{''.join(parts)}"
        f'<line class="chart-playhead" x1="{LEFT}" x2="{LEFT}" y1="{top}" '
        f'y2="{HEIGHT - BOTTOM}"/></svg>'
    )


def width(say: Say) -> float:
    """About how wide a text is, in the language in which it is wider."""
    texts = (sentence(say, language) for language in LANGUAGES)
    return max(sum(FONT if ord(c) >= WIDE else 0.52 * FONT for c in text) for text in texts)


def _range(curves: Sequence[Curve]) -> tuple[float, float]:
    values = [value for curve in curves for value in curve.values if math.isfinite(value)]
    low, high = min(values), max(values)
    return (low - 0.5, high + 0.5) if high - low < 1e-9 else (low, high)


def _nice(low: float, high: float, logarithmic: bool = False) -> list[float]:
    """Three to eight round tick values that cover the range; whole ones of logarithms."""
    raw = (high - low) / 4
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw)
    step = math.ceil(step) if logarithmic else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * index for index in range(first, last + 1)]


def _axes(axes: Axes, y_ticks: Sequence[float], x_of: Place, y_of: Place) -> str:
    parts = []
    for value in y_ticks:
        number = f"{value:g}".replace("-", "−")
        if axes.logarithmic:
            number = "10" + f"{value:g}".translate(SUPERSCRIPT)
        y, right = y_of(value), WIDTH - RIGHT
        parts.append(
            f'<line class="chart-grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            + _text(number, LEFT - 6, y + 5, "end")
        )
    for place, words in axes.marks:
        ends = place == axes.marks[-1][0] and width(words) > 2 * RIGHT
        x = x_of(place) + RIGHT if ends else x_of(place)
        parts.append(_text(words, x, HEIGHT - BOTTOM + 36, "end" if ends else "middle"))
    return "".join(parts)


def _titles(axes: Axes) -> str:
    middle = (WIDTH + LEFT - RIGHT) / 2
    parts = [_text(axes.headline(), 4, LINE - 4, class_="chart-title")]
    if axes.note:
        parts.append(_text(axes.note, 4, 2 * LINE - 4))
    return "".join([*parts, _text(axes.below, middle, HEIGHT - 8, "middle")])


def _line(curve: Curve, x_of: Place, y_of: Place) -> str:
    points = " ".join(f"{x_of(place):.1f},{y_of(value):.1f}" for place, value in curve.points())
    return f'<polyline class="chart-curve {curve.tone}" points="{points}"/>'


def _visits(curve: Curve, index: int, x_of: Place) -> str:
    y = HEIGHT - BOTTOM + 4 + 9 * index
    return "".join(
        f'<line class="chart-visit {curve.tone}" x1="{x_of(t):.1f}" x2="{x_of(t):.1f}" '
        f'y1="{y}" y2="{y + 7}"/>'
        for t in curve.ticks
    )


def _legend_places(curves: Sequence[Curve]) -> Iterator[tuple[float, int]]:
    """Where each name stands: (x, row); a row ends where the next name would not fit."""
    x, row = 4.0, 0
    for curve in curves:
        needed = 32 + width(curve.name)
        if x > 4 and x + needed > WIDTH:
            x, row = 4.0, row + 1
        yield x, row
        x += needed + 14


def _legend(curve: Curve, x: float, y: float) -> str:
    line = f'x1="{x:.1f}" x2="{x + 26:.1f}" y1="{y - 5}" y2="{y - 5}"'
    return f'<line class="chart-curve {curve.tone}" {line}/>' + _text(curve.name, x + 32, y)


def _text(say: Say, x: float, y: float, anchor: str = "start", **more: str) -> str:
    """A text of the chart; a number is the same in every language, and is not said again."""
    given = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, **more}
    if isinstance(say, str):
        return f"<text{_attributes(given)}>{escape(say)}</text>"
    return spoken(say, "text", **given)


def _attributes(given: dict[str, str]) -> str:
    return "".join(f' {name.rstrip("_")}="{escape(value)}"' for name, value in given.items())
