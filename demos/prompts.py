"""What is said of a prompt: how much of it a model reads, and what it has never seen."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import gradio as gr

from core.models import MODELS, Read, read
from demos import checks, widgets
from demos.remarks import never_seen


def not_read(model: str, *prompts: str) -> str:
    """What a model does not read of prompts that are too long, in words; "" of others."""
    said = []
    for prompt in prompts:
        seen = read(model, prompt)
        if seen is not None and seen.cut:
            end = textwrap.shorten(seen.cut, 80, placeholder=" …")
            said.append(
                f"Not read: “{end}”. Of {seen.count} tokens this model reads {seen.limit}."
            )
    return " ".join(said)


def doubts(model: str, *prompts: str) -> str:
    """What to doubt in a run with these prompts, the one that is drawn first."""
    return " ".join(filter(None, (not_read(model, *prompts), never_seen(model, prompts[0]))))


def advice(model: Any, prompt: Any) -> dict:
    """What stands below a prompt as Markdown: its tokens, what is cut, what was never seen."""
    try:
        name = checks.choice(model, "Model", list(MODELS))
        asked = checks.text(prompt, "Prompt")
        seen = read(name, asked) if asked else None
        said = " ".join(filter(None, (counted(seen), never_seen(name, asked))))
    except ValueError as error:
        said = plain(checks.sentence(str(error)))
    return gr.update(value=said, visible=bool(said))


def counted(seen: Read | None) -> str:
    """How many tokens are used, and what is cut, struck out, as Markdown."""
    if seen is None:
        return ""
    if not seen.cut:
        return f"{seen.count} of {seen.limit} tokens."
    return f"{seen.count} tokens, and {seen.limit} are read. Cut: ~~{plain(seen.cut)}~~"


def plain(text: str) -> str:
    """A text as Markdown that shows it and does nothing else: every sign by its number."""
    return re.sub(r"[^\w\s]|_", lambda sign: f"&#{ord(sign[0])};", text)


def beside(model: gr.Dropdown, prompt: gr.Textbox) -> gr.Markdown:
    """What stands below this prompt, kept up to date."""
    said = gr.Markdown("", elem_classes=["advice"], visible=False)
    gr.on(
        [model.change, prompt.change],
        advice,
        [model, prompt],
        said,
        trigger_mode="always_last",
        **widgets.QUIET,
    )
    return said
