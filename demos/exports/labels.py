"""What is written on and into a file: the title of the run, and the settings that repeat it."""

from __future__ import annotations

import json

from core.tapes import Tape
from demos.words import sentence


def heading(tape: Tape, language: str) -> str:
    """The title of the run."""
    return sentence(tape.title, language)


def about(tape: Tape) -> str:
    """What was called, its settings and what made it, as JSON in ASCII for metadata."""
    versions = dict(tape.versions)
    told = {"event": tape.event, "settings": dict(tape.request), "versions": versions}
    return json.dumps({"made by": "Stepwise", **told})


def settings(tape: Tape) -> str:
    """The settings as they are called in the API."""
    return ", ".join(f"{name}={_value(value)}" for name, value in tape.request.items())


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
