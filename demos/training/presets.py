"""One click to each training."""

from __future__ import annotations

from typing import Any

OF_POINTS = {"steps": 2000, "batch": 256}
# The key of a chip's words, and the settings that it brings; the others are the defaults.
PRESETS: dict[str, dict[str, Any]] = {
    "train.chip.digits": {},
    "train.chip.lesson": {
        "network": "basic", "noise": "uniform", "target": "sample", "steps": 600, "batch": 64,
        "rate": 1e-3,
    },
    "train.chip.one": {"data": "one digit", "steps": 250},
    "train.chip.roll": {"data": "swiss roll", **OF_POINTS},
    "train.chip.moons": {"data": "two moons", **OF_POINTS},
    "train.chip.epsilon": {"target": "epsilon"},
    "train.chip.blind": {"told": False},
}  # fmt: skip
