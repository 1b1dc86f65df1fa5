"""What a learner can ask of an export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from demos.runs.fields import Choice, Real, Text, Whole
from demos.runs.requests import Request
from demos.words import LANGUAGES

FILMS = ("gif", "webp", "mp4")
FORMATS = (*FILMS, "sheet", "table")


@dataclass(frozen=True)
class ExportRequest(Request):
    """A run as one file in some format.

    `panel` is the key of the only panel that is shown, "" shows all; `rate` is frames a second;
    `first` and `last` are the seconds for which the first and the last frame stand.
    """

    event: ClassVar[str] = "export"

    format: str = Choice(FORMATS, "gif")
    panel: str = Text(100, needs=lambda asked: asked.format != "table")
    rate: int = Whole(1, 30, 10, needs=lambda asked: asked.format in FILMS)
    first: float = Real(0, 10, 1.0, needs=lambda asked: asked.format in FILMS)
    last: float = Real(0, 10, 2.0, needs=lambda asked: asked.format in FILMS)
    language: str = Choice(LANGUAGES, LANGUAGES[0])
