"""One click to each experiment."""

from __future__ import annotations

from typing import Any

# The key of a chip's words, and the settings that it brings; the others are the defaults.
PRESETS: dict[str, dict[str, Any]] = {
    "experiment.chip.no_noise": {"kind": "bugs", "bug": "no_noise"},
    "experiment.chip.index": {"kind": "bugs", "bug": "index_for_t"},
    "experiment.chip.stride": {"kind": "bugs", "bug": "other_stride", "steps": 150},
    "experiment.chip.restoring": {"kind": "restoring"},
    "experiment.chip.inpainting": {"kind": "inpainting"},
    "experiment.chip.anagram": {"kind": "anagram", "label": "6", "label_two": "9"},
    "experiment.chip.hybrid": {
        "kind": "hybrid", "model": "emoji", "prompt": "red apple", "prompt_two": "cat face",
        "guidance": 4.0, "steps": 25,
    },
    "experiment.chip.walk": {"kind": "walk", "steps": 20, "count": 17},
    "experiment.chip.poke": {"kind": "poke"},
    "experiment.chip.best": {"kind": "best", "guidance": 1.0},
    "experiment.chip.auto": {"kind": "autoguidance", "label": "8", "batch": 9, "steps": 20},
}  # fmt: skip
