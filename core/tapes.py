"""A run as it is shown, kept and sent: its panels, its frames, the tape that holds them.

The live stream, a recorded example, a file on disk and a comparison are one `Tape` seen from
several sides. A sentence is a `Say`: a key and its values, which a table of words makes into
text in the language of the reader.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

Say = str | list[Any]  # text as it is; [key, values]; or several of these, one after the other
Picture = str | Callable[[], str]  # a data URI, or what makes it when its frame is sent
Curve = Sequence[tuple[float, float]]  # places and heights in 0..1


def later(function: Callable[..., str], *args: Any) -> Picture:
    """A picture that is made when a frame with it is sent, once."""
    return cache(partial(function, *args))


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture of the stage.

    Attributes:
        key: names it within the frames of its run.
        symbol: what formulas call it, e.g. "x̂₀".
        title: what it is, in words.
        tone: "", "signal", "noise", "difference", "first" or "second": the hue of its border.
        phone: False hides the panel at phone width.
    """

    key: str
    symbol: str
    title: Say
    tone: str = ""
    phone: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What is shown at one moment of a run.

    Attributes:
        pictures: by key of their panel; one that is made later is made when the frame is sent.
        say: what happens here, in words that are made from numbers.
        pos: its place on the timeline, 0..1.
        chart_x: where the playhead crosses the chart, 0..1; None where it does not.
        numbers: what was measured, raw, by name.
        traces: what plots over the run draw of it, by name; a sequence is a spectrum.
        approximate: keys of the panels whose picture is an approximate preview.
        latents: what lies behind these, by key, to be decoded in full later.
        doubts: what to doubt in this frame, in words.
        picture: the model's name and the clean latents (1, C, H, W) as they are guessed here, for
            whoever goes on with them.
        thumb: key of the panel that the filmstrip shows; "" is that of the tape.
        contrast: how far apart its panels are; a finished run opens where it is largest.
        text: what `say` said in English when it was saved, for who knows its key no more.
    """

    pictures: Mapping[str, Picture]
    say: Say
    pos: float
    chart_x: float | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    traces: Mapping[str, float | Sequence[float]] = field(default_factory=dict)
    approximate: Sequence[str] = ()
    latents: Mapping[str, Tensor] = field(default_factory=dict)
    doubts: Sequence[Say] = ()
    picture: tuple[str, Tensor] | None = None
    thumb: str = ""
    contrast: float = 0.0
    text: str = ""

    def __post_init__(self) -> None:
        """ValueError for a place outside of the timeline or the chart."""
        for name, place in (("pos", self.pos), ("chart_x", self.chart_x)):
            if place is not None and not -1e-6 <= place <= 1 + 1e-6:  # nan is in no range
                raise ValueError(f"{name} must be in 0..1, got {place}")


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What the timeline of a run is.

    Attributes:
        name: of the axis, in words.
        curve: drawn behind it, or several of them; `curve_name` in words.
        ends: what lies at place 0 and at place 1.
        ticks: the places that the run visits.
    """

    name: Say = ""
    curve: Curve | Sequence[Curve] = ()
    curve_name: Say = ""
    ends: tuple[Say, Say] = ("", "")
    ticks: Sequence[float] = ()


