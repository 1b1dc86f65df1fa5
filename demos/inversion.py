"""Tab 4: a real picture is inverted to noise, reconstructed, and edited."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from core.inversion import INVERSIONS
from core.models import MODELS
from demos import checks, sources, widgets
from demos.editing import MASKS, TARGET, WHY_NOT, Session, decode, edit, invert, models
from demos.player import Player
from demos.remarks import start_text
from demos.replays import PRESETS, all_steps, replay
from demos.stages import PANELS

TITLE = "Invert & edit"
LEAD = (
    "**From a real picture to its noise and back, then back as something else.** Inversion runs "
    "the sampler uphill. Sampled down again, the same noise gives the picture back; with another "
    "label or prompt it gives an edit that keeps the pose. SDEdit beside it adds random noise "
    "instead: compare what is kept."
)
# The prompt follows the scene until the learner has written another one.
FOLLOW = """(caption, source, prompt, followed) => {
    const known = source === "scene" ? caption : "";
    return !prompt || [followed, known].includes(prompt) ? [known, known] : [prompt, followed];
}"""
HIDE = "() => ({__type__: 'update', visible: false})"


def build(shared: widgets.Shared) -> None:
    """Lay out the tab."""
    widgets.lead(LEAD)
    session = gr.State()
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            with gr.Row(elem_classes=["chips"]):
                chips = [gr.Button(each, size="sm", elem_classes=["chip"]) for each in PRESETS]
            all_three = gr.Button("Invert, reconstruct, edit", variant="primary")
            inverting, buttons = invert_controls(shared)
            editing, edit_button = edit_controls(inverting["model"])
        with gr.Column():
            player = Player(widgets.tape("inversion"), name="invert", panels=PANELS)
            slider = before_and_after()
    first, second, outputs = [*inverting.values()], [*editing.values()], [player, slider, session]
    buttons[0].click(None, None, slider, js=HIDE, api_visibility="private")
    widgets.wire("invert", invert, first, [player, session], buttons)
    edited = widgets.started(
        "invert", edit_button, edit, [session, *second], outputs, buttons[1], api_name="edit"
    )
    controls = inverting | editing
    events = [
        edited,
        unless_running(
            all_three, partial(all_steps, [*controls]), [*controls.values()], outputs, buttons[1]
        ),
    ]
    for chip, preset in zip(chips, PRESETS.values(), strict=True):
        shown = [*outputs, *(controls[name] for name in preset)]
        events.append(unless_running(chip, partial(replay, preset), [], shown, buttons[1]))
    for event in events:
        event.success(seen, session, slider, **widgets.QUIET)
    widgets.mark_stale("invert", second)
    widgets.decode_at_rest("invert", decode, session, player)
    follow(inverting, shared.picture, session)
    tell_start(editing["strength"], session)


def before_and_after() -> gr.ImageSlider:
    """The picture and its edit, one over the other."""
    return gr.ImageSlider(
        label="Before and after the edit: drag the line",
        height=380,
        type="pil",
        format="png",
        interactive=False,
        visible=False,
        elem_classes=["before-after"],
    )


def unless_running(
    button: gr.Button, function: Callable, inputs: list[Any], outputs: list[Any], stop: gr.Button
) -> Any:
    """Let a button start a run, unless one is on; returns the event of the run."""
    hidden = gr.Button(elem_id=f"start-{button._id}", elem_classes=["out-of-sight"])
    button.click(
        None,
        js=f"""() => {{
            const running = document.querySelector("#player-invert .player[data-status=running]");
            if (!running) document.querySelector("#start-{button._id}").click();
        }}""",
        api_visibility="private",
    )
    return widgets.started("invert", hidden, function, inputs, outputs, stop)


def seen(session: Session | None) -> dict:
    """Show the slider once there is an edit."""
    return gr.update(visible=session is not None and session.shown is not session.kept)


def invert_controls(shared: widgets.Shared) -> tuple[dict[str, Any], tuple]:
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
            50, label="Steps", precision=0, info="2 to 500; more: exacter", min_width=100
        )
    buttons = widgets.run_row("Invert", "secondary")
    with gr.Accordion("More", open=False):
        method = widgets.Dropdown(
            [(each.title, name) for name, each in INVERSIONS.items()],
            value="ddim",
            label="Method",
            info=about("ddim"),
        )
        controls |= {"method": method, "steps": steps, "seed": widgets.seed_row()}
        controls["invert_guidance"] = widgets.Slider(
            0, 10, 1, step=0.5, label="Inversion guidance", info="1 none; above, DDIM breaks"
        )
    method.change(of_method, method, method, **widgets.QUIET)
    return controls, buttons


def about(method: str) -> str:
    """What a method promises, and what it costs in denoiser calls."""
    card = INVERSIONS[method]
    gradients = ", with gradients" if card.needs_gradients else ""
    up, down = card.calls_up, card.calls_down
    return f"Exact? {card.exact}. Denoiser calls a step: {up} up{gradients}, {down} down"


def of_method(method: str) -> dict:
    """The words about the chosen method."""
    return gr.update(info=about(method) if method in INVERSIONS else "")


def edit_controls(model: gr.Dropdown) -> tuple[dict[str, Any], gr.Button]:
    """Step 3: what it is edited to; in the order of the arguments of `edit`."""
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
    strength = widgets.Slider(
        0, 1, 0.8, step=0.02, label="Start level (strength)", info=start_text(None, 0.8)
    )
    button = gr.Button("Edit")
    with gr.Accordion("More", open=False):
        rest = edit_rest()
    model.change(of_target, model, [target, prompt], **widgets.QUIET)
    controls = {"target": target, "target_prompt": prompt, "guidance": rest["guidance"]}
    return controls | {"strength": strength} | rest, button


def edit_rest() -> dict[str, Any]:
    """What an edit can be asked for besides."""
    return {
        "guidance": widgets.Slider(
            0,
            10,
            3,
            step=0.5,
            label="Guidance",
            info="1 none; higher follows the target more strictly",
        ),
        "sdedit_seed": widgets.Number(
            1, label="SDEdit seed", precision=0, info="0 to 4294967295, of its random noise"
        ),
        "mask": widgets.Radio(
            list(MASKS),
            value=MASKS[0],
            label="Where it may change",
            info="automatic: where the two prompts see different noise",
        ),
    }


def follow(controls: dict[str, Any], picture: gr.State, session: gr.State) -> None:
    """What follows from other controls, and from a picture that the sampler sent."""
    names = ("model", "source", "caption", "label", "prompt", "method")
    model, source, caption, label, prompt, method = (controls[name] for name in names)
    controls["digit"].input(str, controls["digit"], label, **widgets.QUIET)
    model.change(of_model, model, [method, label, prompt], **widgets.QUIET)
    model.input(lambda: None, None, session, **widgets.QUIET)  # an inversion is of one model
    followed = widgets.Textbox("", visible=False)
    gr.on(
        [caption.change, source.change],
        None,
        [caption, source, prompt, followed],
        [prompt, followed],
        js=FOLLOW,
        api_visibility="private",
    )
    picture.change(checks.shown(arrived), picture, [source, model, session], **widgets.QUIET)


def kinds(model: str) -> tuple[bool, bool]:
    """Whether a model is asked with a label, and whether with a text."""
    return MODELS[model].prompts == "label", MODELS[model].prompts == "text"


def of_target(model: str) -> list[dict]:
    """A label or a prompt, as the model is asked."""
    return [gr.update(visible=shown) for shown in kinds(model)]


def of_model(model: str) -> tuple[dict, dict, dict]:
    """The method that the model allows, and a label or a prompt."""
    label, prompt = of_target(model)
    if model == "exact":
        return gr.update(value="sdedit", interactive=False, info=WHY_NOT + "."), label, prompt
    return gr.update(value="ddim", interactive=True, info=about("ddim")), label, prompt


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


def tell_start(strength: gr.Slider, session: gr.State) -> None:
    """Say the start level as a noise level once there is an inversion."""

    def told(value: Any, share: Any) -> dict:
        levels = value.inversion.levels if isinstance(value, Session) else None
        return gr.update(info=start_text(levels, checks.real(share, "Strength", 0, 1)))

    gr.on(
        [strength.change, session.change],
        checks.shown(told),
        [session, strength],
        strength,
        trigger_mode="always_last",
        **widgets.QUIET,
    )
