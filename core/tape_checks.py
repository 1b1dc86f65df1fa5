"""What a saved run may be: its shape, its limits, and nothing that could do harm in a page."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NoReturn

from core.drawings import harm
from core.pictures.containers import TAKE, check_size, kind_of
from core.pictures.opening import loaded
from core.shapes import is_say, misfit, nested
from core.tape_schema import FRAME, SCHEMA

NAME = re.compile(r"pictures/\d{3,6}\.(png|jpg)")
ENDINGS = {"png": "png", "jpeg": "jpg"}  # of a file, by the type of a picture
TYPES = {ending: kind for kind, ending in ENDINGS.items()}
FILE_BYTES = 30_000_000
JSON_BYTES = 8_000_000
COMMAS = 500_000  # of the JSON: each value more has one
DEEP, LONG, CHART = 24, 4000, 200_000  # levels of the JSON, signs of a text, of the drawing
FRAMES = 5000
PIXELS = 400_000_000  # of all pictures, each counted once
SHOWN = 64_000_000  # signs of all pictures as a page gets them
NUMBERS: dict[str, Any] = {
    "anyOf": [{"type": ["number", "string"]}, {"type": "array", "items": {"type": "number"}}]
}
NEEDED = ("total", "title", "settings", "panels", "frames", "axis_name", "curve", "curve_name")
FILE: dict[str, Any] = {
    **SCHEMA,
    "properties": {
        **SCHEMA["properties"],
        "frames": {
            "type": "array",
            "items": {
                **FRAME,
                "properties": {
                    **FRAME["properties"],
                    "pictures": {"type": "array", "items": {"type": "string"}},
                    "traces": {"type": "object", "additionalProperties": NUMBERS},
                },
                "required": ["i", "pictures", "say", "pos"],
            },
            "maxItems": FRAMES,
        },
    },
    "required": [*NEEDED, "ends", "ticks", "strip", "chart"],
}


def parsed(content: bytes) -> dict[str, Any]:
    """The object in a JSON text; ValueError for anything else, and for more than any run says."""
    if len(content) > JSON_BYTES or content.count(b",") > COMMAS:
        raise ValueError("it says more than any run")
    found = json.loads(content.decode(), parse_constant=_not_json, parse_int=_whole)
    if not isinstance(found, dict):
        raise ValueError("it holds no object")
    return found


def _not_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _whole(digits: str) -> int:
    if len(digits) > 17:
        raise ValueError(f"{digits[:17]}... is too large")
    return int(digits)


def check(found: dict[str, Any], pictures: Mapping[str, bytes]) -> None:
    """ValueError where something is not as runs are, or might do harm in a page."""
    for value, depth in nested({**found, "chart": ""}):
        if depth > DEEP or (isinstance(value, str) and len(value) > LONG):
            raise ValueError("it holds something longer or deeper than any run")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("it holds a number beyond all measure")
        if isinstance(value, str) and not value.isascii():
            value.encode()  # half a character is none
    if fault := misfit(found, FILE, "tape"):
        raise ValueError(fault)
    for i, frame in enumerate(found["frames"]):
        if len(frame["pictures"]) != len(found["panels"]):
            raise ValueError(f"frame {i} has not one picture per panel")
    for say in says(found):
        if not is_say(say):
            raise ValueError("it holds a sentence that is none")
    if len(found["chart"]) > CHART:
        raise ValueError("its drawing is too large")
    if found["chart"] and (fault := harm(found["chart"])):
        raise ValueError(f"its drawing {fault}")
    check_pictures(pictures)


def says(found: Mapping[str, Any]) -> list[Any]:
    """All that is said by words of any language."""
    frames, head = found["frames"], ("title", "axis_name", "curve_name")
    return [
        *(found[name] for name in head),
        *found["ends"],
        *(panel["title"] for panel in found["panels"]),
        *(frame["say"] for frame in frames),
        *(doubt for frame in frames for doubt in frame.get("doubts", ())),
    ]


def check_pictures(pictures: Mapping[str, bytes]) -> None:
    """ValueError where one is not what its name says, broken, or too large."""
    total = 0
    for name, data in pictures.items():
        kind = TYPES[name[-3:]].upper()
        try:
            if kind_of(data) != kind:
                raise ValueError("of another kind")
            parts = TAKE[kind](data)
            check_size(parts.size)
            total += math.prod(parts.size)
            if total <= PIXELS:
                loaded(kind, parts.content)
        except Exception as error:  # whatever a decoder finds
            raise ValueError(f"{name} is no {kind} that can be read") from error
        if total > PIXELS:
            raise ValueError(f"its pictures have more than {PIXELS // 10**6} megapixels")


def check_amount(
    frames: Sequence[Mapping[str, Any]], shown: Mapping[str, str], among: int = 1
) -> None:
    """ValueError where frames show a picture that is not there, or more than can be sent.

    That is for `among` runs together.
    """
    names = [frame["pictures"] for frame in frames]
    missing = {name for each in names for name in each} - {*shown}
    if missing:
        raise ValueError(f"the picture {min(missing)[:40]} is not there")
    new = [*names[0]] if names else []
    for before, after in pairwise(names):
        new += (b for a, b in zip(before, after, strict=True) if a != b)
    if sum(len(shown[name]) for name in new) > SHOWN / among:
        raise ValueError("its frames show more than can be sent")
