"""The comparison of inversion methods on the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from core.inversion import INVERSIONS
from demos.inversion.methods.request import CompareRequest
from demos.inversion.methods.run import Now, Original, Row, Task, compare
from demos.inversion.methods.table import doing, message, table
from demos.inversion.request import InvertRequest
from demos.runs.archive import Archive
from demos.runs.requests import event
from demos.ui.controls import Raw, control, options, text
from demos.ui.runner import Runner
from demos.ui.server.work import network_seconds, takes
from demos.words import said

ASKED = ("target", "target_prompt", "guidance", "strength")  # the controls of the edit
# Looks at what is shown: no value of an HTML component is ever sent to the server.
STOPPED = f"""() => {{
    const status = document.querySelector(".contest-status .contest-now");
    const stopped = {json.dumps(message(said("compare.stopped")))};
    return status?.querySelector("progress") ? stopped : status?.outerHTML ?? "";
}}"""


class CheckboxGroup(Raw, gr.CheckboxGroup):
    """Checkboxes whose values are judged by their field."""


def seconds(session, methods, budget, **_: Any) -> float:
    """How long a comparison takes on one core: for each method the budget and a way back."""
    model = InvertRequest.defaults()["model"]  # of the recorded run that the page opens with
    if isinstance(session, Archive):
        model = session.result.inversion.model.card.name if session.result else None
    if session is None or model is None:
        return 0.0  # there is nothing to compare, which is said at once
    return network_seconds(model, 3 * budget * len(methods))


def compared(session_of: Callable[[Any], Any]) -> Callable[..., Iterator[Any]]:
    """The event: it streams what is done and the table."""

    @takes(seconds)
    @event(CompareRequest, session=session_of)
    def compare_methods(request: CompareRequest) -> Iterator[tuple[Any, Any]]:
        """Compare inversion methods on the inverted picture."""
        asked = (request.condition, request.guidance, request.strength)
        source, rows = None, []
        for each in compare(Task(request.session, request.budget, *asked), request.methods):
            if isinstance(each, Now):
                yield doing(each), gr.skip()
                continue
            if isinstance(each, Original):
                source = each
            elif isinstance(each, Row):
                rows.append(each)
            if source is not None:
                yield gr.skip(), table(rows, source, request)
        yield message(said("compare.done", count=len(rows))), gr.skip()

    return compare_methods


def section(runner: Runner, editing: dict[str, Any], session_of: Callable[[Any], Any]) -> None:
    """Lay out the comparison.

    Args:
        runner: of the tab; its archive holds what the inversion left behind.
        editing: the controls of the edit, some of which say what every method is asked for.
        session_of: the session of an archive.
    """
    with gr.Accordion(
        text("compare.title"), open=False, elem_classes=["contest-section", "closer"]
    ):
        gr.Markdown(text("compare.lead"))
        methods = CheckboxGroup(
            options(CompareRequest, "method", INVERSIONS),
            value=[*CompareRequest.defaults()["methods"]],
            label=text("methods.label"),
        )
        with gr.Row(elem_classes=["contest-row"]):
            budget = control(CompareRequest, "budget", scale=3)
            button = gr.Button(text("compare.button"), variant="primary", scale=1, min_width=120)
            stop = gr.Button(text("button.stop"), scale=1, min_width=90)
        status = gr.HTML("", elem_classes=["contest-status"])
        board = gr.HTML("", elem_classes=["contest-board"])
    inputs = [methods, budget, *(editing[name] for name in ASKED)]
    runner.compares(button, stop, compared(session_of), inputs, [status, board], STOPPED)
