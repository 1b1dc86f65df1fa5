"""The frame player: the browser shows, scrubs and plays the messages of a run.

A `demos.reel.Reel` turns the steps of a run into messages; the `Player` component hands them to
`stepwise.mount` in `assets/ui/js/player.js`. Scrubbing and playing never ask the server.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr

from demos.reel import Panel, as_text
from demos.server.frontend import frontend_module

UI = Path(__file__).parent.parent / "assets" / "ui"
WORDS = Path(__file__).parent / "words"
# In this order: each script uses what the ones before it have put into `window.stepwise`.
SCRIPTS = (
    "words",
    "run",
    "clock",
    "stage",
    "timeline",
    "export",
    "announcer",
    "controls",
    "pulse",
    "player",
    "page",
    "keys",
    "uploads",
)
STYLES = ("tokens", "page", "player", "timeline", "chart", "inversion")
_SAY = {
    "description": "a text, [key, values] of demos/words, or a list of these",
    "anyOf": [{"type": "string"}, {"type": "array"}],
}
_FRAME = {
    "type": "object",
    "properties": {
        "i": {"type": "integer", "description": "place in the run, from 0"},
        "pictures": {
            "type": "array",
            "items": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "description": "one data URI per panel; null is the picture of the frame before",
        },
        "text": {"type": "string", "description": "the numbers of this step as a sentence"},
        "say": _SAY,
        "numbers": {"type": "object", "description": "the numbers of this step, unrounded"},
        "pos": {"type": "number", "description": "place on the timeline, 0 clean, 1 noise"},
        "facts": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "string"}},
            "description": "(name, value) pairs",
        },
    },
}
_MESSAGE = {
    "type": "object",
    "title": "Frames of one run",
    "description": "The frames since the last message of the run; the final message has them all.",
    "properties": {
        "run": {"type": "string", "description": "a new id replaces the run that is shown"},
        "status": {"type": "string", "enum": ["waiting", "running", "done", "tape", "stopped"]},
        "total": {"type": "integer", "description": "frames of the finished run"},
        "settings": {"type": "object", "description": "what repeats this run"},
        "frames": {"type": "array", "items": _FRAME},
    },
}


class Player(gr.HTML):
    """Shows the messages of a `Reel`: panels, sentence, facts, timeline and filmstrip.

    As an output it takes a message or None. Pass `show_progress="hidden"` to its events.
    """

    def __init__(
        self, value=None, *, name: str, empty: str = "", panels: Sequence[Panel] = (), **kwargs
    ):
        """Places a player with the element id `player-NAME`.

        Args:
            value: A message, usually a tape, or None.
            name: What page.js calls this player, unique on the page.
            empty: Shown in the panels' boxes while there is no frame.
            panels: The boxes to show while there is no run.
            **kwargs: As in gr.HTML.
        """
        self.name, self.empty, self.panels = name, empty, panels
        options = {"name": name, "empty": empty, "panels": [asdict(panel) for panel in panels]}
        kwargs.setdefault("elem_id", f"player-{name}")
        kwargs.setdefault("elem_classes", ["stepwise-player"])
        super().__init__(
            value=value,
            html_template=_asset("player.html"),
            js_on_load=f"stepwise.mount(element, props, watch, {json.dumps(options)})",
            apply_default_css=False,
            **kwargs,
        )

    def preprocess(self, payload: str | None) -> dict | None:
        """The message that the text stands for."""
        return json.loads(payload) if payload else None

    def postprocess(self, value: dict | None) -> str | None:
        """The message as JSON text, see `as_text`."""
        return None if value is None else as_text(value)

    def api_info(self) -> dict[str, Any]:
        """Describes a message to API clients."""
        return {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": _MESSAGE,
        }

    def example_payload(self) -> str:
        """A message without frames."""
        return '{"run": "example", "status": "done", "total": 0, "frames": []}'

    def example_value(self) -> str:
        """A message without frames."""
        return self.example_payload()


def page_head() -> str:
    """Words, styles and scripts of the page, for `launch(head=...)`.

    The style is not for `launch(css=...)`: Gradio 6.31 rewrites the selectors there and loses
    most of those inside media queries.
    """
    styles = "\n".join(_asset(f"css/{name}.css") for name in STYLES)
    scripts = "\n".join(_asset(f"js/{name}.js") for name in SCRIPTS)
    core = f'data-core="{frontend_module("core")}"'
    words = f'<script type="application/json" id="stepwise-words" {core}>{_words()}</script>'
    return f"<style>\n{styles}</style>\n{words}\n<script>\n{scripts}</script>\n"


def _words() -> str:
    """The tables of all languages as JSON that may stand inside of a script element."""
    tables = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(WORDS.glob("*.json"))
    }
    text = json.dumps(tables, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _asset(name: str) -> str:
    return (UI / name).read_text(encoding="utf-8")
