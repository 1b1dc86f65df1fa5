"""The controls of inversion and editing, in the order of use, and what follows from what."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from core.inversion import INVERSIONS
from core.models import MODELS
from demos.inversion.request import EditRequest, InvertRequest
from demos.pictures.photos import PHOTOS
from demos.pictures.sources import CHOICE
from demos.ui.controls import QUIET, Textbox, control, text
from demos.ui.errors import language, shown
from demos.ui.pictures import beside, condition_of, made, translates
from demos.ui.recorded import Shared, page
from demos.ui.runner import seed_row, stop_button
from demos.words import Refusal, said, sentence

PICTURE = ("model", *CHOICE, "library", "picture", "drawing")
# The prompt follows the scene until the learner has written another one, the label the library.
FOLLOW = f"""(caption, library, photo, source, prompt, followed) => {{
    const photograph = {json.dumps(PHOTOS)}[photo];
    const known = {{ scene: caption, library, photograph }}[source] || "";
    if (stepwise.brought()) return [prompt, prompt === known ? known : followed];
    return !prompt || [followed, known].includes(prompt) ? [known, known] : [prompt, followed];
}}"""
LABEL = """(digit, library, source, label) =>
    stepwise.brought() ? label
    : source === "test digit" ? String(digit)
    : source === "library" && /^[0-9]$/.test(library || "") ? library : label"""


class Layout:
    """The column of controls: the buttons, and the controls of both requests by name."""

    def __init__(self, shared: Shared, chips: list[gr.Button]) -> None:
        """Lay it out, inside of a column; the chips stand above it."""
        self.chips = chips
        self.buttons()
        self.inverting = self.invert_controls(shared)
        self.editing = self.edit_controls()
        self.shared = shared

    def buttons(self) -> None:
        """What starts and stops."""
        with gr.Row(elem_classes=["run-row"]):
            self.all = gr.Button(
                text("button.all"), variant="primary", elem_classes=["run-button"]
            )
            self.stop = stop_button()
            self.reset = gr.Button(text("button.reset"), elem_classes=["reset-button"])
        with gr.Row(elem_classes=["run-row"]):
            self.invert = gr.Button(text("button.invert"), size="sm")
            self.edit = gr.Button(text("button.edit"), size="sm")

    def invert_controls(self, shared: Shared) -> dict[str, Any]:
        """Step 1: what is inverted and how; in the order of the arguments."""
        gr.Markdown(text("invert.heading"))
        found: dict[str, Any] = {name: made(InvertRequest, name) for name in PICTURE}
        found["generated"] = shared.picture
        for name in ("label", "prompt", "steps", "method"):
            found[name] = control(InvertRequest, name)
        beside(found["model"], found["prompt"])
        with gr.Accordion(text("more"), open=False):
            found["seed"] = seed_row(InvertRequest)
            found["invert_guidance"] = control(InvertRequest, "invert_guidance")
        return {name: found[name] for name in InvertRequest.controls()}

    def edit_controls(self) -> dict[str, Any]:
        """Step 3: what it is edited to, in the order of the arguments; the start level."""
        gr.Markdown(text("edit.heading"))
        found: dict[str, Any] = {}
        for name in ("target", "target_prompt", "strength"):
            found[name] = control(EditRequest, name)
        beside(self.inverting["model"], found["target_prompt"])
        self.start = gr.HTML(page("start"))
        with gr.Accordion(text("more"), open=False):
            for name in ("guidance", "negative", "sdedit_seed", "mask", "painted"):
                found[name] = made(EditRequest, name)
            beside(self.inverting["model"], found["negative"])
        return {name: found[name] for name in EditRequest.controls() if name in found}

    def follow(self, archive: gr.State) -> None:
        """What follows from other controls, and from a picture that the sampler sent."""
        held = self.inverting
        model, source, caption = held["model"], held["source"], held["caption"]
        library, photo, label = held["library"], held["photo"], held["label"]
        digit, prompt, method = held["digit"], held["prompt"], held["method"]
        targets = [self.editing[name] for name in ("target", "target_prompt", "negative")]
        model.change(of_target, model, targets, **QUIET)
        model.input(lambda: None, None, archive, **QUIET)  # an inversion is of one model
        method.change(of_method, method, method, **QUIET)
        followed = Textbox("", visible=False)
        gr.on(
            [caption.change, library.change, photo.change, source.change],
            None,
            [caption, library, photo, source, prompt, followed],
            [prompt, followed],
            js=FOLLOW,
            api_visibility="private",
        )
        gr.on(
            [digit.input, library.change, source.change],
            None,
            [digit, library, source, label],
            label,
            js=LABEL,
            api_visibility="private",
        )
        picture = self.shared.picture
        arrival = picture.change(shown(arrived), picture, [source, model, archive], **QUIET)
        translates(model, caption, targets[1], after=[arrival.success])


def of_target(model: str) -> list[dict[str, Any]]:
    """A label or a prompt and a negative one, as the model is asked."""
    condition = condition_of(model)
    return [gr.update(visible=condition == kind) for kind in ("label", "text", "text")]


def of_method(method: str) -> dict[str, Any]:
    """What the chosen method promises, and what it costs in denoiser calls."""
    card = INVERSIONS.get(method)
    if card is None:
        return gr.skip()
    exact = said(f"method.exact.{method}")
    about = said("method.about", exact=exact, up=card.calls_up, down=card.calls_down)
    return gr.update(info=sentence(about, language()))


def arrived(picture: tuple | None) -> tuple[Any, Any, Any]:
    """Choose the picture that the sampler sent and its model; forget the last inversion.

    The source comes first, because the model looks at it when it changes.
    """
    if picture is None:
        return gr.skip(), gr.skip(), gr.skip()
    name = picture[0]
    if MODELS[name].condition == "none":
        raise Refusal("invert.refused.no_condition", model=name)
    return "generated", name, None
