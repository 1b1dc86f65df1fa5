"""The controls of the last tab: what can be inverted and edited, and what goes together."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.inversion import INVERSIONS
from demos import checks, methods, painting, sources, widgets
from demos.editing import MASKS, TARGET
from demos.inverting import models
from demos.prompts import beside
from demos.remarks import GUIDANCE, start_text

# The prompt follows the scene until the learner has written another one, the label the library.
FOLLOW = """(caption, library, source, prompt, followed) => {
    const known = { scene: caption, library }[source] || "";
    return !prompt || [followed, known].includes(prompt) ? [known, known] : [prompt, followed];
}"""
LABEL = """(library, source, label) =>
    source === "library" && /^[0-9]$/.test(library || "") ? library : label"""


def invert_controls(shared: widgets.Shared, stop: gr.Button) -> tuple[dict[str, Any], tuple]:
    """Step 1: what is inverted and how; in the order of the arguments of `invert`."""
    gr.Markdown("### 1 Invert, 2 reconstruct")
    model = widgets.Dropdown(
        models(), value="digits", label="Model", info="emoji works on latents; exact: SDEdit only"
    )
    controls: dict[str, Any] = {"model": model, **sources.controls(model, drawing=True)}
    controls["generated"] = shared.picture
    with gr.Row():
        controls["label"] = widgets.Dropdown(
            widgets.LABELS, value="4", label="Label", info="what the picture shows", min_width=120
        )
        controls["prompt"] = widgets.Textbox(
            None,
            label="Source prompt",
            info="what the picture shows",
            visible=False,
            max_length=500,
            lines=2,
            scale=2,
            min_width=120,
        )
        steps = widgets.Number(
            30, label="Steps", precision=0, info="2 to 500; more: exacter", min_width=100
        )
    beside(model, controls["prompt"])
    method = widgets.Dropdown(
        methods.choices("digits"), value="ddim", label="Method", info=methods.about("ddim")
    )
    buttons = widgets.run_row("Invert", "secondary", stop)
    with gr.Accordion("More", open=False):
        controls |= {"method": method, "steps": steps, "seed": widgets.seed_row()}
        controls["invert_guidance"] = widgets.Slider(
            0, 10, 1, step=0.5, label="Inversion guidance", info=f"{GUIDANCE}; above, DDIM breaks"
        )
    method.change(of_method, method, method, **widgets.QUIET)
    return controls, buttons


def of_method(method: str) -> dict:
    """The words about the chosen method."""
    return gr.update(info=methods.about(method) if method in INVERSIONS else "")


def edit_controls(model: gr.Dropdown) -> tuple[dict[str, Any], gr.HTML, gr.Button]:
    """Step 3: what it is edited to, in the order of the arguments of `edit`; the start level."""
    gr.Markdown("### 3 Edit")
    target = widgets.Radio(
        widgets.LABELS,
        value="9",
        label="Target label",
        info="the digit to turn it into",
        elem_classes=["digits-row"],
    )
    prompt = widgets.Textbox(
        TARGET,
        label="Target prompt",
        info="what to turn it into: change a word or two of the source prompt",
        visible=False,
        max_length=500,
        lines=2,
    )
    beside(model, prompt)
    strength = widgets.Slider(
        0, 1, 0.8, step=0.02, label="Start level (strength)", info=start_text(None, 0.8)
    )
    start = gr.HTML(widgets.page("start"))
    button = gr.Button("Edit")
    with gr.Accordion("More", open=False):
        rest = edit_rest()
    model.change(of_target, model, [target, prompt], **widgets.QUIET)
    controls = {"target": target, "target_prompt": prompt, "guidance": rest["guidance"]}
    return controls | {"strength": strength} | rest, start, button


def edit_rest() -> dict[str, Any]:
    """What an edit can be asked for besides."""
    return {
        "guidance": widgets.Slider(
            0, 10, 3, step=0.5, label="Guidance", info=f"{GUIDANCE}; higher is stricter"
        ),
        "sdedit_seed": widgets.Number(
            1, label="SDEdit seed", precision=0, info="0 to 4294967295, of its random noise"
        ),
        "mask": widgets.Radio(
            list(MASKS),
            value=MASKS[0],
            label="Where it may change",
            info="automatic: where the two prompts see different noise; drawn: by you",
        ),
        "painted": painting.pad(),
    }


def follow(controls: dict[str, Any], picture: gr.State, session: gr.State) -> None:
    """What follows from other controls, and from a picture that the sampler sent."""
    names = ("model", "source", "caption", "library", "label", "prompt", "method")
    model, source, caption, library, label, prompt, method = (controls[name] for name in names)
    controls["digit"].input(label_of, controls["digit"], label, **widgets.QUIET)
    model.change(of_model, model, [method, label, prompt], **widgets.QUIET)
    model.input(lambda: None, None, session, **widgets.QUIET)  # an inversion is of one model
    followed = widgets.Textbox("", visible=False)
    gr.on(
        [caption.change, library.change, source.change],
        None,
        [caption, library, source, prompt, followed],
        [prompt, followed],
        js=FOLLOW,
        api_visibility="private",
    )
    gr.on(
        [library.change, source.change],
        None,
        [library, source, label],
        label,
        js=LABEL,
        api_visibility="private",
    )
    picture.change(checks.shown(arrived), picture, [source, model, session], **widgets.QUIET)


def label_of(digit: Any) -> str:
    """The label of a chosen digit."""
    return str(checks.whole(digit, "Digit", 0, 9))


def kinds(model: str) -> tuple[bool, bool]:
    """Whether a model is asked with a label, and whether with a text."""
    prompts = checks.card(model).condition
    return prompts == "label", prompts == "text"


def of_target(model: str) -> list[dict]:
    """A label or a prompt, as the model is asked."""
    return [gr.update(visible=shown) for shown in kinds(model)]


def of_model(model: str) -> tuple[dict, dict, dict]:
    """The method that the model allows, and a label or a prompt."""
    label, prompt = of_target(model)
    if not checks.card(model).supports(INVERSIONS["ddim"]):
        info = f"{methods.ILL_POSED.format(model=model)}."
        return gr.update(value="sdedit", interactive=False, info=info), label, prompt
    offered = {"choices": methods.choices(model), "info": methods.about("ddim")}
    return gr.update(value="ddim", interactive=True, **offered), label, prompt


def arrived(picture: tuple | None) -> tuple[Any, Any, Any]:
    """Choose the picture that the sampler sent and its model; forget the last inversion.

    The source comes first, because the model looks at it when it changes.
    """
    if picture is None:
        return gr.skip(), gr.skip(), gr.skip()
    name = picture[0]
    if not any(kinds(name)):
        raise ValueError(
            f"the model {name} takes neither label nor prompt, so its picture cannot be edited"
        )
    return "generated", name, None
