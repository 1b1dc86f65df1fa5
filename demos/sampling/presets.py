"""One click to something worth seeing."""

from __future__ import annotations

from typing import Any

from core.data.captions import EXAMPLES

SEVEN = {"model": "digits", "label": "7", "sampler": "ddim", "steps": 50, "guidance": 2.0}
EMOJI = {"model": "emoji", "prompt": EXAMPLES[0], "sampler": "ddim", "steps": 30, "guidance": 3.0}
# The key of a chip's words, and the settings that it brings; the others are the defaults.
PRESETS: dict[str, dict[str, Any]] = {
    "sample.chip.seven": SEVEN,
    "sample.chip.emoji": EMOJI,
    "sample.chip.guidance": EMOJI | {"show": "guidance split"},
    "sample.chip.classifier": SEVEN | {"guided_by": "classifier", "show": "classifier"},
    "sample.chip.attention": EMOJI | {"show": "attention per word"},
    "sample.chip.ddpm": SEVEN | {"label": "3", "sampler": "ddpm", "steps": 100},
    "sample.chip.update": SEVEN | {"label": "3", "sampler": "ddpm", "show": "update"},
    "sample.chip.few": SEVEN | {"label": "5", "sampler": "dpmpp_2m", "steps": 8},
    "sample.chip.exact": SEVEN | {"model": "exact", "guidance": 1.0},
    "sample.chip.naive": SEVEN
    | {"model": "basic", "label": "", "sampler": "naive", "steps": 40, "guidance": 1.0},
}