@dataclass(frozen=True, kw_only=True)
class Tape:
    """A run: what was asked, how it is shown, and its frames as far as they are there.

    Attributes:
        request: the settings that repeat it.
        title: the run in a few words.
        panels: from left to right.
        total: frames of the finished run.
        axis: what the timeline is.
        strip: key of the panel that the filmstrip shows; "" is the first.
        chart: SVG that stands beside the panels.
        keep: what runs have in common that may keep the playhead where it was; None: nothing.
        start: index of the frame that a finished run opens at; None is the last.
        frames: in the order of the run.
        versions: of what made it.
        event: what was called, as in the API; "" is not known.
    """

    request: Mapping[str, Any]
    title: Say
    panels: tuple[Panel, ...]
    total: int
    axis: Axis = Axis()
    strip: str = ""
    chart: str = ""
    keep: str | None = None
    start: int | None = None
    frames: list[Frame] = field(default_factory=list)
    versions: Mapping[str, str] = field(default_factory=lambda: versions())
    event: str = ""

    def __post_init__(self) -> None:
        """ValueError for a tape without panels, with two of one key, or with a strip of none."""
        keys = [panel.key for panel in self.panels]
        if not keys or len(set(keys)) < len(keys):
            raise ValueError(f"a tape needs panels with different keys, got {keys}")
        if self.strip and self.strip not in keys:
            raise ValueError(f"strip must be one of {', '.join(keys)}, got {self.strip!r}")
        if self.total < 0:
            raise ValueError(f"total must be 0 or more, got {self.total}")

    def place(self, key: str) -> int:
        """The index of the panel with this key, 0 for ""."""
        return [panel.key for panel in self.panels].index(key) if key else 0

    def sent(self, i: int, frame: Frame) -> dict[str, Any]:
        """A frame as JSON, the i-th, its pictures as they are: made, or to be made later."""
        return {
            "i": i,
            "pictures": [frame.pictures[panel.key] for panel in self.panels],
            "say": frame.say,
            "pos": round(min(max(frame.pos, 0.0), 1.0), 5),
            "chart_x": None if frame.chart_x is None else round(frame.chart_x, 5),
            "numbers": {name: number(value) for name, value in frame.numbers.items()},
            **({"traces": _traced(frame.traces)} if frame.traces else {}),
            "doubts": list(frame.doubts),
            "approx": [self.place(key) for key in frame.approximate],
            "thumb": self.place(frame.thumb) if frame.thumb else None,
        }

    def head(self) -> dict[str, Any]:
        """All but the frames, as JSON."""
        return {
            "event": self.event,
            "total": self.total,
            "title": self.title,
            "settings": dict(self.request),
            "panels": [asdict(panel) for panel in self.panels],
            "axis_name": self.axis.name,
            "curve": _rounded(self.axis.curve),
            "curve_name": self.axis.curve_name,
            "ends": list(self.axis.ends),
            "ticks": [round(float(tick), 5) for tick in self.axis.ticks],
            "strip": self.place(self.strip),
            "chart": self.chart,
            "keep": self.keep,
            "start": self.start,
            "versions": dict(self.versions),
        }

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Tape:
        """The tape of a `head` and its `frames` as JSON; ValueError where they do not fit.

        Of what came from elsewhere the types are checked before, see `core.tape_checks`.
        """
        panels = tuple(Panel(**_named(Panel, panel)) for panel in found["panels"])
        return cls(
            request=found["settings"],
            title=found["title"],
            panels=panels,
            total=found["total"],
            axis=Axis(
                name=found["axis_name"],
                curve=found["curve"],
                curve_name=found["curve_name"],
                ends=tuple(found["ends"]),
                ticks=found["ticks"],
            ),
            strip=panels[found["strip"]].key,
            chart=found["chart"],
            keep=found.get("keep"),
            start=found.get("start"),
            frames=[_frame(panels, i, each) for i, each in enumerate(found["frames"])],
            versions=found.get("versions", {}),
            event=found.get("event", ""),
        )


def versions() -> dict[str, str]:
    """What makes the runs of this machine."""
    return {"python": platform.python_version(), "torch": str(torch.__version__)}


def number(value: float) -> float | str:
    """A number as JSON has it, to five digits: infinity and what is no number are text there."""
    if math.isnan(value):
        return "nan"
    rounded = float(f"{value:.5g}")  # the largest numbers become infinite by it
    if math.isinf(rounded):
        return "inf" if value > 0 else "-inf"
    return rounded


def _traced(traces: Mapping[str, float | Sequence[float]]) -> dict[str, Any]:
    """Traces as JSON; of a spectrum three digits are below a pixel."""
    return {
        name: [float(f"{each:.3g}") for each in value]
        if isinstance(value, Sequence)
        else number(value)
        for name, value in traces.items()
    }


def _trace(sent: Any) -> float | list[float]:
    return [float(each) for each in sent] if isinstance(sent, list) else float(sent)


def _rounded(curve: Sequence) -> list:
    """One curve, or each of a list of curves, to four digits: that is below a pixel."""
    if len(curve) and hasattr(curve[0][0], "__len__"):
        return [_rounded(one) for one in curve]
    return [[round(float(pos), 4), round(float(height), 4)] for pos, height in curve]


def _named(kind: Any, found: Mapping[str, Any]) -> dict[str, Any]:
    """What a dataclass has a field for."""
    return {each.name: found[each.name] for each in fields(kind) if each.name in found}


def _frame(panels: Sequence[Panel], i: int, sent: Mapping[str, Any]) -> Frame:
    keys = [panel.key for panel in panels]
    pictures, thumb = sent["pictures"], sent.get("thumb")
    if len(pictures) != len(keys):
        raise ValueError(f"frame {i} has not one picture per panel")
    if sent["i"] != i:
        raise ValueError(f"frame {i} is not in its place")
    return Frame(
        pictures=dict(zip(keys, pictures, strict=True)),
        say=sent["say"],
        pos=sent["pos"],
        chart_x=sent.get("chart_x"),
        numbers={name: float(value) for name, value in sent.get("numbers", {}).items()},
        traces={name: _trace(each) for name, each in sent.get("traces", {}).items()},
        approximate=[keys[k] for k in sent.get("approx", ())],
        doubts=sent.get("doubts", []),
        thumb="" if thumb is None else keys[thumb],
        text=sent.get("text", ""),
    )
