"""The page of forward noising: which picture drowns, and the stage."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from demos.forward.hundred import COUNT, hundred, refuse, report
from demos.forward.presets import PRESETS
from demos.forward.request import NoiseRequest
from demos.forward.run import run
from demos.pictures.sources import CHOICE
from demos.runs.requests import event
from demos.runs.stream import streamed
from demos.runs.zero_gpu import loaded
from demos.ui.controls import interlock, text
from demos.ui.pictures import all_controls, offers_trained, translates
from demos.ui.player import Player
from demos.ui.recorded import Shared, tape
from demos.ui.runner import Runner, chip_row, presses, resets, run_row, sent
from demos.ui.sections import requested, section, waited
from demos.ui.server.work import network_seconds, takes

TITLE = "tab.forward"
HUNDRED = {"test digit": "hundred.digits", "noise": "hundred.noise"}  # the words of each kind
CAUSES = ("model", "source", "process", "fit")  # what else can be asked for follows from these
SHOWN_FIRST = ("model", *CHOICE, "picture", "drawing", "fit", "process", "at", "other")


def seconds(model, frames, **_: Any) -> float:
    """How long a run takes on one core: two guesses and some decoding for each frame."""
    return network_seconds(model, 4 * frames)


@takes(seconds)
@event(NoiseRequest)
def noise(request: NoiseRequest) -> Iterator[tuple[Any, Any]]:
    """Noise a picture level by level and let the model guess the clean one from each."""
    yield from sent(streamed(run(request, report=gr.Info)))


@takes(lambda kind, archive: network_seconds(requested(NoiseRequest, archive).model, COUNT))
def hundreds(kind: str, archive: Any) -> Iterator[Any]:
    """A hundred pictures at a hundred timesteps, for the model of the run."""
    request = requested(NoiseRequest, archive)
    refuse(request.model)
    model = loaded(request.model)
    found = yield from waited(hundred(model, kind, request.seed))
    yield report(model, *found)


def build(shared: Shared) -> None:
    """Lay out the tab."""
    gr.Markdown(text("noise.lead"), elem_classes=["lead"])
    tries = chip_row(PRESETS)
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            button, stop, reset = run_row()
            controls = all_controls(NoiseRequest, SHOWN_FIRST)
        with gr.Column():
            player = Player(tape("noise"), name="noise", links=shared.links)
            *buttons, place = section("hundred.title", "hundred.lead", *HUNDRED.values())
    ordered = [controls[name] for name in NoiseRequest.controls()]
    with Runner("noise", player, stop) as runner:
        runner.starts(button, noise, ordered, api_name="noise")
    looks = zip(buttons, HUNDRED, strict=True)
    runner.reports(place, *((each, partial(hundreds, kind), False) for each, kind in looks))
    shared.links.offer_run("forward", runner, button, controls, NoiseRequest)
    runner.stale([*controls.values()])
    resets(reset, controls)
    presses(tries, PRESETS.values(), NoiseRequest, controls)
    translates(controls["model"], controls["caption"], controls["other"])
    interlock(NoiseRequest, controls, CAUSES)
    offers_trained(NoiseRequest, controls["model"], shared.trained)
