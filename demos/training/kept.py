"""Trainings that this server has begun: one at a time goes on, and what came of each stays.

A training is named by its settings, so whoever asks for the same again finds what is there, and
goes on from it: after a stop, after a reload, or from a link.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.models import forget
from core.training.plans import Snapshot

FOLDER = Path(os.environ.get("GRADIO_TEMP_DIR", tempfile.gettempdir())) / "trainings"
MOST = 8  # trainings that are kept
LETTERS = 5  # of the name of a training, in that of its model
LOOK = 0.5  # seconds between two looks at the line
QUIET = 4.0  # seconds that one waits before it is said: one's own last training may still end


@dataclass(eq=False)
class Training:
    """One training: its folder, what it is trained on, what was seen of it, whether it is done.

    In the folder lie its checkpoint and its network.
    """

    folder: Path
    data: str
    seen: list[Snapshot] = field(default_factory=list)
    done: bool = False


def model_of(name: str) -> str:
    """What the model of a training is called in the other tabs."""
    return f"trained-{name[:LETTERS]}"


class Line:
    """Who waits to train, in the order in which they came; the first one trains."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._lock = threading.Lock()
        self._waiting: list[object] = []

    @contextmanager
    def joined(self) -> Iterator[Callable[[], int]]:
        """A place in the line, within it; what is given says how many are before."""
        me = object()
        with self._lock:
            self._waiting.append(me)
        try:
            yield lambda: self._waiting.index(me)
        finally:
            with self._lock:
                self._waiting.remove(me)


def waited(ahead: Callable[[], int], told: Callable[[int], None]) -> Iterator[None]:
    """Wait until nobody is before; `told` hears how many are, whenever that changes.

    None comes again and again: whoever has gone is not waited for.
    """
    before, since = 0, time.monotonic()
    while count := ahead():
        if count != before and time.monotonic() - since > QUIET:
            told(count)
            before = count
        time.sleep(LOOK)
        yield None


class Trainings:
    """What is kept, the latest last; the folder of the oldest goes when there are too many."""

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Training] = OrderedDict()
        self.line = Line()

    def found(self, name: object) -> Training | None:
        """The training of this name, if it is still kept."""
        return self._kept.get(str(name))

    def of(self, name: str, data: str) -> Training:
        """The training of this name, which may be a new one."""
        with self._lock:
            if name not in self._kept:
                FOLDER.mkdir(parents=True, exist_ok=True)
                self._kept[name] = Training(Path(tempfile.mkdtemp(dir=FOLDER)), data)
            self._kept.move_to_end(name)
            while len(self._kept) > MOST:
                forgotten, oldest = self._kept.popitem(last=False)
                forget(model_of(forgotten))
                shutil.rmtree(oldest.folder, ignore_errors=True)
            return self._kept[name]


TRAININGS = Trainings()
