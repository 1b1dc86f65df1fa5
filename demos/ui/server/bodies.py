"""What is sent along with a request: read within bounds, and judged before Gradio sees it."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncGenerator, Callable
from typing import Any, NoReturn

from starlette.types import Message, Receive

from core.shapes import nested
from demos.ui.server.refusals import Refused
from demos.words import said

PATIENCE = 30  # seconds that the next part of a body may take
JSON_BYTES = 1_000_000
TEXT = 2000  # characters of one text; a picture as a data URI may fill the body
VALUES, DEPTH = 5000, 20  # of everything that is nested in a body
WORD = re.compile(r"[\w-]{1,64}")  # session hashes, event ids, names


class Disconnected(Exception):
    """The client went away before its request was complete."""


async def chunks(receive: Receive, limit: int, too_large: str) -> AsyncGenerator[bytes, None]:
    """The parts of a body as they come; Refused where it is larger than `limit` bytes.

    `too_large` is the key of the sentence for that.
    """
    total, more = 0, True
    while more:
        try:
            message = await asyncio.wait_for(receive(), PATIENCE)
        except TimeoutError:
            raise Refused(408, said("server.half", seconds=PATIENCE)) from None
        if message["type"] == "http.disconnect":
            raise Disconnected
        part, more = message.get("body", b""), message.get("more_body", False)
        total += len(part)
        if total > limit:
            raise Refused(413, said(too_large, most=limit // 1_000_000))
        yield part


async def json_of(receive: Receive, length: str) -> dict[str, Any]:
    """The JSON object in a body; Refused for anything else, and for what is too large or deep."""
    if length.isdigit() and int(length) > JSON_BYTES:
        raise Refused(413, said("server.request", most=JSON_BYTES // 1_000_000))
    parts = [part async for part in chunks(receive, JSON_BYTES, "server.request")]
    try:
        # Python's own parser bounds the depth. NaN and infinity, which it knows, are not JSON.
        body = json.loads(b"".join(parts), parse_constant=_not_json, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "the request is not valid JSON in UTF-8") from error
    if not isinstance(body, dict):
        raise Refused(400, "the request must be a JSON object with the field data")
    check_sizes(body)
    return body


def check_sizes(body: Any) -> None:
    """Refused where a text is long, and where too much is nested, or too deep."""
    for count, (value, depth) in enumerate(nested(body)):
        if count > VALUES or depth > DEPTH:
            raise Refused(
                413, f"a request may hold at most {VALUES} values, nested {DEPTH} levels deep"
            )
        if isinstance(value, str):
            _check_text(value)


def _check_text(text: str) -> None:
    if len(text) > TEXT and not text.startswith("data:image/"):
        raise Refused(413, f"a text may have at most {TEXT} characters, got {len(text)}")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise Refused(400, "a text holds half a character (a lone surrogate); send valid Unicode")


def _not_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _not_json(digits)


def word(value: Any, name: str) -> str:
    """A short name of letters, digits, - and _; Refused otherwise."""
    if not isinstance(value, str) or not WORD.fullmatch(value):
        raise Refused(
            400, f"{name} must be 1 to 64 letters, digits, - or _, got {str(value)[:40]!r}"
        )
    return value


def replaced(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives this body first, and then what the client does."""
    first = True

    async def receive_again() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return receive_again


def rewritten(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """A JSON value with every object in it changed; its depth is bounded by `check_sizes`."""
    if isinstance(value, dict):
        return {key: rewritten(each, change) for key, each in change(value).items()}
    return [rewritten(each, change) for each in value] if isinstance(value, list) else value
