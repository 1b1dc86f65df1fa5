"""Tab 4: a real picture is inverted to noise, reconstructed, and edited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gradio as gr

from demos import checks, contest, microscope, painting, widgets
from demos.editing import before_after, decode, edit
from demos.editing import seconds as edit_seconds
from demos.inversion_controls import edit_controls, follow, invert_controls
from demos.inverting import Session, invert, inverted
from demos.old_views import level_picture
from demos.player import Player
from demos.remarks import start_text
from demos.replays import PRESETS, all_steps, replay
from demos.server.work import takes
from demos.stages import PANELS
from demos.strides import strides

TITLE = "Invert & edit"
LEAD = (
    "**From a picture to its noise and back, then back as something else.** Inversion runs "
    "the sampler uphill. Sampled down again, the same noise gives the picture back; with another "
    "label or prompt it gives an edit that keeps the pose. SDEdit beside it adds random noise "
    "instead: compare what is kept."
)
HIDE = "() => ({__type__: 'update', visible: false})"


def build(shared: widgets.Shared) -> None:
    """Lay out the tab."""
    widgets.lead(LEAD)
    session = gr.State()
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            with gr.Row(elem_classes=["chips"]):
                chips = [
                    gr.Button(each, size="sm", elem_classes=["chip"])
                    for each in (*PRESETS, "frame 20 of 50")
                ]
            with gr.Row(elem_classes=["run-row"]):
                all_three = gr.Button("Invert, reconstruct, edit", variant="primary")
                stop = widgets.stop_button()
            inverting, buttons = invert_controls(shared, stop)
            editing, start, edit_button = edit_controls(inverting["model"])
        with gr.Column():
            player = Player(widgets.tape("inversion"), name="invert", panels=PANELS)
            slider = slider_of_two()
            lens = look_closer(session, stop)
            contest.section(session, editing)
    outputs = [player, session]
    starts = [each.click for each in (all_three, *chips, buttons[0])]
    gr.on(starts, None, None, slider, js=HIDE, api_visibility="private")
    widgets.wire("invert", invert, [*inverting.values()], outputs, buttons)
    inputs = [session, *editing.values()]
    edited = widgets.started("invert", edit_button, edit, inputs, outputs, stop, api_name="edit")
    for event in (edited, *replays(all_three, chips, inverting | editing, outputs, stop)):
        event.success(side_by_side, session, slider, **widgets.QUIET)
    kept = ("painted",)  # a stroke is no new setting before it is used
    widgets.mark_stale("invert", [c for name, c in editing.items() if name not in kept])
    widgets.decode_at_rest("invert", decode, session, player)
    follow(inverting, shared.picture, session)
    tell_start(editing["strength"], start, session)
    follow_run(session, editing["mask"], editing["painted"], lens)


def replays(
    all_three: gr.Button,
    chips: list[gr.Button],
    controls: dict[str, Any],
    outputs: list[Any],
    stop: gr.Button,
) -> list[Any]:
    """Let the primary button and the chips start their runs; returns the events that edit."""
    everything = partial(all_steps, [*controls])
    events = [unless_running(all_three, everything, [*controls.values()], outputs, stop)]
    for chip, preset in zip(chips, PRESETS.values(), strict=False):
        shown = [*outputs, *(controls[name] for name in preset)]
        events.append(unless_running(chip, partial(replay, preset), [], shown, stop))
    unless_running(chips[-1], strides, [], outputs, stop)
    return events


def slider_of_two() -> gr.ImageSlider:
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


def side_by_side(session: Session | None) -> dict:
    """The slider with the picture and its edit; none before there is one."""
    if session is None or session.edited is None:
        return gr.update(visible=False)
    return gr.update(visible=True, value=before_after(session.pixels, session.edited))


def look_closer(session: gr.State, stop: gr.Button) -> gr.HTML:
    """The microscope: what a run leaves behind, and more of it at the price of denoiser calls."""
    with gr.Accordion("Microscope: where the error arises", elem_classes=["closer"]):
        lens = gr.HTML(widgets.page("microscope"))
        button = gr.Button("Measure every step, one denoiser call each", size="sm")
    event = button.click(
        checks.shown(measured),
        session,
        lens,
        show_progress="hidden",
        api_visibility="private",
        concurrency_limit=None,
        concurrency_id="microscope",
    )
    stop.click(None, cancels=[event], api_visibility="private")
    return lens


@takes(edit_seconds)
def measured(session: Session | None) -> Iterator[Any]:
    """The microscope with what every step of the way up took for granted.

    It can be stopped on the way, although only the end is shown.
    """
    session = inverted(session, "its steps can be measured")
    looking = microscope.look(session.inversion)
    while True:
        try:
            done = next(looking)
        except StopIteration as stop:
            yield microscope.report(session.inversion, session.off, stop.value)
            return
        if done % 8 == 0:
            yield gr.skip()


def follow_run(session: gr.State, mask: gr.Radio, pad: painting.MaskPad, lens: gr.HTML) -> None:
    """What another inversion brings with it: its report, and its picture to paint on."""
    shown = widgets.Textbox("", visible=False)  # the run that they belong to

    def arrived(value: Session | None, before: str, kind: str) -> tuple[Any, Any, Any]:
        if value is None:
            return "", "", gr.update(visible=False)
        run = value.kept.message["run"]
        if run == before:
            return gr.skip(), gr.skip(), gr.skip()
        return run, microscope.report(value.inversion, value.off), to_paint(value, kind)

    session.change(arrived, [session, shown, mask], [shown, lens, pad], **widgets.QUIET)
    mask.change(checks.shown(to_paint), [session, mask], pad, **widgets.QUIET)


def to_paint(session: Session | None, mask: str) -> dict:
    """The pad with the picture, where the mask is to be drawn."""
    if mask != "drawn":
        return gr.update(visible=False)
    session = inverted(session, "it can be painted on")
    return gr.update(visible=True, value=painting.background(session.pixels))


def tell_start(strength: gr.Slider, picture: gr.HTML, session: gr.State) -> None:
    """Say and show the start level once there is an inversion."""

    def told(value: Any, share: Any) -> tuple[dict, str]:
        inversion = value.inversion if isinstance(value, Session) else None
        share = checks.real(share, "Strength", 0, 1)
        said = start_text(inversion.levels if inversion else None, share)
        return gr.update(info=said), level_picture(inversion, share)

    gr.on(
        [strength.change, session.change],
        checks.shown(told),
        [session, strength],
        [strength, picture],
        trigger_mode="always_last",
        **widgets.QUIET,
    )
