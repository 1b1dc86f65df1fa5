"""What the page opens with: runs that were recorded, and what tabs hand to each other."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from core.paths import ROOT
from core.tape_files import ENDING, load
from demos.runs.stream import recorded
from demos.shipped import broken
from demos.ui.links import Links

TAPES = ROOT / "assets" / "tapes"


@dataclass(frozen=True)
class Shared:
    """What tabs hand to each other.

    Attributes:
        tabs: the tab bar.
        picture: a picture as (model name, x0 (1, C, H, W)).
        schedule: what to sample with: settings of the sampler by name, and when it was asked for.
        trained: names of the models that the learner has trained, the latest last.
        links: what can be asked of each tab, which it offers there.
    """

    tabs: gr.Tabs
    picture: gr.State
    schedule: gr.State
    trained: gr.State
    links: Links = field(default_factory=Links)


def tape(name: str) -> dict[str, Any] | None:
    """The finished run that a tab opens with, recorded by `make figures`; None without it."""
    path = TAPES / f"{name}{ENDING}"
    if not whole(path.name):
        return None
    try:
        return recorded(load(path), name)
    except ValueError as error:  # recorded by another version: only this is missing
        print(f"Stepwise goes on without it: {error}", file=sys.stderr)
        return None


def page(name: str) -> str:
    """What stands beside such a run, as HTML; recorded with it."""
    path = TAPES / f"{name}.html"
    return path.read_text(encoding="utf-8") if whole(path.name) else ""


def whole(file: str) -> bool:
    """Whether a file of the recorded runs is there and as it was shipped."""
    return f"assets/tapes/{file}" not in broken() and (TAPES / file).exists()
