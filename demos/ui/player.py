"""The frame player: the browser shows, scrubs and plays the messages of a run.

`demos.runs.stream` turns a run into messages; the `Player` component hands them to
`stepwise.mount` in `assets/ui/js/player.js`. Scrubbing and playing never ask the server.
"""

import json
from typing import Any, Protocol

import gradio as gr

from core.paths import ROOT
from core.tape_schema import SCHEMA
from demos.runs.stream import as_text
from demos.ui.server.frontend import exporting
from demos.views.html import spoken
from demos.words import LANGUAGES, said, table
from demos.words.glossary import as_script

UI = ROOT / "assets" / "ui"
# In this order: each script uses what the ones before it have put into `window.stepwise`.
SCRIPTS = (
    "words",
    "gradio",
    "run",
    "clock",
    "stage",
    "traces",
    "plots",
    "timeline",
    "export",
    "dialogs",
    "announcer",
    "controls",
    "pulse",
    "differences",
    "comparison",
    "pins",
    "player",
    "page",
    "keys",
    "language",
    "changes",
    "labels",
    "help",
    "terms",
    "marks",
    "glossary",
    "address",
    "share",
    "inputs",
    "tapefile",
    "films",
    "code",
    "drawn",
    "pulls",
    "drawing",
    "live",
    "configs",
    "offers",
)
STYLES = (
    "tokens",
    "page",
    "controls",
    "player",
    "timeline",
    "compared",
    "charts",
    "inversion",
    "glossary",
    "share",
    "code",
    "drawing",
)


class Linking(Protocol):
    """What knows the links of a page."""

    def link(self, player: str, message: dict[str, Any]) -> dict[str, Any] | None:
        """The link of the run of a message in the player of this name."""
        ...


class Player(gr.HTML):
    """Shows the messages of a run: panels, sentence, facts, timeline and filmstrip.

    As an output it takes a message or None. Pass `show_progress="hidden"` to its events.
    """

    def __init__(self, value=None, *, name: str, links: Linking | None = None, **kwargs):
        """Places a player with the element id `player-NAME`.

        Args:
            value: A message, usually that of a recorded run, or None.
            name: What page.js calls this player, unique on the page.
            links: What knows the link of a run, if the tab has some.
            **kwargs: As in gr.HTML.
        """
        # Gradio makes a component anew for a session, from these arguments alone.
        self.name, self.opening, self.linking = name, value, links
        options = {"name": name, "panels": []}
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
        """The message as JSON text, see `as_text`, with the link of its run."""
        return None if value is None else as_text(self._linked(value))

    def _linked(self, message: dict[str, Any]) -> dict[str, Any]:
        """A message with the link of its run; so have those beside it, which one file holds."""
        link = self.linking.link(self.name, message) if self.linking else None
        beside = [self._linked(each) for each in message.get("beside", ())]
        return message | ({"link": link} if link else {}) | ({"beside": beside} if beside else {})

    def api_info(self) -> dict[str, Any]:
        """Describes a message to API clients."""
        return {"type": "string", "contentMediaType": "application/json", "contentSchema": SCHEMA}

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
    words = f'<script type="application/json" id="stepwise-words">{_words()}</script>'
    words += f'<script type="text/plain" id="stepwise-core">{exporting("changeLocale")}</script>'
    words += as_script()
    return f"<style>\n{styles}</style>\n{words}\n<script>\n{scripts}</script>\n"


def _words() -> str:
    """The tables of all languages as JSON that may stand inside of a script element."""
    tables = {language: table(language) for language in LANGUAGES}
    text = json.dumps(tables, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _asset(name: str) -> str:
    return (UI / name).read_text(encoding="utf-8")


def head() -> str:
    """The head of the page: its name, ways past it, the other language, presenting, the keys."""
    name = spoken(said("page.about"), "p")
    acts = (
        spoken(said(f"page.{act}"), "button", type="button", class_=kind, data_act=act)
        for kind, act in (
            ("skip", "skip.run"),
            ("skip", "skip.stage"),
            ("act", "language"),
            ("act", "glossary"),
            ("act", "present"),
            ("act", "help"),
        )
    )
    return f"<h1>Stepwise</h1>{name}<nav>{''.join(acts)}</nav>"
