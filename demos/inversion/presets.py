"""One click to a lesson: the settings of an inversion and of an edit of it."""

from __future__ import annotations

from typing import Any

from core.data.captions import EXAMPLES
from demos.inversion.request import TARGET

EMOJI = {"model": "emoji", "source": "scene", "caption": EXAMPLES[0], "prompt": EXAMPLES[0]}
# Nothing is changed, and the guidance is high: what comes back is what the method keeps.
BROKEN = EMOJI | {
    "invert_guidance": 7.5,
    "target_prompt": EXAMPLES[0],
    "guidance": 7.5,
    "strength": 1.0,
}
# A picture that the model has not learned comes back from z_T as another one, once there is
# guidance; from a level on the way it does. Emoji, which it knows, come back from both.
START = {
    "model": "emoji",
    "source": "photograph",
    "photo": "coffee",
    "prompt": "hot beverage",
    "steps": 50,
    "invert_guidance": 3.5,
    "target_prompt": "hot beverage",
    "guidance": 3.5,
    "strength": 0.4,
}
# Three edits of a real picture: swap the animal, add something, change the style; then a digit.
# Guidance and start levels are those of the lessons that show the same edits of photographs.
PRESETS: dict[str, dict[str, Any]] = {
    "invert.chip.fox": EMOJI | {"target_prompt": TARGET, "guidance": 3.5, "strength": 0.8},
    "invert.chip.sunglasses": EMOJI
    | {
        "caption": "grinning face",
        "prompt": "grinning face",
        "target_prompt": "smiling face with sunglasses",
        "guidance": 3.5,
        "strength": 0.88,
    },
    "invert.chip.sketch": EMOJI
    | {
        "caption": "tiger face on a green background",
        "prompt": "tiger face on a green background",
        "target_prompt": "tiger face on a green background, sketch",
        "guidance": 5.5,
        "strength": 0.74,
    },
    "invert.chip.start": START,
    "invert.chip.broken": BROKEN,
    "invert.chip.repaired": BROKEN | {"method": "residual"},
    "invert.chip.nine": {"target": "9"},
}
