"""A picture to start from, and a prompt: what several tabs ask for in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
import torch

from core.data.emoji import draw_scene
from core.models import MODELS
from demos.pictures.prompts import advice, in_language
from demos.runs.fields import ChoiceField, TextField
from demos.runs.requests import Request
from demos.ui.controls import QUIET, control, dice, options, text
from demos.ui.errors import language, shown
from demos.ui.runner import seed_row
from demos.ui.uploads import drawing_pad, mask_pad, pictures, points_pad, upload
from demos.views.html import spoken
from demos.words import Say, said
from demos.words.reasons import alone

MAKERS = {  # of fields that take a picture, by their name, with the event where it is its own
    "picture": upload,
    "drawing": drawing_pad,
    "train.drawing": points_pad,
    "painted": mask_pad,
    "folder": pictures,
}
READ = ("negative", "prompt_two")  # prompts beside the first: they have its advice, too
MODEL = ChoiceField(options=MODELS, default="digits")
PROMPT = TextField(most=500, default="")


def made(request: type[Request], name: str, **more: Any) -> Any:
    """The widget of a field, also of one that takes a picture."""
    maker = MAKERS.get(f"{request.event}.{name}") or MAKERS.get(name)
    return maker() if maker else control(request, name, **more)


def all_controls(request: type[Request], first: Sequence[str]) -> dict[str, Any]:
    """The controls of a request: what one changes most in this order, and the rest folded."""
    found: dict[str, Any] = {}

    def add(name: str) -> None:
        if name == "prompt":
            found[name] = prompt_row(request, name, found["model"])
        else:
            found[name] = seed_row(request) if name == "seed" else made(request, name)
        if name in READ:
            beside(found["model"], found[name])

    for name in first:
        add(name)
    with gr.Accordion(text("more"), open=False):
        for name in [each for each in request.controls() if each not in found]:
            add(name)
    return found


def beside(model: gr.Dropdown, prompt: gr.Textbox) -> gr.HTML:
    """What stands below a prompt: how much of it is read, what is cut, what was never seen."""
    place = gr.HTML("", elem_classes=["advice"], visible=False)
    gr.on(
        [model.change, prompt.change],
        advised,
        [model, prompt],
        place,
        trigger_mode="always_last",
        **QUIET,
    )
    return place


def advised(model: Any, prompt: Any) -> dict[str, Any]:
    """The advice on a prompt as HTML; what is wrong with a value is said in the same place."""
    try:
        name = MODEL.check(model, said("model.label"))
        says: list[Say] = advice(name, PROMPT.check(prompt, said("prompt.label")))
    except ValueError as error:
        says = [alone(error)]
    return gr.update(value=" ".join(map(spoken, says)), visible=bool(says))


def prompt_row(request: type[Request], name: str, model: Any) -> Any:
    """A prompt with its advice and a button for a random one."""
    prompt = control(request, name)
    with gr.Row(elem_classes=["advice-row"]):
        beside(model, prompt)
        chance = gr.Button(text("button.random"), size="sm", scale=0, min_width=80)
        chance.visible = prompt.visible
    translates(model, prompt)
    chance.click(random_prompt, None, prompt, **QUIET)
    model.change(
        lambda name: gr.update(visible=condition_of(name) == "text"), model, chance, **QUIET
    )
    return prompt


def offers_trained(
    request: type[Request], model: gr.Dropdown, trained: gr.State, chosen: bool = False
) -> None:
    """Add what the learner has trained to the menu of models; the latest is chosen, if asked."""

    def menu(names: list[str] | None) -> dict[str, Any]:
        own = names or []
        choices = options(request, "model", [*request.controls()["model"].ends(), *own])
        latest: dict[str, Any] = {"value": own[-1]} if chosen and own else {}
        return gr.update(choices=choices, **latest)

    trained.change(menu, trained, model, **QUIET)


def condition_of(model: str) -> str:
    """What a model of the menu can be asked for; Refusal for another one."""
    return MODELS[MODEL.check(model, said("model.label"))].condition


def random_prompt() -> str:
    """A caption of the grammar, in the language of the page."""
    return draw_scene(torch.Generator().manual_seed(dice())).caption(language())


def translates(model: gr.Dropdown, *prompts: gr.Textbox, after: Sequence[Any] = ()) -> None:
    """Bring prompts that nobody has changed into the language of the page, for a model of it.

    When the learner chooses the model, and `after` other events; a link brings its own prompt.
    """
    defaults = [prompt.value for prompt in prompts]

    def spoken_here(name: str, *texts: str) -> Any:
        reads = MODELS[MODEL.check(name, said("model.label"))].data == "scenes"
        pairs = zip(texts, defaults, strict=True)
        values = [
            in_language(each, language()) if reads and each == default else gr.skip()
            for each, default in pairs
        ]
        return values if len(values) > 1 else values[0]

    for event in (model.input, *after):
        event(shown(spoken_here), [model, *prompts], [*prompts], **QUIET)
