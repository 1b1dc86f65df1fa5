"""Tab 3: the step-by-step sampler. Every intermediate picture streams in while it is computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
from torch import Tensor

from core.samplers import Step
from core.schedules import SCHEDULES, SPACINGS
from demos import widgets
from demos.player import Player
from demos.runs import (
    ALL_SAMPLERS,
    OWN,
    PANELS,
    VARIANCES,
    Request,
    Run,
    add_result,
    add_step,
    reel_of,
)

TITLE = "Sample"
ETA = "share of fresh noise: 0 none, 1 as much as DDPM"
ETAS = [("the sampler's own", ""), *((f"{eta:g}", eta) for eta in (0.0, 0.2, 0.5, 1.0))]
LEAD = (
    "**From noise to a digit, one step at a time.** Left is the picture at its noise level, in "
    "the middle what the model believes lies under the noise, right the noise it sees. Press "
    "**Run**, then walk through the steps with the arrow keys: when does the guess become a digit?"
)


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
) -> Iterator[tuple[dict, Any]]:
    """Sample digits step by step; streams the frames of the run.

    Args:
        model: digits, exact or basic.
        label: "0" .. "9", or "" for any digit.
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
    """
    run = Run.of(Request.checked(**locals()))
    reel = reel_of(run)
    last: Step | None = None
    for step in run.steps():
        add_step(reel, run, step, last)
        last = step
        if reel.due():
            yield reel.message(), sendable(step.prediction.x0)
    if last is not None:
        add_result(reel, run, last)
        yield reel.whole(), sendable(last.x_next)


def sendable(x: Tensor) -> Tensor:
    """The first picture of a batch, as the last tab takes it; a stopped run sends its guess."""
    return x[:1].float().clamp(-1, 1).cpu()


def build(shared: widgets.Shared) -> None:
    """Lay out the tab."""
    widgets.lead(LEAD)
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            controls = main_controls()
            buttons = widgets.run_row()
            presets(controls)
            controls |= more_controls()
            send = gr.Button("Send picture to Invert & edit", size="sm")
        with gr.Column():
            player = Player(widgets.tape("sample"), name="sample", panels=PANELS)
    picture = gr.State()
    # The order of the arguments of `sample`.
    ordered = [controls[name] for name in Request.__dataclass_fields__]
    widgets.wire("sample", widgets.shown(sample), ordered, [player, picture], buttons)
    interlock(controls)
    send.click(
        widgets.shown(hand_over),
        picture,
        [shared.picture, shared.tabs],
        show_progress="hidden",
        api_visibility="private",
    )


def main_controls() -> dict[str, Any]:
    """What one changes most, in the order of use."""
    controls = {
        "model": widgets.Dropdown(
            widgets.model_choices(),
            value="digits",
            label="Model",
            info="a trained network, or the exact answer",
        ),
        "label": widgets.Radio(
            widgets.LABELS,
            value="7",
            label="Label",
            info="the digit to draw",
            elem_classes=["digits-row"],
        ),
        "sampler": widgets.Dropdown(
            widgets.sampler_choices(ALL_SAMPLERS),
            value="ddim",
            label="Sampler",
            info="the rule of one step",
        ),
        "steps": widgets.Slider(
            1, 200, 50, step=1, label="Steps", info="more steps, smaller errors"
        ),
        "guidance": widgets.Slider(
            0,
            10,
            2,
            step=0.5,
            label="Guidance",
            info="1 none; higher follows the label more strictly",
        ),
    }
    controls["seed"] = widgets.seed_row()
    return controls


def more_controls() -> dict[str, Any]:
    """The rest, folded."""
    with gr.Accordion("More", open=False):
        return {
            "batch": widgets.Slider(
                1,
                16,
                1,
                step=1,
                label="Batch",
                info="pictures at once, with seeds seed, seed + 1, ...",
            ),
            "eta": widgets.Radio(
                ETAS, value="", label="Eta (η)", info=ETA, elem_classes=["digits-row"]
            ),
            "variance": widgets.Radio(
                list(VARIANCES),
                value="posterior",
                label="Variance",
                info="of the fresh noise; beta is the DDIM paper's σ̂",
            ),
            "spacing": widgets.Radio(
                list(SPACINGS),
                value="trailing",
                label="Spacing",
                info="which of the 1000 timesteps a run visits",
            ),
            "schedule": widgets.Dropdown(
                [("the model's own", OWN), *SCHEDULES],
                value=OWN,
                label="Schedule",
                interactive=False,
                info="only the model exact can take another one",
            ),
            "clip_x0": gr.Checkbox(
                False,
                label="Clip x0 while sampling",
                info="keep each guess within the range of pictures",
            ),
        }


def presets(controls: dict[str, Any]) -> None:
    """One click to something worth seeing."""
    model, label, sampler = controls["model"], controls["label"], controls["sampler"]
    steps, guidance = controls["steps"], controls["guidance"]

    def preset(*values: Any) -> dict[Any, Any]:
        return dict(zip((model, label, sampler, steps, guidance), values, strict=True))

    widgets.chips(
        {
            "a seven": preset("digits", "7", "ddim", 50, 2),
            "noisy path: DDPM": preset("digits", "3", "ddpm", 100, 2),
            "only 8 steps: DPM++": preset("digits", "5", "dpmpp_2m", 8, 2),
            "guidance 8": preset("digits", "2", "ddim", 50, 8),
            "no network: exact": preset("exact", "7", "ddim", 50, 1),
            "first lesson: naive": preset("basic", "", "naive", 40, 1),
        }
    )


def interlock(controls: dict[str, Any]) -> None:
    """What cannot be chosen together is greyed out, and the help says why."""
    for cause, function, names in (
        ("model", of_model, ("label", "guidance", "schedule")),
        ("sampler", of_sampler, ("eta", "variance")),
    ):
        controls[cause].change(
            function,
            controls[cause],
            [controls[name] for name in names],
            show_progress="hidden",
            api_visibility="private",
        )


def of_model(model: str) -> tuple[dict, dict, dict]:
    """Label, guidance and schedule as the model allows them."""
    if model == "basic":
        label = gr.update(interactive=False, info="the model basic knows no labels", value="")
        guidance = gr.update(interactive=False, value=1)
    else:
        label = gr.update(interactive=True, info="the digit to draw")
        guidance = gr.update(interactive=True)
    if model == "exact":
        return label, guidance, gr.update(interactive=True)
    return label, guidance, gr.update(interactive=False, value=OWN)


def of_sampler(sampler: str) -> tuple[dict, dict]:
    """Eta and variance as the sampler allows them."""
    if ALL_SAMPLERS[sampler].deterministic:
        eta = gr.update(interactive=False, value="", info="deterministic: no fresh noise")
    else:
        eta = gr.update(interactive=True, info=ETA)
    if sampler in ("ddim", "ddpm"):
        return eta, gr.update(interactive=True)
    return eta, gr.update(interactive=False, value="posterior")


def hand_over(picture: Tensor | None) -> tuple[Tensor, Any]:
    """Give the finished picture to the last tab and open it."""
    if picture is None:
        raise ValueError("run the sampler first; then its picture can be sent")
    return picture, gr.Tabs(selected="inversion")
