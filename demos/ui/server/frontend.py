"""Gradio's own page, where ours reaches into it; seen in Gradio 6.31."""

from __future__ import annotations

from pathlib import Path

import gradio

ASSETS = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"


def exporting(function: str) -> str:
    """The path of the module of Gradio's page that exports a function by its name.

    Below the address of the page, such as assets/core-Bdx9080F.js: its name has a hash of its
    content. "" where no module does.
    """
    for path in sorted(ASSETS.glob("core-*.js")):
        if f" as {function}" in path.read_text(encoding="utf-8"):
            return f"assets/{path.name}"
    return ""
