"""What the page is told when it asks for the code of a run: text, or why there is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from demos.exports.code import Code, Writer
from demos.exports.notebooks import notebook
from demos.words import LANGUAGES, Refusal
from demos.words.reasons import alone

KINDS = ("core", "diffusers")


def answered(asked: Any, writers: Mapping[str, Writer]) -> dict[str, Any]:
    """For each kind of code its `code`, `notes` and `notebook`, or the sentence `refused`.

    Args:
        asked: JSON text of an object with the `event` and the `settings` of a run, and the
            `language` of the page.
        writers: by event.
    """
    try:
        sent = json.loads(asked)
        event, settings, language = (sent.get(key) for key in ("event", "settings", "language"))
    except (TypeError, ValueError, RecursionError, AttributeError):
        event, settings, language = "", None, ""
    language = language if language in LANGUAGES else LANGUAGES[0]
    try:
        writer = writers.get(event) if isinstance(event, str) else None
        if writer is None or not isinstance(settings, dict):
            raise Refusal("code.refused.event")
        request = writer.read(settings)
        if getattr(request, "card", None) and request.card.private:
            raise Refusal("code.refused.private")
    except ValueError as error:
        return {kind: {"refused": alone(error)} for kind in KINDS}
    return {kind: written(getattr(writer, kind), request, language) for kind in KINDS}


def written(write: Callable[[Any], Code], request: Any, language: str) -> dict[str, Any]:
    """One kind of code of a request."""
    try:
        code = write(request)
    except ValueError as error:
        return {"refused": alone(error)}
    return {
        "code": code.script(),
        "notes": list(code.notes),
        "notebook": notebook(code, request.title(), request.settings(), language),
    }
