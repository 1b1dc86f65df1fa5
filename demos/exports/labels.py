"""What is written on and into a file: the title of the run, and the settings that repeat it."""

from __future__ import annotations

import json

from core.tapes import Frame, Tape
from demos.words import sentence

LONGEST = 800  # characters of a text on a picture; the file of a run may be a stranger's


def caption(frame: Frame, language: str) -> str:
    """What a frame says, and what to doubt in it."""
    return _short(sentence([frame.say, *frame.doubts], language))


def heading(tape: Tape, language: str) -> str:
    """The title of the run."""
    return _short(sentence(tape.title, language))


def about(tape: Tape) -> str:
    """What was called, its settings and what made it, as JSON in ASCII for metadata."""
    versions = dict(tape.versions)
    told = {"event": tape.event, "settings": dict(tape.request), "versions": versions}
    return json.dumps({"made by": "Stepwise", **told})


def settings(tape: Tape) -> str:
    """The settings as they are called in the API."""
    named = tape.request.items()
    return _short(", ".join(f"{k}={json.dumps(each, ensure_ascii=False)}" for k, each in named))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
