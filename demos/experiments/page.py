"""The page of the experiments: which one, with what, and the stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from demos.experiments.kinds.known import known
from demos.experiments.kinds.places import PAINTED
from demos.experiments.presets import PRESETS
from demos.experiments.request import ExperimentRequest
from demos.experiments.run import run
from demos.pictures.masks import background
from demos.runs.requests import event
from demos.runs.stream import streamed
from demos.runs.zero_gpu import loaded
from demos.ui.controls import QUIET, interlock, text
from demos.ui.errors import shown
from demos.ui.pictures import all_controls, translates
from demos.ui.player import Player
from demos.ui.recorded import Shared, tape
from demos.ui.runner import Runner, chip_row, presses, resets, run_row, sent
from demos.ui.server.work import network_seconds, takes

TITLE = "tab.experiments"
CAUSES = ("kind", "bug", "model", "label", "prompt", "view", "place", "way", "guidance")
SHOWN_FIRST = (
    "kind", "bug", "model", "digit", "caption", "drawing", "place", "painted", "label",
    "prompt", "label_two", "prompt_two", "view", "spread", "way", "steps", "guidance",
)  # fmt: skip


def seconds(**values: Any) -> float:
    """How long a run takes on one core."""
    request = ExperimentRequest.read(**values)
    return network_seconds(request.model, request.rows)


@takes(seconds)
@event(ExperimentRequest)
def experiment(request: ExperimentRequest) -> Iterator[tuple[Any, Any]]:
    """Run one of the experiments of a diffusion course, frame by frame."""
    yield from sent(streamed(run(request, report=gr.Info)))


def build(shared: Shared) -> None:
    """Lay out the tab."""
    gr.Markdown(text("experiment.lead"), elem_classes=["lead"])
    tries = chip_row(PRESETS)
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            button, stop, reset = run_row()
            controls = all_controls(ExperimentRequest, SHOWN_FIRST)
        with gr.Column():
            player = Player(tape("experiment"), name="experiment", links=shared.links)
            about = gr.Markdown(about_it("bugs"), elem_classes=["about"])
    ordered = [controls[name] for name in ExperimentRequest.controls()]
    with Runner("experiment", player, stop) as runner:
        runner.starts(button, experiment, ordered, api_name="experiment")
    shared.links.offer_run("experiments", runner, button, controls, ExperimentRequest)
    runner.stale([each for name, each in controls.items() if name != "painted"])
    resets(reset, controls)
    presses(tries, PRESETS.values(), ExperimentRequest, controls)
    translates(controls["model"], controls["caption"], controls["prompt_two"])
    interlock(ExperimentRequest, controls, CAUSES)
    controls["kind"].change(about_it, controls["kind"], about, **QUIET)
    follow_picture(controls)


def about_it(kind: Any) -> Any:
    """What an experiment shows, with its formula and its source."""
    return text(f"experiment.about.{ExperimentRequest.controls()['kind'].check(kind, '')}")


def follow_picture(controls: dict[str, Any]) -> None:
    """What is painted on is the picture that is chosen."""
    names = ("model", "digit", "index", "caption", "place")

    def to_paint(*values: Any) -> dict[str, Any]:
        asked = ExperimentRequest.read(kind="inpainting", **dict(zip(names, values, strict=True)))
        if asked.place != PAINTED:
            return gr.skip()
        model = loaded(asked.model)
        return gr.update(value=background(model.pixels(known(model, asked)).cpu()))

    gr.on(
        [controls[name].change for name in names],
        shown(to_paint),
        [controls[name] for name in names],
        controls["painted"],
        trigger_mode="always_last",
        **QUIET,
    )
