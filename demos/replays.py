"""The presets of the last tab: one click sets the controls, inverts and edits."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from typing import Any

import gradio as gr

from core.data.captions import EXAMPLES
from demos import inverting
from demos.editing import MASKS, TARGET, edit
from demos.inverting import invert
from demos.server.work import takes

COMMON = {
    "method": "ddim",
    "steps": 30,
    "seed": 0,
    "invert_guidance": 1,
    "sdedit_seed": 1,
    "mask": MASKS[0],
}
DIGITS = {"source": "test digit", "model": "digits", **COMMON}
EMOJI = {"source": "scene", "model": "emoji", **COMMON}
# Nothing is changed, and the guidance is high: what comes back is what the method keeps.
BROKEN = EMOJI | {
    "caption": EXAMPLES[0],
    "prompt": EXAMPLES[0],
    "invert_guidance": 7.5,
    "target_prompt": EXAMPLES[0],
    "guidance": 7.5,
    "strength": 1.0,
}
# Three edits of a real picture: swap the animal, add something, change the style; then a digit.
# Guidance and start levels are those of the lessons that show the same edits of photographs.
PRESETS: dict[str, dict[str, Any]] = {
    "dog → fox": EMOJI
    | {
        "caption": EXAMPLES[0],
        "prompt": EXAMPLES[0],
        "target_prompt": TARGET,
        "guidance": 3.5,
        "strength": 0.8,
    },
    "+ sunglasses": EMOJI
    | {
        "caption": "grinning face",
        "prompt": "grinning face",
        "target_prompt": "smiling face with sunglasses",
        "guidance": 3.5,
        "strength": 0.88,
    },
    "as a sketch": EMOJI
    | {
        "caption": "tiger face on a green background",
        "prompt": "tiger face on a green background",
        "target_prompt": "tiger face on a green background, sketch",
        "guidance": 5.5,
        "strength": 0.74,
    },
    "guidance breaks it": BROKEN,
    "residual repairs it": BROKEN | {"method": "residual"},
    "4 → 9": DIGITS
    | {"digit": 4, "index": 0, "label": "4", "target": "9", "guidance": 3, "strength": 0.8},
}


def in_turn(first: dict[str, Any], second: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Invert and reconstruct, then edit; yields what goes to player and session."""
    session: Any = None
    for message, session in invert(**first):
        yield message, session
    yield from edit(session, **second)


def seconds(settings: dict[str, Any]) -> float:
    """How long all three steps take on one core: an edit takes as long as an inversion."""
    return 2 * inverting.seconds(**settings)


@takes(lambda names, values: seconds(dict(zip(names, values, strict=True))))
def all_steps(names: list[str], *values: Any) -> Iterator[tuple[Any, Any]]:
    """`in_turn` with the values of the controls of these names."""
    yield from in_turn(*parted(dict(zip(names, values, strict=True))))


@takes(lambda preset: seconds(preset))
def replay(preset: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """`in_turn` with the values of a preset, whatever the controls still hold.

    Yields in addition what goes to the preset's controls: these are set first, the source before
    the model, which looks at it when it changes.
    """
    yield gr.skip(), gr.skip(), *preset.values()
    for outputs in in_turn(*parted(preset)):
        yield *outputs, *[gr.skip()] * len(preset)


def parted(settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings of `invert`, and those of `edit`."""
    taken = signature(invert).parameters
    first = {name: value for name, value in settings.items() if name in taken}
    return first, {name: value for name, value in settings.items() if name not in first}
