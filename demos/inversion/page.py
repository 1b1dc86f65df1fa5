"""The page of inversion and editing: what starts which run, and what follows from what."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from core.inversion import INVERSIONS
from demos.inversion import microscope
from demos.inversion.layout import Layout
from demos.inversion.methods.section import section
from demos.inversion.presets import PRESETS
from demos.inversion.request import EditRequest, InvertRequest, StridesRequest
from demos.inversion.run import edit, invert
from demos.inversion.session import Session
from demos.inversion.strides import STRIDES, strides
from demos.inversion.summary import before_after, level_picture
from demos.pictures.masks import background
from demos.pictures.prompts import in_language
from demos.runs.archive import Archive
from demos.runs.requests import event
from demos.runs.stream import completed, streamed
from demos.ui.controls import QUIET, away, interlock, text
from demos.ui.errors import language, shown
from demos.ui.player import Player
from demos.ui.recorded import Shared, page, tape
from demos.ui.runner import OPENS_WITH, Runner, chip_row, resets, sent
from demos.ui.sections import waited
from demos.ui.server.work import network_seconds, takes
from demos.words import Refusal

TITLE = "tab.inversion"
CAUSES = ("model", "source", "method", "invert_guidance")  # of what else can be asked for
PROMPTS = ("caption", "prompt", "target_prompt")
HIDE = "() => ({__type__: 'update', visible: false})"


def seconds(model, method, steps, invert_guidance, **_: Any) -> float:
    """How long an inversion and its reconstruction take on one core, from what was sent."""
    calls = INVERSIONS[method].calls(steps, 1.0) * (1 if invert_guidance == 1 else 2)
    return network_seconds(model, calls)


def edit_seconds(session: Any, **_: Any) -> float:
    """How long an edit and SDEdit beside it take on one core, at most."""
    left = session.result if isinstance(session, Archive) else None
    if left is None:
        return 0.0
    inversion = left.inversion
    down = INVERSIONS[inversion.method].calls_down + 1
    return network_seconds(inversion.model.card.name, 2 * down * len(inversion.levels))


def session_of(archive: Any) -> Session | None:
    """What the run on the page left; of the recorded one, it is computed again."""
    if archive == OPENS_WITH:
        return completed(invert(InvertRequest.of()))
    return archive.result if isinstance(archive, Archive) else None


@takes(seconds)
@event(InvertRequest)
def inverted(request: InvertRequest) -> Iterator[tuple[Any, Any]]:
    """Carry a picture to noise and reconstruct it; streams both ways."""
    yield from sent(streamed(invert(request, report=gr.Info)))


@takes(edit_seconds)
@event(EditRequest, session=session_of)
def edited(request: EditRequest) -> Iterator[tuple[Any, Any]]:
    """Sample the inverted noise again as something else, SDEdit beside it; streams both."""
    yield from sent(streamed(edit(request), start=request.session))


def all_three(values: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Invert, reconstruct, and then edit what is left, with the values of both requests."""
    names = InvertRequest.controls()
    first = InvertRequest.of(**{name: v for name, v in values.items() if name in names})
    second = {name: value for name, value in values.items() if name not in names}
    run = invert(first, report=gr.Info)
    return sent(streamed(run, lambda left: edit(EditRequest.of(session=left, **second))))


@takes(lambda names, values: 2 * seconds(**dict(zip(names, values, strict=True))))
def everything(names: list[str], *values: Any) -> Iterator[tuple[Any, Any]]:
    """All three steps with the values of the controls of these names."""
    yield from all_three(dict(zip(names, values, strict=True)))


