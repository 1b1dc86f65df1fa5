"""Frame 20 of 50 is not a 20-step run: both runs from one noise, aligned by the noise level."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
from torch import Tensor

from core.images import BLANK, pixels_uri
from core.inversion import INVERSIONS, finish
from core.metrics import psnr
from core.models import Model
from core.samplers import SAMPLERS, Step, seeded
from core.schedules import Level
from demos.reel import Panel, Reel
from demos.runs.zero_gpu import loaded
from demos.sources import test_digit
from demos.ui.server.work import network_seconds, takes
from demos.views.numbers import decibel, facts, noise_share, percent, place, signal_curve

LONG, SHORT, DIGIT = 50, 20, 4
PICTURE, MANY, KEPT, FEW = range(4)
PANELS = (
    Panel("x₀", "picture", phone=False),
    Panel("xₜ ↓", f"{LONG}-step run", "signal"),
    Panel(f"frame {SHORT} of {LONG}", "kept to compare", "noise"),
    Panel("xₜ ↓", f"{SHORT}-step run", "first"),
)


@takes(lambda: network_seconds("digits", 2 * LONG + SHORT))
def strides() -> Iterator[tuple[Any, Any]]:
    """Invert a digit, then sample its noise in 50 and in 20 steps; streams both side by side.

    Yields what goes to player and session; there is nothing to edit.
    """
    yield gr.skip(), None
    model, x0, label = loaded("digits"), test_digit(DIGIT, 0), str(DIGIT)
    noise = finish(INVERSIONS["ddim"].invert(model, x0, label, steps=LONG)).trajectory[-1]
    denoise = model.denoiser(label)
    runs = {
        count: SAMPLERS["ddim"](denoise, noise, model.schedule.levels(count), noise=seeded(0, 1))
        for count in (LONG, SHORT)
    }
    reel, seen = empty(model), {PICTURE: x0}
    for count, step in merged(runs):
        seen[MANY if count == LONG else FEW] = step.x
        if count == LONG and step.index == SHORT:
            seen[KEPT] = step.x
        reel.add(shown(model, seen), said(count, step), **at(step.level))
        seen[MANY if count == LONG else FEW] = step.x_next
        if reel.due():
            yield reel.message(), gr.skip()
    reel.add(shown(model, seen), conclusion(model, seen), **at(model.schedule.final))
    yield reel.whole(), gr.skip()


def empty(model: Model) -> Reel:
    """A reel for both runs."""
    return Reel(
        PANELS,
        total=LONG + SHORT + 1,
        title=f"test digit {DIGIT}: {LONG} steps and {SHORT} steps from the same noise",
        settings={"model": "digits", "digit": DIGIT, "steps": [LONG, SHORT]},
        curve=signal_curve(),
        ticks=[place(level) for level in model.schedule.levels(SHORT)],
        strip=MANY,
    )


def shown(model: Model, seen: dict[int, Tensor]) -> list[str]:
    """The pictures of all panels; those without one yet are blank."""
    return [pixels_uri(model.pixels(seen[k])) if k in seen else BLANK for k in range(len(PANELS))]


def at(level: Level) -> dict[str, Any]:
    """Where a frame stands."""
    return {"pos": place(level), "facts": facts(level)}


def merged(runs: dict[int, Iterator[Step]]) -> Iterator[tuple[int, Step]]:
    """The steps of several runs, the noisier first."""
    waiting = {count: next(run) for count, run in runs.items()}
    while waiting:
        count = min(waiting, key=lambda each: waiting[each].level.log_snr)
        yield count, waiting[count]
        following = next(runs[count], None)
        if following is None:
            del waiting[count]
        else:
            waiting[count] = following


def said(count: int, step: Step) -> str:
    """How far a run is."""
    share = percent(noise_share(step.level))
    return f"The {count}-step run is at step {step.index} of {count}: {share} noise."


def conclusion(model: Model, seen: dict[int, Tensor]) -> str:
    """What the two runs and the kept frame have come to."""
    pixels = {panel: model.pixels(x) for panel, x in seen.items()}
    quality = {panel: decibel(psnr(each, pixels[PICTURE])) for panel, each in pixels.items()}
    share = percent(noise_share(model.schedule.levels(LONG)[SHORT]))
    return (
        f"Frame {SHORT} of {LONG} still is {share} noise ({quality[KEPT]} to the picture). A run "
        f"of {SHORT} steps visits all noise levels in larger strides and ends clean "
        f"({quality[FEW]}; {LONG} steps: {quality[MANY]})."
    )
