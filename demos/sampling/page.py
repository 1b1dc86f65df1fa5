"""The page of the sampler: its controls, its stage, and what starts a run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from demos.pictures.prompts import in_language
from demos.runs.archive import Archive
from demos.runs.fields import RealField
from demos.runs.requests import event
from demos.runs.stream import streamed
from demos.runs.zero_gpu import on_gpu
from demos.sampling.closer import closer
from demos.sampling.comparisons import COMPARISONS, compared
from demos.sampling.panels.guidance import WONDER
from demos.sampling.presets import PRESETS
from demos.sampling.request import ALL_SAMPLERS, SampleRequest
from demos.sampling.run import run
from demos.ui.controls import QUIET, Slider, interlock, text
from demos.ui.errors import language, shown
from demos.ui.pictures import all_controls, offers_trained
from demos.ui.player import Player
from demos.ui.recorded import Shared, tape
from demos.ui.runner import (
    OPENS_WITH,
    PRIVATE,
    Runner,
    chip_row,
    chosen,
    presses,
    resets,
    run_row,
    sent,
)
from demos.ui.server.work import network_seconds, takes
from demos.words import Refusal

TITLE = "tab.sampling"
SPLIT = "guidance split"
WHAT_IF = 4  # the panel of the guidance to wonder about
CAUSES = (  # what else can be asked for follows from these
    "model",
    "label",
    "sampler",
    "guidance",
    "guided_by",
    "eta",
    "variance",
    "show",
    "schedule",
)
SHOWN_FIRST = ("model", "label", "prompt", "sampler", "steps", "guidance", "seed")
W = RealField(low=0, high=20, default=WONDER, slider=(0, 20))


def seconds(model, sampler, steps, guidance, batch, **_: Any) -> float:
    """How long a run takes on one core, from what was sent."""
    calls = steps * ALL_SAMPLERS[sampler].calls_per_step * (1 if guidance == 1 else 2)
    return network_seconds(model, calls * batch)


@on_gpu(lambda request: request.seconds)
def sampled(request: SampleRequest) -> Iterator[Any]:
    """The messages of a run."""
    yield from streamed(run(request, report=gr.Info))


@takes(seconds)
@event(SampleRequest)
def sample(request: SampleRequest) -> Iterator[tuple[Any, Any]]:
    """Sample pictures step by step; streams the frames of the run."""
    yield from sent(sampled(request))


def versus_seconds(key: str) -> float:
    """How long all runs of a comparison take on one core."""
    defaults = SampleRequest.defaults()
    return sum(seconds(**(defaults | settings)) for settings in COMPARISONS[key].runs)


@takes(versus_seconds)
def versus(key: str) -> Iterator[tuple[Any, Any]]:
    """Sample all runs of a comparison, in the language of the page."""

    def asked(settings: dict[str, Any]) -> Iterator[Any]:
        prompt = in_language(settings.get("prompt", ""), language())
        return sampled(SampleRequest.of(**(settings | {"prompt": prompt})))

    yield from sent(compared(key, asked))


def what_if(archive: Archive | None, frame: int, guidance: Any) -> Any:
    """The guided guess of every frame at another guidance: no network call, x0 is linear in it."""
    guidance = W.check(guidance, "w")
    if not isinstance(archive, Archive) or not is_split(archive):
        raise Refusal("sample.refused.what_if")
    branches = ((kept[0].float(), kept[1].float()) for kept in archive.latents)
    return archive.previewed(WHAT_IF, [torch.lerp(no, yes, guidance) for no, yes in branches])


def what_if_still(archive: Any, frame: int, guidance: Any) -> Any:
    """The same at the end of a run, where the learner has moved the slider before."""
    moved = guidance != WONDER and isinstance(archive, Archive) and is_split(archive)
    return what_if(archive, frame, guidance) if moved else None


def is_split(archive: Archive) -> bool:
    """Whether a run shows what guidance is made of."""
    return archive.message.get("settings", {}).get("show") == SPLIT


def build(shared: Shared) -> None:
    """Lay out the tab."""
    gr.Markdown(text("sample.lead"), elem_classes=["lead"])
    tries = chip_row(PRESETS)
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            button, stop, reset = run_row()
            controls = all_controls(SampleRequest, SHOWN_FIRST)
            send = gr.Button(text("sample.send"), size="sm")
            versus_chips = chip_row([f"versus.{key}" for key in COMPARISONS], "chips.compare")
        with gr.Column():
            player = Player(tape("sample"), name="sample", links=shared.links)
            wonder = what_if_slider(controls["show"])
            looks = closer()
    ordered = [controls[name] for name in SampleRequest.controls()]
    with Runner("sample", player, stop) as runner:
        run = runner.starts(button, sample, ordered, api_name="sample")
        for key, chip in zip(COMPARISONS, versus_chips, strict=True):
            asked = SampleRequest.defaults() | COMPARISONS[key].runs[-1]
            settings = {controls[name]: value for name, value in asked.items()}
            runner.starts(chosen(chip, settings, f"versus-{key}"), partial(versus, key), [])
    for place, buttons in looks:
        runner.reports(place, *buttons)
    shared.links.offer_run("sampling", runner, button, controls, SampleRequest)
    runner.stale(ordered)
    runner.at_rest(wonder.change, what_if, [wonder])
    runner.at_rest(run.success, what_if_still, [wonder])
    resets(reset, controls)
    presses(tries, PRESETS.values(), SampleRequest, controls)
    interlock(SampleRequest, controls, CAUSES)
    adopt = partial(taken, list(controls))
    handed = shared.schedule.change(adopt, shared.schedule, list(controls.values()), **QUIET)
    handed.then(None, js="() => stepwise.run()", **PRIVATE)
    offers_trained(SampleRequest, controls["model"], shared.trained, chosen=True)
    send.click(shown(hand_over), runner.archive, [shared.picture, shared.tabs], **QUIET)


def taken(names: list[str], handed: tuple[dict[str, Any], float] | None) -> list[Any]:
    """What the controls hold to sample with settings; the others are the defaults."""
    if handed is None:  # nothing has been handed over
        return [gr.skip()] * len(names)
    settings, _ = handed
    asked = SampleRequest.of(**settings)
    held = (getattr(asked, name) for name in names)
    return ["" if value is None else value for value in held]


def what_if_slider(show: gr.Radio) -> Slider:
    """The guidance to wonder about, there while the stage shows the guidance split."""
    slider = Slider(
        W.low,
        W.high,
        W.default,
        step=W.step,
        label=text("sample.what_if.label"),
        info=text("sample.what_if.info"),
        visible=False,
        elem_classes=["control"],
    )
    show.change(lambda value: gr.update(visible=value == SPLIT), show, slider, **QUIET)
    return slider


def hand_over(archive: Any) -> tuple[tuple[str, Tensor], Any]:
    """Give the finished picture to the last tab and open it; the recorded one is sampled again."""
    if archive == OPENS_WITH:
        *_, (_, archive) = sampled(SampleRequest.of())
    if archive is None or archive.picture is None:
        raise Refusal("sample.refused.send")
    return archive.picture, gr.Tabs(selected="inversion")
