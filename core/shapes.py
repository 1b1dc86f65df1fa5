"""The shape of values that came as JSON: as a schema says, as a sentence is, how deep."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def misfit(value: Any, schema: Mapping[str, Any], place: str = "it") -> str:
    """What in a value is not as its schema says, in a few words with its place; "" for nothing.

    Of JSON Schema it knows type, enum, anyOf, minimum, maximum, minItems, maxItems, items,
    properties, required and additionalProperties. Source: https://json-schema.org/specification
    """
    return next(misfits(value, schema, place), "")


def misfits(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    """All of them, the outer ones first."""
    if "anyOf" in schema:
        if all(misfit(value, each, place) for each in schema["anyOf"]):
            yield f"{place} is of no allowed kind"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place} is none of {', '.join(map(str, schema['enum']))}"
    if "type" in schema and not is_of(value, schema["type"]):
        yield f"{place} is not of the type {named(schema['type'])}"
        return
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if isinstance(value, int | float) and not low <= value <= high:
        yield f"{place} is not in {low}..{high}"
    if isinstance(value, list):
        yield from in_list(value, schema, place)
    if isinstance(value, dict):
        yield from in_object(value, schema, place)


def in_list(value: list, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    """What is not as it should be with a list and what it holds."""
    fewest, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    if not fewest <= len(value) <= most:
        yield f"{place} has {len(value)} items where {fewest} to {most} belong"
    if "items" in schema:
        for k, each in enumerate(value):
            yield from misfits(each, schema["items"], f"{place}[{k}]")


def in_object(value: dict, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    """The same of an object."""
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place} has no {name}"
    for name, each in value.items():
        yield from misfits(each, known.get(name, others), f"{place}.{name}")


def is_of(value: Any, kind: str | list[str]) -> bool:
    """Whether a value has one of these types; True is no number."""
    kinds = [kind] if isinstance(kind, str) else kind
    truth = isinstance(value, bool)
    return any(isinstance(value, KINDS[k]) and (not truth or k == "boolean") for k in kinds)


def named(kind: str | list[str]) -> str:
    """The types in words."""
    return kind if isinstance(kind, str) else " or ".join(kind)


def is_say(value: Any, depth: int = 6) -> bool:
    """Whether this is a text, a key with its values, or several of these, nested so deep."""
    if isinstance(value, str):
        return True
    if not isinstance(value, list) or depth == 0:
        return False
    if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict):
        numbers = (each for each in value[1].values() if not is_number(each))
        return all(is_say(each, depth - 1) for each in numbers)
    return all(is_say(each, depth - 1) for each in value)


def is_number(value: Any) -> bool:
    """Whether this is a number; True is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def nested(value: Any) -> Iterator[tuple[Any, int]]:
    """Everything within a JSON value, keys too, each with its depth; never recursive."""
    waiting = [(value, 0)]
    while waiting:
        value, depth = waiting.pop()
        yield value, depth
        if isinstance(value, dict):
            waiting += ((each, depth + 1) for pair in value.items() for each in pair)
        elif isinstance(value, list):
            waiting += ((each, depth + 1) for each in value)
