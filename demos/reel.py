"""One run as small messages: what the server sends while it computes, and the whole at the end."""

import json
import math
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from itertools import pairwise
from typing import Any

PERIOD = 1 / 8  # seconds between two messages: each costs as much as several pictures
HEADS = 8  # messages that describe the run: a busy page may never see the first ones

Picture = str | Callable[[], str]  # a data URI, or what makes it when its frame is sent


def later(function: Callable[..., str], *args: Any) -> Picture:
    """A picture that is made when a frame with it is sent, once."""
    return cache(partial(function, *args))


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture of the stage: its symbol, its words and its hue.

    Attributes:
        symbol: What formulas call it, e.g. "x̂₀".
        title: What it is, in words.
        tone: "", "signal", "noise" or "difference": the hue of border and caption.
        phone: False hides the panel at phone width.
    """

    symbol: str
    title: str
    tone: str = ""
    phone: bool = True


class Reel:
    """The frames of one run, and which of them the browser has not had yet."""

    def __init__(
        self,
        panels: Sequence[Panel],
        *,
        total: int,
        title: str = "",
        settings: dict | None = None,
        curve: Sequence = (),
        ticks: Sequence[float] = (),
        ends: Sequence[str] = ("clean", "noise"),
        chart: str = "",
        keep: str | None = None,
        strip: int = 0,
        start: int | None = None,
    ):
        """Starts an empty run with a new id.

        Args:
            panels: What the pictures of each frame are, from left to right.
            total: Frames the finished run will have, for the progress display.
            title: A few words that name the run.
            settings: What repeats the run; the learner can copy it as JSON.
            curve: (pos, height) pairs in [0, 1] drawn behind the track, or a list of such curves.
            ticks: Places on the timeline that the run will visit.
            ends: Words under the left (pos 0) and the right end (pos 1) of the track.
            chart: SVG made by this server. Its root has class "chart" and data-x0, data-x1, the
                plot area in viewBox units; a `<line class="chart-playhead">` follows `chart_x`.
            keep: Names what runs have in common: the playhead stays where the learner had it
                when the run before has the same `keep`, or none.
            strip: Index of the panel that the filmstrip shows.
            start: Index of the frame that a complete run opens at; None is the last.

        Raises:
            ValueError: No panels, a total below 0, or a strip that is no panel.
        """
        if not panels:
            raise ValueError("a reel needs at least one panel, got none")
        if total < 0:
            raise ValueError(f"total must be 0 or more, got {total}")
        if not 0 <= strip < len(panels):
            raise ValueError(f"strip must be in 0..{len(panels) - 1}, got {strip}")
        self._run = uuid.uuid4().hex[:12]
        self._frames: list[dict[str, Any]] = []
        self._sent = self._messages = 0
        self._last: float | None = None
        self._panels = len(panels)
        self._head = {
            "total": total,
            "title": title,
            "settings": dict(settings or {}),
            "panels": [asdict(panel) for panel in panels],
            "curve": _points(curve),
            "ticks": [round(float(tick), 5) for tick in ticks],
            "ends": list(ends),
            "chart": chart,
            "keep": keep,
            "strip": strip,
            "start": start,
        }

    def __len__(self) -> int:
        return len(self._frames)

    def add(
        self,
        pictures: Sequence[Picture],
        text: str,
        *,
        pos: float,
        facts: Sequence[tuple[str, str]] = (),
        chart_x: float | None = None,
        warn: str = "",
        thumb: int | None = None,
        approx: Sequence[int] = (),
    ) -> None:
        """Appends one frame.

        Args:
            pictures: One per panel. A function is called when the frame is sent: several pictures
                in a row take half the time that each takes between two network calls.
            text: The numbers of the frame as a plain sentence: caption and alt text.
            pos: Place on the timeline in [0, 1], 0 = clean = left.
            facts: (name, value) pairs, shown as they are.
            chart_x: Where the playhead crosses the chart, in [0, 1] of the plot area.
            warn: What the learner should doubt in this frame.
            thumb: Index of the panel that the filmstrip shows of this frame; None is `strip`.
            approx: Indices of the panels whose picture is an approximate preview.

        Raises:
            ValueError: Not one picture per panel, or a place outside [0, 1].
        """
        if len(pictures) != self._panels:
            raise ValueError(f"a frame needs {self._panels} pictures, got {len(pictures)}")
        frame = {
            "i": len(self._frames),
            "pictures": list(pictures),
            "text": text,
            "pos": _place(pos, "pos"),
            "facts": [[str(name), str(value)] for name, value in facts],
            "chart_x": None if chart_x is None else _place(chart_x, "chart_x"),
            "warn": warn,
            "thumb": thumb,
            "approx": list(approx),
        }
        self._frames.append(frame)

    def copy(self, frame: dict[str, Any]) -> None:
        """Appends a frame of an earlier run, as `whole` gave it."""
        self._frames.append({**frame, "i": len(self._frames)})

    @property
    def run(self) -> str:
        """The id of the run."""
        return self._run

    def due(self) -> bool:
        """True when the next message may leave: at most 8 a second, the first at once."""
        return self._last is None or time.monotonic() - self._last >= PERIOD

    def message(self) -> dict:
        """The frames since the last message; the first ones also describe the run."""
        self._messages += 1
        head = self._head if self._messages <= HEADS else {}
        return self._send(head, self._frames[self._sent :], "running")

    def whole(self, status: str = "done") -> dict:
        """Everything at once: complete in a tab that was opened late, and the shape of a tape."""
        return self._send(self._head, list(self._frames), status)

    def _send(self, head: dict, frames: list[dict], status: str) -> dict:
        new = [frame["pictures"] for frame in self._frames[self._sent :]]
        for panel in range(self._panels):  # one kind of picture after the other: faster
            for pictures in new:
                if callable(pictures[panel]):
                    pictures[panel] = pictures[panel]()
        self._sent, self._last = len(self._frames), time.monotonic()
        return {"run": self._run, "status": status, **head, "frames": frames}


def as_text(message: dict) -> str:
    """The message as JSON text; each picture once while frame after frame shows it.

    Gradio walks several times through all that is nested in a value, on the one event loop that
    all learners share; it hands text on as it is.
    """
    return json.dumps(compact(message), ensure_ascii=False, separators=(",", ":"))


def compact(message: dict) -> dict:
    """The message with None for every picture that is that of the frame before it.

    The first frame of a message is complete.
    """
    frames = message["frames"][:1]
    for before, after in pairwise(message["frames"]):
        pairs = zip(before["pictures"], after["pictures"], strict=True)
        frames.append({**after, "pictures": [None if old == new else new for old, new in pairs]})
    return {**message, "frames": frames}


def refined(message: dict, frame: int, pictures: dict[int, str]) -> dict:
    """The message that replaces approximate pictures of one frame of a finished run.

    Args:
        message: What `Reel.whole` gave.
        frame: Index of the frame.
        pictures: Data URIs by index of their panel.
    """
    before = message["frames"][frame]
    after = [pictures.get(k, picture) for k, picture in enumerate(before["pictures"])]
    approx = [k for k in before["approx"] if k not in pictures]
    changed = {**before, "pictures": after, "approx": approx}
    return {
        "run": message["run"],
        "status": message["status"],
        "refined": True,  # of no use to a player that shows another run by now
        "frames": [changed],
    }


def _place(value: float, name: str) -> float:
    # Log-SNR scaled to [0, 1] misses the ends by a rounding error.
    if not math.isfinite(value) or not -1e-6 <= value <= 1 + 1e-6:
        raise ValueError(f"{name} must be in 0..1, got {value}")
    return min(max(round(float(value), 5), 0.0), 1.0)


def _points(curve: Sequence) -> list:
    """Rounds one curve, or each of a list of curves: four digits are below a pixel."""
    if len(curve) and hasattr(curve[0][0], "__len__"):
        return [_points(one) for one in curve]
    return [[round(float(pos), 4), round(float(height), 4)] for pos, height in curve]
