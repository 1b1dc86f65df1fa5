"""What was asked for as the query string of a link, and back.

`tab=sample&model=digits&steps=20&frame=12`: what is asked of, its first setting, every other one
that differs from its default, and the frame on the stage, counted from 1. A link without a
setting stands for what a tab opens with. It is read by the fields of the requests, as any other
call; names that are not theirs, which other sites append, are left alone. Runs that are compared
are queries in a query, which the browser takes apart: `beside`, with `align`, `panel` and `look`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from demos.runs.fields import WholeField
from demos.runs.requests import Request
from demos.words import Refusal, said

TAB, FRAME = "tab", "frame"
TAKEN = (TAB, FRAME, "beside", "align", "panel", "look")  # no field is called so
LONGEST = 2000  # characters that the door lets in as one text; the browser knows it, too
FRAMES = WholeField(low=1, high=100_000, default=1)

Kinds = Sequence[type[Request]]  # the requests of one run, each starts from the one before


def query(name: str, kinds: Kinds, settings: Mapping[str, Any], frame: int | None = None) -> str:
    """The query of a run with these settings, as its requests and its tape have them."""
    texts = {TAB: name}
    for kind in kinds:
        texts |= written(kind, settings)
    if frame is not None:
        texts[FRAME] = str(frame)
    return urlencode(texts, errors="replace")


def written(kind: type[Request], settings: Mapping[str, Any]) -> dict[str, str]:
    """The settings that a link names, as text: the first, and those that are no default."""
    defaults = kind.defaults()
    named = {name: value for name, value in kind.linked(settings).items() if name in defaults}
    first = next(iter(named), None)
    fields = kind.controls()
    return {
        name: fields[name].written(value)
        for name, value in named.items()
        if name == first or value != defaults[name]
    }


def texts_of(text: str) -> dict[str, str]:
    """The texts of a query by name, which the browser has decoded: a JSON object.

    Refusal for anything else: the browser sends none of a query that is too long.
    """
    found = _table(text)
    if found is None or not all(isinstance(value, str) for value in found.values()):
        raise Refusal("link.refused.long", most=LONGEST)
    return found


def settings_of(text: str) -> dict[str, Any]:
    """Settings as "Copy settings" gives them; Refusal for a text that holds none."""
    found = _table(text)
    if not found:
        raise Refusal("paste.refused")
    return found


def _table(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def frame_of(texts: Mapping[str, str]) -> int | None:
    """The frame that a link asks for, from 1; None for the one that its run ends with."""
    sent = texts.get(FRAME)
    return None if sent is None else FRAMES.check(sent, said("link.frame"))


def names_any(texts: Mapping[str, str], kinds: Kinds) -> bool:
    """Whether a link names a setting: one that names none shows what its tab opens with."""
    return any(name in kind.controls() for kind in kinds for name in texts)


def parsed(texts: Mapping[str, str], kinds: Kinds) -> dict[str, Any]:
    """The texts as the values of fields, yet to be checked."""
    fields = {name: field for kind in kinds for name, field in kind.controls().items()}
    return {name: fields[name].parsed(text) for name, text in texts.items() if name in fields}


def asked(values: Mapping[str, Any], kinds: Kinds) -> tuple[Request, ...]:
    """The requests with these values; Refusal, one sentence, for what cannot be run.

    What a text cannot hold, an upload, is missing, see `Request.beyond`.
    """
    found: tuple[Request, ...] = ()
    for kind in kinds:
        texts = {name: field for name, field in kind.controls().items() if field.is_text}
        sent = {name: value for name, value in values.items() if name in texts}
        found = (*found, kind.of(**kind.after(found), **sent))
    return found


def beyond(found: Sequence[Request]) -> list[str]:
    """The fields that count in these requests and that no text can hold."""
    return [name for request in found for name in request.beyond()]
