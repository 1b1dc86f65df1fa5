"""The numbers of a run as CSV (RFC 4180), in full: a row for each frame."""

from __future__ import annotations

import csv
import io

from core.tapes import Tape
from demos.exports.labels import caption

FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # with which a cell is no text for a spreadsheet


def table(tape: Tape, language: str) -> bytes:
    """UTF-8 with a mark, which spreadsheets need: frame, pos, each number by name, what it says.

    Numbers have the digits that the frame has, infinity is inf; a number that a frame has not is
    an empty cell.
    """
    names = list(dict.fromkeys(name for frame in tape.frames for name in frame.numbers))
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["frame", "pos", *map(_text, names), "text"])
    for i, frame in enumerate(tape.frames):
        numbers = [repr(frame.numbers[k]) if k in frame.numbers else "" for k in names]
        rows.writerow([i + 1, repr(frame.pos), *numbers, _text(caption(frame, language))])
    return text.getvalue().encode("utf-8-sig")


def _text(text: str) -> str:
    """A text that no spreadsheet takes for a formula; the file may be a stranger's."""
    return f"'{text}" if text.startswith(FORMULAS) else text
