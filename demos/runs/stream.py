"""A run as messages: what the server sends while it computes, and the whole at its end."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from itertools import pairwise
from typing import Any, TypeVar

from core.tapes import Frame, Tape
from demos.runs.archive import Archive
from demos.words import sentence

PERIOD = 1 / 8  # seconds between two messages: each costs as much as several pictures
HEADS = 8  # messages that describe the run: a busy page may never see the first ones

Result = TypeVar("Result")
# A run yields its tape, without frames yet, and then the frames; None while it waits, so that it
# can be ended.
Shown = Tape | Frame | None
Sending = tuple[dict[str, Any] | None, Archive]  # a message, if one leaves, and what stays


def streamed(
    run: Iterator[Shown], *then: Callable[[Any], Iterator[Shown]], start: Any = None
) -> Iterator[Sending]:
    """The messages of a run, and what stays of it; `then` follow, each of the one before.

    The archive is one object, which grows with the run: of a run that was stopped it holds what
    was shown. What the run returns is its `result`; until then that is what it started from:
    `start`, and for those that follow what the one before returned.
    """
    stream = yield from messages(run, start)
    for follow in then:
        stream = yield from messages(follow(stream.archive.result), stream.archive.result)


def messages(run: Iterator[Shown], start: Any) -> Generator[Sending, None, Stream]:
    """The messages of one run; returns its stream."""
    tape = next(run)
    if not isinstance(tape, Tape):
        raise TypeError("a run yields its tape before its frames")
    stream = Stream(tape)
    stream.archive.result = start
    while True:
        try:
            shown = next(run)
        except StopIteration as stop:
            stream.archive.result = stop.value
            break
        if isinstance(shown, Tape):
            raise TypeError("a run yields one tape")
        if shown is None:
            yield None, stream.archive
            continue
        stream.add(shown)
        if stream.due():
            yield stream.message(), stream.archive
    yield stream.whole(), stream.archive
    return stream


def completed(run: Generator[Shown, None, Result]) -> Result:
    """What a run returns, once its frames are on its tape; nothing of it is sent."""
    tape: Tape | None = None
    while True:
        try:
            shown = next(run)
        except StopIteration as stop:
            return stop.value
        if isinstance(shown, Tape):
            tape = shown
        elif tape is not None and shown is not None:
            tape.frames.append(shown)


class Stream:
    """The frames of one tape, and which of them the browser has not had yet."""

    def __init__(self, tape: Tape, status: str = "done") -> None:
        """Start with the frames that the tape has; `status` is that of the finished run."""
        self.tape, self.status, self.run = tape, status, uuid.uuid4().hex[:12]
        self.archive = Archive(self.run)
        self._frames: list[dict[str, Any]] = []
        self._contrasts: list[float] = []
        self._sent = self._messages = 0
        self._last: float | None = None
        for frame in tape.frames:
            self.add(frame)

    def add(self, frame: Frame) -> None:
        """Append a frame. What its pictures are made of is let go when it is sent."""
        sent = self.tape.sent(len(self._frames), frame)
        self._frames.append(sent | {"text": sentence(frame.say)})
        self._contrasts.append(frame.contrast)
        latents = {self.tape.place(key): x for key, x in frame.latents.items()}
        self.archive.latents.append(latents)
        self.archive.picture = frame.picture or self.archive.picture

    def due(self) -> bool:
        """True when the next message may leave: at most 8 a second, the first at once."""
        return self._last is None or time.monotonic() - self._last >= PERIOD

    def message(self) -> dict[str, Any]:
        """The frames since the last message; the first ones also describe the run."""
        self._messages += 1
        head = self.tape.head() if self._messages <= HEADS else {}
        return self._send(head, self._frames[self._sent :], "running")

    def whole(self) -> dict[str, Any]:
        """Everything at once: complete in a tab that was opened late."""
        head, most = self.tape.head(), max(self._contrasts, default=0.0)
        if most > 0:
            head["start"] = self._contrasts.index(most)
        message = self._send(head, list(self._frames), self.status)
        self.archive.message = message
        return message

    def _send(self, head: dict, frames: list[dict], status: str) -> dict[str, Any]:
        new = [frame["pictures"] for frame in self._frames[self._sent :]]
        for panel in range(len(self.tape.panels)):  # one kind after the other: faster
            for pictures in new:
                if callable(pictures[panel]):
                    pictures[panel] = pictures[panel]()
        self._sent, self._last = len(self._frames), time.monotonic()
        return {"run": self.run, "status": status, **head, "frames": frames}


def recorded(tape: Tape, name: str) -> dict[str, Any]:
    """The message of a recorded run."""
    stream = Stream(tape, "tape")
    stream.run = f"tape-{name}"
    return stream.whole()


def as_text(message: dict) -> str:
    """The message as JSON text; each picture once while frame after frame shows it.

    Gradio walks several times through all that is nested in a value, on the one event loop that
    all learners share; it hands text on as it is.
    """
    sent = message if message.get("refined") else compact(message)
    return json.dumps(sent, ensure_ascii=False, separators=(",", ":"))


def compact(message: dict) -> dict:
    """The message with None for every picture that is that of the frame before it.

    The first frame of a message is complete.
    """
    frames = message["frames"][:1]
    for before, after in pairwise(message["frames"]):
        pairs = zip(before["pictures"], after["pictures"], strict=True)
        frames.append({**after, "pictures": [None if old == new else new for old, new in pairs]})
    return {**message, "frames": frames}
