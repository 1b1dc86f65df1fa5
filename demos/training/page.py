"""The page of a training: what is trained on what, and the stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from demos.runs.requests import event
from demos.runs.stream import streamed
from demos.training.data import name_of
from demos.training.presets import PRESETS
from demos.training.request import TrainRequest
from demos.training.run import run
from demos.training.taken import save, use
from demos.ui.controls import QUIET, interlock, text
from demos.ui.errors import shown
from demos.ui.pictures import all_controls
from demos.ui.player import Player
from demos.ui.recorded import Shared, tape
from demos.ui.runner import Runner, chip_row, presses, resets, run_row, sent
from demos.ui.server.work import ENDLESS, takes

TITLE = "tab.training"
CAUSES = ("data", "network", "noise")
SHOWN_FIRST = (
    "data", "digit", "drawing", "folder", "side", "colour", "network", "target", "noise", "steps",
    "show",
)  # fmt: skip


@takes(lambda **_: ENDLESS)
@event(TrainRequest)
def train(request: TrainRequest) -> Iterator[tuple[Any, Any]]:
    """Train a small network and watch it, snapshot by snapshot; the same again goes on."""
    name = name_of(request)
    yield from sent(streamed(run(request, name, report=gr.Info), start=name))


def build(shared: Shared) -> None:
    """Lay out the tab."""
    gr.Markdown(text("train.lead"), elem_classes=["lead"])
    tries = chip_row(PRESETS)
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            button, stop, reset = run_row("button.train")
            controls = all_controls(TrainRequest, SHOWN_FIRST)
            using = gr.Button(text("button.use_trained"), size="sm")
            saving = gr.Button(text("button.save_trained"), size="sm")
            saved = gr.HTML("", elem_classes=["advice"])
        with gr.Column():
            player = Player(tape("train"), name="train", links=shared.links)
            gr.Markdown(text("train.about"), elem_classes=["about"])
    ordered = [controls[name] for name in TrainRequest.controls()]
    with Runner("train", player, stop) as runner:
        runner.starts(button, train, ordered, api_name="train")
    shared.links.offer_run("training", runner, button, controls, TrainRequest)
    runner.stale(list(controls.values()))
    resets(reset, controls)
    presses(tries, PRESETS.values(), TrainRequest, controls)
    interlock(TrainRequest, controls, CAUSES)
    used = using.click(shown(use), [runner.archive, shared.trained], shared.trained, **QUIET)
    used.success(lambda: gr.Tabs(selected="sampling"), None, shared.tabs, **QUIET)
    saving.click(shown(save), runner.archive, saved, **QUIET)
