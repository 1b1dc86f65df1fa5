"""The control of a drawn schedule: a text of points, in whose place the browser draws them."""

from __future__ import annotations

from typing import Any

from demos.ui.controls import Textbox
from demos.ui.runner import PRIVATE


def drawing(points: str, player: str, side: str, **more: Any) -> Textbox:
    """Points that are dragged, or moved by keys; the event `input` comes when one is let go.

    While it moves, the stage of a player shows its curve and its picture at once.

    Args:
        points: As text, as in `core.drawn_schedules`.
        player: The name of the player that shows the schedule.
        side: Which of its two schedules is drawn: first or second.
        **more: As in gr.Textbox.
    """
    name = f"drawing-{player}-{side}"
    bare = {"show_label": False, "container": False, "elem_classes": ["drawing-box"]}
    field = Textbox(points, elem_id=name, **bare, **more)
    field.change(None, field, None, js=f"(text) => stepwise.drew('{name}', text)", **PRIVATE)
    return field
