"""What is said of a prompt: how much of it a model reads, and what it has never seen."""

from __future__ import annotations

import re

from core.data.captions import parse, unknown
from core.models import MODELS, Read, read
from demos.words import Say, said

LONGEST = 80  # letters of the unread end that are shown


def language_of(prompt: str) -> str:
    """The language of a prompt: Chinese ("zh") where it has a Chinese character."""
    return "zh" if re.search("[\u4e00-\u9fff]", prompt) else "en"


def in_language(prompt: str, language: str) -> str:
    """A caption of the grammar in English or Chinese; any other text as it is."""
    try:
        return parse(prompt).caption(language)
    except ValueError:
        return prompt


def not_read(model: str, *prompts: str) -> list[Say]:
    """What a model does not read of prompts that are too long."""
    found: list[Say] = []
    for prompt in prompts:
        seen = read(model, prompt)
        if seen is not None and seen.cut:
            cut = seen.cut if len(seen.cut) <= LONGEST else f"{seen.cut[: LONGEST - 2]} …"
            found.append(said("prompt.unread", cut=cut, count=seen.count, limit=seen.limit))
    return found


def never_seen(model: str, prompt: str) -> list[Say]:
    """Which words of a prompt a model was not trained with, where its vocabulary is known."""
    if MODELS[model].data != "scenes":
        return []
    found: list[Say] = []
    for word, near in list(unknown(prompt).items())[:3]:
        key = "prompt.unseen.near" if near else "prompt.unseen"
        found.append(said(key, word=word, near=", ".join(near), count=len(near)))
    return found


def doubts(model: str, *prompts: str) -> list[Say]:
    """What to doubt in a run with these prompts, the one that is drawn first."""
    return [*not_read(model, *prompts), *never_seen(model, prompts[0])]


def advice(model: str, prompt: str) -> list[Say]:
    """What stands below a prompt: its tokens, what is cut, what was never seen."""
    seen = read(model, prompt) if prompt else None
    return [*(counted(seen) if seen else ()), *never_seen(model, prompt)]


def counted(seen: Read) -> list[Say]:
    """How many tokens are used, and what is cut."""
    if not seen.cut:
        return [said("prompt.tokens", count=seen.count, limit=seen.limit)]
    return [said("prompt.cut", count=seen.count, limit=seen.limit, cut=seen.cut)]
