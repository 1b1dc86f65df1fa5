"""Sections below the stage, folded at first, in which buttons fill a place."""

from __future__ import annotations

from typing import Any

import gradio as gr

from demos.ui.controls import text


def section(title: str, lead: str, *buttons: str) -> tuple[Any, ...]:
    """A folded section with these words: its buttons, and the place of what they find."""
    with gr.Accordion(text(title), open=False, elem_classes=["closer"]):
        gr.Markdown(text(lead))
        with gr.Row():
            row = [gr.Button(text(each), size="sm") for each in buttons]
        return *row, gr.HTML("")
