"""Links and pasted settings: what an address or a text asks for, brought into the controls.

Each tab offers what can be asked of it; nothing of a session is shared. The browser's side is
`assets/ui/js/address.js` and `share.js`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import gradio as gr

from demos.runs import links
from demos.runs.links import TAB
from demos.runs.requests import Request
from demos.ui.controls import QUIET, Textbox, unseen
from demos.ui.errors import language, shown
from demos.ui.offers import Offer, Updates, restores
from demos.ui.player import Player
from demos.ui.runner import PRIVATE, Runner
from demos.views.codes import code
from demos.words import Refusal, Say, capital, said, sentence
from demos.words.reasons import reason


class Links:
    """All that the links of a page can name."""

    def __init__(self) -> None:
        """Nothing yet: the tabs offer it."""
        self.offers: dict[str, Offer] = {}

    def offer(
        self, tab: str, player: Player, restore: Callable[..., Updates], kind: type[Request]
    ) -> None:
        """What a tab without runs shows; `restore` brings a request into its controls."""
        self._add(Offer(kind.event, tab, (kind,), player, restore))

    def offer_run(
        self,
        tab: str,
        runner: Runner,
        button: gr.Button,
        controls: Mapping[str, Any],
        *kinds: type[Request],
        name: str = "",
    ) -> None:
        """The run that a button starts with these controls, whose names are those of fields.

        It is called by the name of the last request's event, unless it has a name of its own.
        """
        name = name or kinds[-1].event
        player, restore = runner.player, restores(controls)
        self._add(Offer(name, tab, kinds, player, restore, runner, button))

    def _add(self, offer: Offer) -> None:
        self.offers[offer.name] = offer

    def link(self, player: str, message: Mapping[str, Any]) -> dict[str, Any] | None:
        """The query of a run, and in words what it cannot hold.

        None for the run that the player opens with, for a message that does not describe its
        run, and for settings that no tab has.
        """
        settings = message.get("settings")
        offer = self.of_settings(settings, player) if settings else None
        opens = offer.player.opening if offer else None
        if offer is None or not settings or (opens and message["run"] == opens["run"]):
            return None
        try:
            asked = offer.asked(settings)
        except ValueError:  # of a file that something else has written
            return None
        query = links.query(offer.name, offer.kinds, settings)
        return {"query": query, "lost": lost(asked)}

    def of_settings(self, settings: Mapping[str, Any], player: str) -> Offer | None:
        """Whose settings these are, and the fewest others: in a player's tab, if one there has."""
        known = [each for each in self.offers.values() if set(settings) <= set(each.names)]
        here = [each for each in known if each.player.name == player] or known
        return min(here, key=lambda each: len(each.names), default=None)

    # -------------------------------------------------------------- what the browser asks for
    def connect(self, tabs: gr.Tabs) -> None:
        """The events of links, pasted settings and codes; after all tabs have been laid out."""
        self.tabs, self.note = tabs, Textbox("", visible=False)
        outputs = [self.note, tabs, *self.outputs()]
        self._event("open", self.opened, outputs)
        self._event("paste", self.pasted, outputs)
        self._event("follow", self.followed, outputs)
        self._event("code", coded, [self.note])

    def _event(self, name: str, function: Callable, outputs: list[Any]) -> None:
        """The browser presses a button, sends a text, and gets a note."""
        button = unseen(f"link-{name}")
        got = f"stepwise.links.{name}.got"
        event = button.click(
            shown(function),
            Textbox("", visible=False),
            outputs,
            js=f"() => stepwise.links.{name}.sent()",
            trigger_mode="multiple",
            concurrency_limit=None,
            **QUIET,
        )
        event.success(None, self.note, js=f"(note) => {got}(JSON.parse(note))", **PRIVATE)
        event.failure(None, js=f"() => {got}({{ refused: true }})", **PRIVATE)

    def outputs(self) -> list[Any]:
        """All that opening a link may change, each once."""
        found: Updates = {}
        for offer in self.offers.values():
            found |= offer.opening()
        return list(found)

    def opened(self, query: Any) -> Updates:
        """Bring what a link asks for into the controls, and say what the browser does next.

        `query` is a JSON object of texts by name.
        """
        offer = None
        try:
            texts = links.texts_of(str(query))
            offer = self.named(texts.get(TAB))
            frame = links.frame_of(texts)
            if not links.names_any(texts, offer.kinds):
                return self.answer(offer, frame=frame) | self.at_first(offer)
            asked = offer.asked(links.parsed(texts, offer.kinds))
        except ValueError as error:
            gr.Warning(toast(error))
            return self.answer(offer, refused=True)
        what = lost(asked)
        if what is not None:
            gr.Info(toast(said("link.bring", what=what)))
        press = offer.button.elem_id if offer.button and what is None else None
        run = links.query(offer.name, offer.kinds, settings_of(asked))
        return self.answer(offer, frame=frame, press=press, run=run) | offer.restore(*asked)

    def named(self, name: str | None) -> Offer:
        """What a link is of; without a name it is the tab that the page opens with."""
        if name is None:
            return next(each for each in self.offers.values() if each.tab == self.tabs.selected)
        if name not in self.offers:
            options = ", ".join(self.offers)
            raise Refusal("refused.choice", name=said("link.tab"), options=options, got=name[:40])
        return self.offers[name]

    def at_first(self, offer: Offer) -> Updates:
        """What a tab opens with, and the default settings of all that it can run."""
        found: Updates = {}
        for each in self.offers.values():
            if each.player is offer.player:
                found |= each.opening()
        return found

    def answer(self, offer: Offer | None, **note: Any) -> Updates:
        """The tab that is opened, and what the browser is told."""
        if offer is None:
            return {self.note: json.dumps(note)}
        note["player"] = offer.player.name
        return {self.note: json.dumps(note), self.tabs: gr.Tabs(selected=offer.tab)}

    def pasted(self, text: Any) -> Updates:
        """Bring settings into the controls of the tab that they are of; nothing is run.

        The text is the name of the player where they are pasted, the end of a line, and JSON.
        """
        player, _, written = str(text).partition("\n")
        try:
            settings = links.settings_of(written)
            offer = self.of_settings(settings, player)
            if offer is None:
                raise Refusal("paste.refused.strange")
            asked = offer.asked(settings)
        except ValueError as error:
            return {self.note: json.dumps({"refused": in_words(error)})}
        says: list[Say] = [said("paste.done" if offer.button else "paste.shown")]
        what = lost(asked)
        says += [] if what is None else [said("link.bring", what=what)]
        gr.Info(toast(says))
        return self.answer(offer) | offer.restore(*asked)

    def followed(self, text: Any) -> Updates:
        """Bring the settings of a file that was opened into the controls, as far as they go."""
        player, _, written = str(text).partition("\n")
        found: Updates = {self.note: json.dumps({})}
        with contextlib.suppress(ValueError):  # the file plays, whatever can be run here
            settings = links.settings_of(written)
            offer = self.of_settings(settings, player)
            found |= offer.restore(*offer.asked(settings)) if offer else {}
        return found


def settings_of(asked: Sequence[Request]) -> dict[str, Any]:
    """The settings of requests that are one run."""
    return {name: value for request in asked for name, value in request.settings().items()}


def coded(address: Any) -> str:
    """A note with the QR code of an address, or with the sentence why there is none."""
    try:
        return json.dumps({"code": code(address)})
    except ValueError as error:
        return json.dumps({"refused": in_words(error)})


def lost(asked: Sequence[Request]) -> Say | None:
    """What a link cannot hold of these requests, in words: a picture, a mask on it, or both."""
    says = [said(f"link.lost.{name}") for name in links.beyond(asked)]
    both = said("link.lost.both", first=says[0], second=says[-1]) if says[1:] else None
    return both or next(iter(says), None)


def in_words(told: ValueError | Say) -> str:
    """A sentence in the language of the page."""
    say = reason(told) if isinstance(told, ValueError) else told
    return capital(sentence(say, language()), language())


def toast(told: ValueError | Say) -> str:
    """The same for a message of Gradio's, which takes text for HTML."""
    return escape(in_words(told), quote=False)
