"""The drawing of a schedule as a component: its value is the text of the points."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from demos.ui.controls import Raw


class Drawing(Raw, gr.HTML):
    """Points on a curve that are dragged, or moved by keys; `input` when one is let go.

    While a point moves, the stage of a player shows its curve and its picture at once.
    """

    def __init__(self, value: str | None = None, *, player: str, side: str, **kwargs: Any) -> None:
        """Place a drawing.

        Args:
            value: The points as text, as in `core.drawn_schedules`.
            player: The name of the player that shows the schedule.
            side: Which of its two schedules is drawn: first or second.
            **kwargs: As in gr.HTML.
        """
        options = json.dumps({"player": player, "side": side})
        super().__init__(
            value=value,
            html_template='<div class="drawing"></div>',
            js_on_load=f"stepwise.mountDrawing(element, props, trigger, watch, {options})",
            apply_default_css=False,
            elem_classes=["drawing-box"],
            **kwargs,
        )

    def postprocess(self, value: str | None) -> str | None:
        """The text as it is."""
        return value

    def api_info(self) -> dict[str, Any]:
        """Describes the text to API clients."""
        return {"type": "string"}
