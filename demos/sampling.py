"""Tab 3: the step-by-step sampler. Every intermediate picture streams in while it is computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from core.data.captions import EXAMPLES
from core.models import MODELS
from core.samplers import Step
from demos import checks, widgets
from demos.asking import interlock, main_controls, more_controls, presets
from demos.gpu import on_gpu
from demos.looks import PredictionLook
from demos.player import Player
from demos.runs import ALL_SAMPLERS, OWN, SHOWS, Request, Run, add_result, add_step, reel_of
from demos.server.work import network_seconds, takes
from demos.views import Kept, decoded

TITLE = "Sample"
LEAD = (
    "**From noise to a picture, one step at a time.** Left is the picture at its noise level, in "
    "the middle what the model believes lies under the noise, right the noise it sees. Press "
    "**Run**, then walk through the steps with the arrow keys: when can you tell what it will be?"
)


def seconds(model, sampler, steps, guidance, batch, **_: Any) -> float:
    """How long a run takes on one core, from what was sent."""
    calls = steps * ALL_SAMPLERS[sampler].calls_per_step * (1 if guidance == 1 else 2)
    return network_seconds(model, calls * batch)


@takes(seconds)
def sample(
    model: str = "digits",
    label: str = "7",
    sampler: str = "ddim",
    steps: int = 50,
    guidance: float = 2.0,
    seed: int = 0,
    batch: int = 1,
    eta: float | None = None,
    variance: str = "posterior",
    spacing: str = "trailing",
    schedule: str = OWN,
    clip_x0: bool = False,
    prompt: str = EXAMPLES[0],
    negative: str = "",
    show: str = SHOWS[0],
) -> Iterator[tuple[Any, Any, Any]]:
    """Sample pictures step by step; streams the frames of the run.

    Args:
        model: digits, emoji, exact, basic, or another of the menu.
        label: "0" .. "9", or "" for any digit; for the models of digits.
        sampler: a name of the menu, e.g. ddim, ddpm, heun, dpmpp_2m, unipc.
        steps: 1..1000.
        guidance: classifier-free guidance in 0..20; 1 is none.
        seed: 0..4294967295; picture i of a batch has seed + i.
        batch: pictures, 1..16.
        eta: share of fresh noise in 0..1; empty is the sampler's own.
        variance: posterior, or beta (ddim and ddpm only: the DDIM paper's sigma-hat).
        spacing: leading, trailing or linspace.
        schedule: own; for the model exact also any name of the schedule tab.
        clip_x0: clip the predicted clean picture to the displayable range while sampling.
        prompt: what to draw; for models that read text.
        negative: what to push away from instead of the empty prompt.
        show: prediction, guidance split or attention per word.
    """
    yield from sampled(Request.checked(**locals()))


@on_gpu(lambda request: request.seconds)
def sampled(request: Request) -> Iterator[tuple[Any, Any, Any]]:
    """Run a checked request: messages for the player, the picture, what stays of the run."""
    run = Run.of(request, report=gr.Info)
    reel, latents = reel_of(run), []
    last: Step | None = None
    sent = Sent(request.model)
    for step in run.steps():
        latents.append(add_step(reel, run, step, last))
        sent.x0, last = sendable(run, step.prediction.x0), step
        if reel.due():
            yield reel.message(), gr.skip() if step.index else sent, gr.skip()
    if last is not None:
        yield reel.message(), gr.skip(), gr.skip()  # the last guess, before it is decoded
        latents.append(add_result(reel, run, last))
        message, sent.x0 = reel.whole(), sendable(run, last.x_next)
        yield message, sent, Kept(request.model, message, latents)


@dataclass(eq=False)
class Sent:
    """The picture of a run as the last tab takes it; a stopped run leaves its last guess."""

    model: str
    x0: Tensor | None = None


def sendable(run: Run, x: Tensor) -> Tensor:
    """The first picture of a batch, within the range of pictures if it has one."""
    x = x[:1].float().cpu()
    return x if MODELS[run.request.model].space == "latents" else x.clamp(-1, 1)


def what_if(kept: Kept | None, frame: int, guidance: Any) -> Any:
    """The guided guess of one frame at another guidance: no network call, x0 is linear in it."""
    guidance = checks.real(guidance, "Guidance", 0, 20)
    if not isinstance(kept, Kept) or kept.message["settings"]["show"] != "guidance split":
        raise ValueError("Run with Show: guidance split first; then this slider has two guesses.")
    frame = min(checks.whole(frame, "Frame", 0, 1000), len(kept.latents) - 1)
    no, yes, guided = (kept.latents[frame][k].float() for k in (0, 1, 3))
    latents = {0: no, 1: yes, 3: guided, 4: torch.lerp(no, yes, guidance)}
    return kept.refined(frame, latents)


def build(shared: widgets.Shared) -> None:
    """Lay out the tab."""
    widgets.lead(LEAD)
    picture, kept = gr.State(), gr.State()
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            controls = main_controls()
            buttons = widgets.run_row()
            with gr.Column() as chips:
                pass
            controls |= more_controls(controls["model"])
            with chips:
                presets(controls)
            send = gr.Button("Send picture to Invert & edit", size="sm")
        with gr.Column():
            player = Player(widgets.tape("sample"), name="sample", panels=PredictionLook.PANELS)
            wonder = what_if_slider(controls["show"])
    # The order of the arguments of `sample`.
    ordered = [controls[name] for name in Request.__dataclass_fields__]
    widgets.wire("sample", sample, ordered, [player, picture, kept], buttons)
    widgets.decode_at_rest("sample", decoded, kept, player)
    widgets.at_rest("sample", wonder.change, what_if, [kept, wonder], player)
    interlock(controls)
    send.click(checks.shown(hand_over), picture, [shared.picture, shared.tabs], **widgets.QUIET)


def what_if_slider(show: gr.Radio) -> widgets.Slider:
    """The guidance to wonder about, there while the stage shows the guidance split."""
    slider = widgets.Slider(
        0,
        20,
        7.5,
        step=0.5,
        label="What if guidance were w here",
        info="recombines the two guesses of this frame; no network call",
        visible=False,
    )
    show.change(lambda value: gr.update(visible=value == SHOWS[1]), show, slider, **widgets.QUIET)
    return slider


def hand_over(sent: Sent | None) -> tuple[tuple[str, Tensor], Any]:
    """Give the finished picture to the last tab and open it."""
    if sent is None or sent.x0 is None:
        raise ValueError("run the sampler first; then its picture can be sent")
    return (sent.model, sent.x0), gr.Tabs(selected="inversion")
