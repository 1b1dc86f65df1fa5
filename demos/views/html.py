"""Sentences in HTML and SVG, which the browser says again when the language changes."""

from __future__ import annotations

import json
from html import escape

from demos.words import Say, sentence


def spoken(say: Say, tag: str = "span", **attributes: str) -> str:
    """An element that says this, in English at first."""
    more = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
    )
    return f"<{tag}{more}{saying(say)}>{escape(sentence(say))}</{tag}>"


def saying(say: Say, attribute: str = "") -> str:
    """The mark of an element whose text, or an attribute of it, is this sentence."""
    kept = escape(json.dumps(say, ensure_ascii=False))
    if not attribute:
        return f' data-say="{kept}"'
    return f' data-say-{attribute}="{kept}" {attribute}="{escape(sentence(say))}"'