@takes(lambda preset: 2 * seconds(**InvertRequest.defaults() | preset))
def replay(preset: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """All three steps with a preset, which is brought into the controls first."""
    prompts = {k: v for k, v in preset.items() if k in PROMPTS and v}
    preset = preset | {k: in_language(v, language()) for k, v in prompts.items()}
    still = [gr.skip()] * len(preset)
    yield gr.skip(), gr.skip(), *preset.values()
    for outputs in all_three(preset):
        yield *outputs, *still


@takes(lambda: network_seconds("digits", 200))
def stepped() -> Iterator[tuple[Any, ...]]:
    """The lesson of frame 20 of 50."""
    yield gr.skip(), gr.skip(), *STRIDES.values()
    for outputs in sent(streamed(strides())):
        yield *outputs, *[gr.skip()] * len(STRIDES)


def build(shared: Shared) -> None:
    """Lay out the tab."""
    gr.Markdown(text("invert.lead"), elem_classes=["lead"])
    buttons = chip_row([*PRESETS, "invert.chip.strides"])
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            page = Layout(shared, buttons)
        with gr.Column():
            player = Player(tape("inversion"), name="invert", links=shared.links)
            slider = slider_of_two()
            runner = Runner("invert", player, page.stop)
            lens = look_closer(runner)
            section(runner, page.editing, session_of)
    connect(runner, page, slider, lens)
    offers(shared, runner, page)


def connect(runner: Runner, page: Layout, slider: gr.ImageSlider, lens: gr.HTML) -> None:
    """Which button starts what, and what follows from what."""
    inverting, editing = page.inverting, page.editing
    starts = [page.all.click, page.invert.click, *(chip.click for chip in page.chips)]
    starts.append(runner.file.upload)
    gr.on(starts, None, None, slider, js=HIDE, api_visibility="private")
    with runner:
        runner.starts(page.invert, inverted, [*inverting.values()], api_name="invert")
        for done in edits(runner, page):
            done.success(side_by_side, runner.archive, slider, **QUIET)
    unpainted = [control for name, control in editing.items() if name != "painted"]
    runner.stale([*inverting.values(), *unpainted])
    resets(page.reset, inverting | editing)
    interlock(InvertRequest, inverting, CAUSES)
    page.follow(runner.archive)
    follow_run(runner.archive, page, lens)


def offers(shared: Shared, runner: Runner, page: Layout) -> None:
    """What a link can name: the way there and back, an edit after it, and the lesson."""
    there = page.inverting
    kinds = {page.invert: (InvertRequest,), page.all: (InvertRequest, EditRequest)}
    for button, requests in kinds.items():
        shared.links.offer_run("inversion", runner, button, there | page.editing, *requests)
    lesson = page.chips[-1]
    shared.links.offer_run("inversion", runner, lesson, there, StridesRequest, name="strides")


def edits(runner: Runner, page: Layout) -> list[Any]:
    """Let the buttons that edit start their runs; returns the events."""
    controls = page.inverting | page.editing
    inputs = [runner.archive, *page.editing.values()]
    events = [runner.starts(page.edit, edited, inputs, api_name="edit")]
    run = partial(everything, [*controls])
    events.append(runner.starts(page.all, run, [*controls.values()]))
    for chip, preset in zip(page.chips, PRESETS.values(), strict=False):
        settings = complete(preset)
        more = [controls[name] for name in settings]
        events.append(runner.starts(chip, partial(replay, settings), [], more=more))
    runner.starts(page.chips[-1], stepped, [], more=[controls[name] for name in STRIDES])
    return events


def complete(preset: dict[str, Any]) -> dict[str, Any]:
    """A preset with the defaults of all other settings; the source comes before the model.

    Its pictures and what was painted stay as they are.
    """
    defaults = InvertRequest.defaults() | EditRequest.defaults()
    sent_ones = ("picture", "drawing", "generated", "session", "painted")
    settings = {k: v for k, v in (defaults | preset).items() if k not in sent_ones}
    return {"source": settings.pop("source"), **settings}


def slider_of_two() -> gr.ImageSlider:
    """The picture and its edit, one over the other."""
    return gr.ImageSlider(
        label=text("invert.before_after"),
        height=380,
        type="pil",
        format="png",
        interactive=False,
        visible=False,
        buttons=[],
        elem_classes=["before-after"],
    )


def side_by_side(archive: Archive | None) -> dict[str, Any]:
    """The slider with the picture and its edit; none before there is one."""
    session = archive.result if isinstance(archive, Archive) else None
    if session is None or session.edited is None:
        return gr.update(visible=False)
    return gr.update(visible=True, value=before_after(session.pixels, session.edited))


def look_closer(runner: Runner) -> gr.HTML:
    """The microscope: what a run leaves behind, and more of it at the price of denoiser calls."""
    with gr.Accordion(text("microscope.title"), elem_classes=["closer"]):
        lens = gr.HTML(page("microscope"))
        button = gr.Button(text("microscope.measure"), size="sm")
    runner.reports(lens, (button, measured, False))
    return lens


@takes(edit_seconds)
def measured(session: Any) -> Iterator[Any]:
    """The microscope with what every step of the way up took for granted.

    It can be stopped on the way, although only the end is shown.
    """
    left = session_of(session)
    if left is None:
        raise Refusal("microscope.refused")
    looked = yield from waited(microscope.look(left.inversion))
    yield microscope.report(left, looked)


def follow_run(state: gr.State, page: Layout, lens: gr.HTML) -> None:
    """What another inversion brings with it: its report, its start level, its picture to paint."""
    mask, pad = page.editing["mask"], page.editing["painted"]
    strength, start = page.editing["strength"], page.start

    def report(archive: Any) -> str:
        session = archive.result if isinstance(archive, Archive) else None
        return microscope.report(session) if session else ""

    def to_paint(archive: Any, kind: str) -> dict[str, Any]:
        session = session_of(archive) if kind == "drawn" else None
        if session is None:
            return gr.update(visible=away(pad))
        return gr.update(visible=True, value=background(session.pixels))

    def to_repaint(archive: Any, kind: str) -> dict[str, Any]:
        return to_paint(archive, kind) if kind == "drawn" else gr.skip()

    def level(archive: Any, share: Any) -> str:
        session = session_of(archive)
        return (
            level_picture(session, EditRequest.controls()["strength"].check(share, ""))
            if session
            else ""
        )

    state.change(report, state, lens, **QUIET)
    mask.change(shown(to_paint), [state, mask], pad, **QUIET)
    state.change(shown(to_repaint), [state, mask], pad, **QUIET)
    gr.on(
        [strength.change, state.change],
        shown(level),
        [state, strength],
        start,
        trigger_mode="always_last",
        **QUIET,
    )
