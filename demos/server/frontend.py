"""Where Gradio's own page, seen in Gradio 6.31, keeps the modules that it is made of."""

from __future__ import annotations

from pathlib import Path

import gradio

ASSETS = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"


def frontend_module(name: str) -> str:
    """The address of a module of the page, from the page: its file name ends in a hash.

    Raises:
        ValueError: Gradio has no such module, or several.
    """
    found = [path.name for path in ASSETS.glob(f"{name}-*.js")]
    if len(found) != 1:
        raise ValueError(f"Gradio's page must have one module {name}-*.js, it has {found}")
    return f"./assets/{found[0]}"
