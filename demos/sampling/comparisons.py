"""Comparisons at one click: a few runs under one clock, and what to look at in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from core.data.captions import EXAMPLES
from demos.runs.stream import PERIOD, Sending
from demos.words import said

DIGIT = {"model": "digits", "label": "7", "sampler": "ddim", "steps": 50, "guidance": 2.0}
PLAIN = DIGIT | {"label": "3", "guidance": 1.0, "seed": 1}
VARIANCE = PLAIN | {"model": "digits-variance", "sampler": "ddpm", "steps": 10}
EMOJI = {"model": "emoji", "prompt": EXAMPLES[0], "sampler": "ddim", "steps": 30}


@dataclass(frozen=True)
class Comparison:
    """Runs that differ in little.

    Attributes:
        runs: the settings of each, all others at their defaults; at most four.
        align: what stands side by side: the same noise "level", "step" or number of "calls".
        panel: key of the picture that is compared.
    """

    runs: tuple[dict[str, Any], ...]
    align: str = "level"
    panel: str = "x0"


def varied(settings: dict[str, Any], name: str, *values: Any) -> tuple[dict[str, Any], ...]:
    """The same settings with several values of one of them."""
    return tuple(settings | {name: value} for value in values)


# By the key of their words: `versus.KEY` on the chip, `versus.KEY.look` on the stage.
COMPARISONS: dict[str, Comparison] = {
    "noise": Comparison(varied(DIGIT, "sampler", "ddim", "ddpm"), panel="x_t"),
    "steps": Comparison(varied(DIGIT, "steps", 10, 20, 50, 1000)),
    "guidance": Comparison(varied(EMOJI, "guidance", 1.0, 3.0, 8.0)),
    "classifier": Comparison(varied(DIGIT, "guided_by", "free", "classifier")),
    "eta": Comparison(varied(DIGIT | {"steps": 20}, "eta", 0.0, 0.2, 0.5, 1.0)),
    "variance": Comparison(
        varied(VARIANCE, "variance", "posterior", "beta", "learned"), panel="x_t"
    ),
    "spacing": Comparison(varied(DIGIT | {"steps": 10}, "spacing", "trailing", "leading")),
    "learned": Comparison(varied(PLAIN | {"label": "5"}, "model", "exact", "digits")),
    "once": Comparison(varied(PLAIN, "steps", 1, 50), align="step"),
    "twenty": Comparison(varied(DIGIT, "steps", 20, 50), align="step", panel="x_t"),
    "budget": Comparison(
        (
            *varied(DIGIT | {"steps": 12}, "sampler", "ddpm", "ddim", "dpmpp_2m"),
            DIGIT | {"steps": 6, "sampler": "heun"},
        ),
        align="calls",
    ),
}


def compared(
    key: str, sampled: Callable[[dict[str, Any]], Iterator[Sending]]
) -> Iterator[Sending]:
    """The messages of all runs of a comparison, one run after the other."""
    comparison, before = COMPARISONS[key], None
    for place, settings in enumerate(comparison.runs):
        if place:
            time.sleep(PERIOD)  # or a busy page would see the next run in place of the last frames
        about = {
            "place": place,
            "before": before,
            "align": comparison.align,
            "panel": comparison.panel,
            "look": said(f"versus.{key}.look"),
        }
        for message, archive in sampled(settings):
            yield None if message is None else {**message, "compare": about}, archive
            before = archive.run
