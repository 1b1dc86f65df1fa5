"""What the frames of a run are as JSON: the one schema that server, browser and files share.

In the words of JSON Schema, https://json-schema.org/specification.
"""

from __future__ import annotations

from typing import Any

SAY: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "array"}]}
PLACE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
INDEX: dict[str, Any] = {"type": "integer", "minimum": 0}
CURVE: dict[str, Any] = {
    "type": "array",
    "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
}
PANEL: dict[str, Any] = {
    "type": "object",
    "properties": {
        "key": {"type": "string"},
        "symbol": {"type": "string"},
        "title": SAY,
        "tone": {"type": "string"},
        "phone": {"type": "boolean"},
    },
    "required": ["key", "symbol", "title"],
}
FRAME: dict[str, Any] = {
    "type": "object",
    "properties": {
        "i": {"type": "integer", "description": "place in the run, from 0"},
        "pictures": {
            "type": "array",
            "items": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "description": "one data URI per panel; null is the picture of the frame before",
        },
        "text": {"type": "string", "description": "what the frame shows, in English"},
        "say": {**SAY, "description": "the same as key and values, for every language"},
        "pos": {**PLACE, "description": "place on the timeline, 0 clean, 1 noise"},
        "numbers": {
            "type": "object",
            "additionalProperties": {"type": ["number", "string"]},
            "description": "what was measured, by name; infinity is the text inf",
        },
        "traces": {
            "type": "object",
            "additionalProperties": {"type": ["number", "string", "array"]},
            "description": "what the plots draw, by name; a list is a spectrum, from 1 cycle on",
        },
        "doubts": {"type": "array", "items": SAY, "description": "what to doubt, in words"},
        "approx": {
            "type": "array",
            "items": INDEX,
            "description": "the panels whose picture is an approximate preview",
        },
        "chart_x": {"anyOf": [PLACE, {"type": "null"}]},
        "thumb": {"anyOf": [INDEX, {"type": "null"}], "description": "the panel of the filmstrip"},
    },
    "required": ["i", "pictures", "text", "pos"],
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Frames of one run",
    "description": "The frames since the last message of the run; the final message has them all.",
    "properties": {
        "run": {"type": "string", "description": "a new id replaces the run that is shown"},
        "status": {"enum": ["waiting", "running", "done", "tape", "opened", "stopped"]},
        "file": {"type": "string", "description": "what the run was opened from"},
        "event": {"type": "string", "description": "what was called, see the names of the API"},
        "total": {**INDEX, "description": "frames of the finished run"},
        "title": SAY,
        "settings": {"type": "object", "description": "what repeats this run"},
        "panels": {"type": "array", "items": PANEL, "minItems": 1, "maxItems": 16},
        "axis_name": SAY,
        "curve": {"anyOf": [CURVE, {"type": "array", "items": {**CURVE, "minItems": 1}}]},
        "curve_name": SAY,
        "ends": {"type": "array", "items": SAY, "minItems": 2, "maxItems": 2},
        "ticks": {"type": "array", "items": {"type": "number"}},
        "strip": {**INDEX, "description": "the panel of the filmstrip"},
        "chart": {"type": "string", "description": "SVG that stands beside the panels"},
        "keep": {"type": ["string", "null"]},
        "start": {"anyOf": [INDEX, {"type": "null"}], "description": "the frame it opens at"},
        "versions": {"type": "object", "additionalProperties": {"type": "string"}},
        "frames": {"type": "array", "items": FRAME},
    },
    "required": ["run", "status", "frames"],
}
