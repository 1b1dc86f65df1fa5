"""What the tab remembers between inverting and editing."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from core.inversion import Inversion
from core.tapes import Tape
from demos.inversion.request import InvertRequest


@dataclass(frozen=True, eq=False)
class Session:
    """What an inversion leaves, and the last edit of it.

    Attributes:
        request: what was asked for.
        inversion: what the method left behind.
        x0: the clean latents that were inverted.
        start: what they stand for, D(E(x)) of latents, in pixels.
        pixels: the picture itself, (1, 1 or 3, H, W) in [0, 1].
        off: how far off the way up the way back is, the RMS at every level from the noise down.
        back: PSNR of the reconstruction in dB, against what was inverted.
        tape: the run, its pictures made.
        edited: what the last edit made of the picture, in pixels; None before it.
    """

    request: InvertRequest
    inversion: Inversion
    x0: Tensor
    start: Tensor
    pixels: Tensor
    off: list[float]
    back: float
    tape: Tape
    edited: Tensor | None = None

    @property
    def photographed(self) -> bool:
        """Whether the picture is a photograph, which the classifier of drawings cannot read."""
        return self.request.source == "photograph"

    @property
    def textured(self) -> bool:
        """Whether the picture may have a background with texture: drawn scenes have none."""
        return self.request.source in ("photograph", "upload")

    @property
    def nbytes(self) -> int:
        """Bytes of its pictures, each counted once, and of its latents."""
        shown = (p for each in self.tape.frames for p in each.pictures.values())
        pictures = {id(p): len(p) for p in shown if isinstance(p, str)}
        latents = {id(x): x.nbytes for each in self.tape.frames for x in each.latents.values()}
        path = sum(x.nbytes for x in self.inversion.trajectory)
        return sum(pictures.values()) + sum(latents.values()) + path


class Remembered:
    """The latest inversions, for all learners at once, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        """Nothing yet; `limit` in bytes."""
        self.limit, self.sessions = limit, OrderedDict[Any, Session]()
        self.lock = threading.Lock()

    def get(self, key: Any) -> Session | None:
        """The inversion with this key, if it is still here."""
        return self.sessions.get(key)

    def keep(self, key: Any, session: Session) -> None:
        """Remember an inversion; the oldest make room for it."""
        with self.lock:
            self.sessions[key] = session
            total = sum(each.nbytes for each in self.sessions.values())
            while total > self.limit:
                total -= self.sessions.popitem(last=False)[1].nbytes
