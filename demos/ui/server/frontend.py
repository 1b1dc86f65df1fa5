"""Gradio's own page, where ours reaches into it; seen in Gradio 6.31."""

from __future__ import annotations

import re
from pathlib import Path

import gradio
from gradio.routes import templates
from jinja2 import ChoiceLoader, DictLoader

ASSETS = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
PAGE = "frontend/index.html"
CARDS = re.compile(
    r'<meta\s+(?:property="og|name="twitter):[^>]*>\s*'
)  # what Gradio says of itself


def exporting(function: str) -> str:
    """The path of the module of Gradio's page that exports a function by its name.

    Below the address of the page, such as assets/core-Bdx9080F.js: its name has a hash of its
    content. "" where no module does.
    """
    for path in sorted(ASSETS.glob("core-*.js")):
        if f" as {function}" in path.read_text(encoding="utf-8"):
            return f"assets/{path.name}"
    return ""


def cover(tags: str) -> None:
    """Let the page say in its head what it is: the tags, a Jinja template, instead of Gradio's.

    Search engines and chats, which show a title, a sentence and a picture, run no script.
    """
    env = templates.env
    assert env.loader is not None
    page, *_ = env.loader.get_source(env, PAGE)
    page = CARDS.sub("", page).replace("<head>", f"<head>\n{tags}", 1)
    env.loader = ChoiceLoader([DictLoader({PAGE: page}), env.loader])
