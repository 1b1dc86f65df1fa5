"""What a link can name: a run of a tab, or what a tab without runs shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demos.runs import links
from demos.runs.fields import ChoiceField
from demos.runs.requests import Request
from demos.ui.controls import options
from demos.ui.player import Player
from demos.ui.runner import OPENS_WITH, Runner

Updates = dict[Any, Any]  # components, and what becomes of them


@dataclass(frozen=True, eq=False)
class Offer:
    """What a link can name.

    Attributes:
        name: what the address calls it.
        tab: the id of the tab.
        kinds: the requests of the run, each after the one before it.
        player: where it is shown.
        restore: what brings the requests into the controls.
        runner: what the player's runs belong to; None in a tab without runs.
        button: what starts the run; None where the controls alone are enough.
    """

    name: str
    tab: str
    kinds: tuple[type[Request], ...]
    player: Player
    restore: Callable[..., Updates]
    runner: Runner | None = None
    button: gr.Button | None = None

    @property
    def names(self) -> list[str]:
        """Its settings."""
        return [name for kind in self.kinds for name in kind.controls()]

    def asked(self, values: Mapping[str, Any]) -> tuple[Request, ...]:
        """The requests with these values; Refusal for what cannot be run."""
        return links.asked(values, self.kinds)

    def opening(self) -> Updates:
        """What the tab opens with: its recorded run and the default settings."""
        found = self.restore(*self.asked({}))
        if self.runner:
            found |= {self.player: self.player.opening, self.runner.archive: OPENS_WITH}
        return found


def restores(controls: Mapping[str, Any]) -> Callable[..., Updates]:
    """What brings requests into these controls, by the names of their fields."""

    def restore(*asked: Request) -> Updates:
        return {
            controls[name]: changed
            for request in asked
            for name, changed in values_of(request)
            if name in controls
        }

    return restore


def values_of(request: Request) -> list[tuple[str, dict[str, Any]]]:
    """The controls of a request by name, as they show it; those last on which others depend.

    What was sent, an upload, stays as it is.
    """
    found = []
    for name, field in reversed(request.controls().items()):
        if not field.is_text:
            continue
        value = getattr(request, name)
        shown = {"value": value, "visible": request.asked(name)}
        if isinstance(field, ChoiceField):
            shown["choices"] = options(type(request), name, request.allowed(name) or field.names())
        elif value is None:
            shown["value"] = ""
        found.append((name, gr.update(**shown)))
    return found
