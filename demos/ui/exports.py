"""The dialog that makes a file of a run: what it asks for comes with the run, from the browser.

The page holds every frame, of runs that were stopped, recorded or opened, too: it sends the run
as a file, and gets another file. Nothing of that depends on what the server knows of a session.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from core.archives import TAIL
from core.tapes import Tape
from demos.exports.making import Made, Progress, making
from demos.exports.request import ExportRequest
from demos.pictures.sources import path_of
from demos.runs.opened import tape_of
from demos.runs.stream import PERIOD
from demos.ui.controls import Textbox
from demos.ui.runner import exports
from demos.ui.server.launch import cache
from demos.ui.server.uploads import Uploads
from demos.ui.server.work import takes
from demos.ui.uploads import RunFile
from demos.words import Refusal
from demos.words.reasons import alone

SECONDS = 0.04  # of one core for a picture in a film, about


def exporter() -> None:
    """What the dialog of `assets/ui/js/films.js` works with, out of sight."""
    with gr.Row(elem_classes=["out-of-sight"]):
        make = gr.Button(elem_id="export-make")
        inputs = [RunFile(), Textbox(visible=False)]  # Gradio shows an upload button in any case
        report = gr.HTML(
            html_template="<span></span>",
            js_on_load=f"stepwise.exporter(props, watch, {json.dumps(offered())})",
        )
    exports(make, exported, inputs, report)


def offered() -> dict[str, dict[str, Any]]:
    """What can be asked for: the default of each field, and its range or its options."""
    parts = ("default", "options", "low", "high")
    fields = ExportRequest.controls()
    return {
        name: {part: getattr(field, part) for part in parts if hasattr(field, part)}
        for name, field in fields.items()
    }


def seconds(sent: Any, asked: Any) -> float:
    """How long a film of a sent run takes: by the number of files in its zip."""
    try:
        with Path(path_of(sent) or "").open("rb") as file:
            file.seek(-TAIL.size, 2)
            return SECONDS * TAIL.unpack(file.read())[4]
    except (OSError, struct.error):
        return 0.0


@takes(seconds)
def exported(sent: Any, asked: Any) -> Iterator[str]:
    """How far the file is, as JSON for the dialog, and where it lies; or one sentence.

    `asked` is JSON: the settings of the request, and as `of` what the dialog calls this file.
    """
    settings = _object(asked)
    of = str(settings.pop("of", ""))[:40]
    try:
        unknown = settings.keys() - ExportRequest.controls()
        if unknown:
            raise Refusal("export.refused.settings")
        for report in _reports(tape_of(sent), ExportRequest.of(**settings)):
            yield json.dumps({"of": of, **report})
    except ValueError as error:
        yield json.dumps({"of": of, "refused": alone(error)})


def _reports(tape: Tape, asked: ExportRequest) -> Iterator[dict[str, Any]]:
    last = 0.0
    for each in making(tape, asked):
        if isinstance(each, Made):
            yield _kept(each)
        elif isinstance(each, Progress) and time.monotonic() - last >= PERIOD:
            last = time.monotonic()
            yield {"done": each.done, "total": each.total}


def _kept(made: Made) -> dict[str, Any]:
    """Where a file lies for an hour, and what is to be said about it."""
    try:
        file = Uploads(cache() / "uploads").keep(made.content, made.ending)
    except OSError as error:
        raise Refusal("export.refused.disk") from error
    return {
        "file": file,
        "ending": made.ending,
        "megabytes": len(made.content) / 1e6,
        "notes": list(made.notes),
    }


def _object(text: Any) -> dict[str, Any]:
    """The object in a JSON text; an empty one for anything else."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
