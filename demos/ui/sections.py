"""Sections below the stage, folded at first, in which buttons fill a place."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import gradio as gr

from demos.runs.archive import Archive
from demos.runs.requests import Request
from demos.ui.controls import text
from demos.ui.runner import OPENS_WITH
from demos.words import Refusal

Asked = TypeVar("Asked", bound=Request)
Found = TypeVar("Found")


def section(title: str, lead: str, *buttons: str) -> tuple[Any, ...]:
    """A folded section with these words: its buttons, and the place of what they find."""
    with gr.Accordion(text(title), open=False, elem_classes=["closer"]):
        gr.Markdown(text(lead))
        with gr.Row():
            row = [gr.Button(text(each), size="sm") for each in buttons]
        return *row, gr.HTML("")


def requested(kind: type[Asked], archive: Any) -> Asked:
    """The request of the finished run on the page; Refusal before its end."""
    if archive == OPENS_WITH:
        return kind.of()
    if not isinstance(archive, Archive) or not archive.message:
        raise Refusal("decide.refused")
    return kind.of(**archive.message["settings"])


def waited(looking: Generator[Any, None, Found]) -> Generator[Any, None, Found]:
    """Nothing for the page whenever something was done, so that it can be stopped; the result."""
    while True:
        try:
            next(looking)
        except StopIteration as stop:
            return stop.value
        yield gr.skip()
