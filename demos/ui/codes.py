"""The event by which the page asks for the code of a run, and where its answer arrives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import gradio as gr

from demos.exports.answer import answered
from demos.exports.code import Writer
from demos.ui.controls import QUIET, Textbox, unseen
from demos.ui.errors import shown

ARRIVES = "watch('value', () => stepwise.codeArrived(props.value))"


def codes(writers: Mapping[str, Writer]) -> None:
    """Let `#ask-code` ask and the browser's `stepwise.codeArrived` have the answer.

    The answer holds the question, so two answers are never the same value.
    """
    answer = gr.HTML(
        js_on_load=ARRIVES, elem_classes=["out-of-sight"], elem_id="code-answer", padding=False
    )
    button = unseen("ask-code")
    button.click(
        shown(partial(told, writers=writers)),
        Textbox(visible=False),
        answer,
        js="() => [stepwise.codeAsked()]",
        trigger_mode="always_last",
        concurrency_limit=None,
        **QUIET,
    )


def told(asked: Any, writers: Mapping[str, Writer]) -> str:
    """The answer as JSON text, with what was asked."""
    return json.dumps({"asked": asked, **answered(asked, writers)}, ensure_ascii=False)
