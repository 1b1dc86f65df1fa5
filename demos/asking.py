"""The controls of the sampler: what a run can be asked for, and what goes together."""

from __future__ import annotations

from typing import Any

import gradio as gr
import torch

from core.data.captions import EXAMPLES
from core.data.emoji import draw_scene
from core.models import MODELS
from core.schedules import SCHEDULES, SPACINGS
from demos import checks, widgets
from demos.prompts import beside
from demos.remarks import GUIDANCE
from demos.runs import ALL_SAMPLERS, OWN, SHOWS, VARIANCES

ETA = "share of fresh noise: 0 none, 1 as much as DDPM"
ETAS = [("the sampler's own", ""), *((f"{eta:g}", eta) for eta in (0.0, 0.2, 0.5, 1.0))]


def main_controls() -> dict[str, Any]:
    """What one changes most, in the order of use."""
    controls: dict[str, Any] = {
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
    }
    controls["box"], controls["prompt"] = prompt_box(controls["model"])
    controls |= {
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
            0, 10, 2, step=0.5, label="Guidance", info=f"{GUIDANCE}; higher is stricter"
        ),
    }
    controls["seed"] = widgets.seed_row()
    return controls


def prompt_box(model: gr.Dropdown) -> tuple[gr.Column, widgets.Textbox]:
    """The prompt with its advice and a button for a random one, hidden at first."""
    with gr.Column(visible=False, elem_classes=["prompt-box"]) as box:
        with gr.Row(elem_classes=["seed-row"]):
            prompt = widgets.Textbox(
                EXAMPLES[0],
                label="Prompt",
                max_length=500,
                max_lines=1,
                scale=3,
                min_width=120,
                info="[tint] subject [on a … background]",
            )
            chance = gr.Button("Random", size="sm", scale=1, min_width=80)
        beside(model, prompt)
    chance.click(random_prompt, None, prompt, **widgets.QUIET)
    return box, prompt


def random_prompt() -> str:
    """A caption of the grammar, English."""
    return draw_scene(torch.Generator().manual_seed(widgets.dice())).caption()


def more_controls(model: gr.Dropdown) -> dict[str, Any]:
    """The rest, folded."""
    with gr.Accordion("More", open=False):
        return shown_controls(model) | solver_controls()


def shown_controls(model: gr.Dropdown) -> dict[str, Any]:
    """What is shown, and what a prompt is not."""
    show = widgets.Radio(
        list(SHOWS),
        value=SHOWS[0],
        label="Show",
        info="what the panels hold: the guess, what guidance does, or where words look",
    )
    negative = widgets.Textbox(
        "",
        label="Negative prompt",
        max_length=500,
        info="guidance pushes away from it instead of from the empty prompt",
        visible=False,
    )
    beside(model, negative)
    return {"show": show, "negative": negative}


def solver_controls() -> dict[str, Any]:
    """How the sampler goes."""
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
        "clip_x0": widgets.Checkbox(
            False,
            label="Clip x0 while sampling",
            info="keep each guess within the range of pictures",
        ),
    }


def presets(controls: dict[str, Any]) -> None:
    """One click to something worth seeing."""
    names = ("model", "label", "prompt", "sampler", "steps", "guidance", "show")

    def preset(model: str, asked: str, *values: Any, show: str = SHOWS[0]) -> dict[Any, Any]:
        text = MODELS[model].condition == "text"
        label, prompt = ("7", asked) if text else (asked, EXAMPLES[0])
        row = (model, label, prompt, *values, show)
        return dict(zip((controls[name] for name in names), row, strict=True))

    widgets.chips(
        {
            "a seven": preset("digits", "7", "ddim", 50, 2),
            "text to image": preset("emoji", EXAMPLES[0], "ddim", 30, 3),
            "what guidance does": preset(
                "emoji", EXAMPLES[0], "ddim", 30, 3, show="guidance split"
            ),
            "where words look": preset(
                "emoji", EXAMPLES[0], "ddim", 30, 3, show="attention per word"
            ),
            "noisy path: DDPM": preset("digits", "3", "ddpm", 100, 2),
            "only 8 steps: DPM++": preset("digits", "5", "dpmpp_2m", 8, 2),
            "no network: exact": preset("exact", "7", "ddim", 50, 1),
            "first lesson: naive": preset("basic", "", "naive", 40, 1),
        }
    )


def interlock(controls: dict[str, Any]) -> None:
    """What cannot be chosen together is greyed out or hidden, and the help says why."""
    for cause, function, names in (
        ("model", of_model, ("label", "guidance", "schedule", "box", "negative", "clip_x0")),
        ("sampler", of_sampler, ("eta", "variance")),
    ):
        results = [controls[name] for name in names]
        controls[cause].change(function, controls[cause], results, **widgets.QUIET)


def of_model(model: str) -> tuple[dict, ...]:
    """Label, guidance, schedule, prompt, negative prompt and clipping as the model allows them."""
    prompts = checks.card(model).condition
    text = prompts == "text"
    if prompts != "none":
        label = gr.update(visible=not text, interactive=True, info="the digit to draw")
        guidance = gr.update(interactive=True)
    else:
        info = f"the model {model} knows no labels"
        label = gr.update(visible=True, interactive=False, info=info, value="")
        guidance = gr.update(interactive=False, value=1)
    schedule = (
        gr.update(interactive=True)
        if checks.card(model).schedules == "any"
        else gr.update(interactive=False, value=OWN)
    )
    clip = gr.update(visible=False, value=False) if text else gr.update(visible=True)
    return label, guidance, schedule, gr.update(visible=text), gr.update(visible=text), clip


def of_sampler(sampler: str) -> tuple[dict, dict]:
    """Eta and variance as the sampler allows them."""
    sampler = checks.choice(sampler, "Sampler", list(ALL_SAMPLERS))
    if ALL_SAMPLERS[sampler].deterministic:
        eta = gr.update(interactive=False, value="", info="deterministic: no fresh noise")
    elif sampler == "lcm":
        eta = gr.update(interactive=False, value="", info="all noise is drawn afresh")
    else:
        eta = gr.update(interactive=True, info=ETA)
    if sampler in ("ddim", "ddpm"):
        return eta, gr.update(interactive=True)
    return eta, gr.update(interactive=False, value="posterior")
