"""How a button starts a run, and what it is stopped by: outputs, lanes and errors are known here.

A run is a generator of a tape and its frames; what the page gets of it is one message after the
other for its player, and one object that stays, an `Archive`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import gradio as gr

from demos.pictures.prompts import in_language
from demos.runs.archive import Archive
from demos.runs.opened import opened
from demos.runs.requests import Request
from demos.runs.stream import Sending
from demos.ui.controls import QUIET, Number, Raw, control, dice, text, unseen
from demos.ui.errors import language, shown
from demos.ui.player import Player
from demos.ui.uploads import RunFile, run_file
from demos.views.html import spoken
from demos.words import said

OPENS_WITH = "recorded"  # the state before a run: what the page shows is a recorded one
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
Look = tuple[gr.Button, Callable, bool]  # a button, what it calls, and whether of one frame


class Runner:
    """The player of a tab, what stays of its run, and the buttons that start and stop runs.

    `with Runner(...) as runner:` all runs of the player are declared; a button that is pressed
    during a run ends that run, and starts its own.
    """

    def __init__(self, name: str, player: Player, stop: gr.Button) -> None:
        """Of the player called `name` on the page, which opens with a recorded run."""
        self.name, self.player, self.stop = name, player, stop
        self.archive = gr.State(OPENS_WITH)
        self.outputs = [player, self.archive]
        self.starting: list[tuple[Callable, str]] = []  # an event, and what starts its run
        self.runs: list[Any] = []
        self.places: list[gr.HTML] = []
        button = unseen(f"refine-{name}")
        self.at_rest(button.click, decoded)
        self.file = run_file(name)

    def __enter__(self) -> Runner:
        """Declare the runs."""
        return self

    def __exit__(self, *_: Any) -> None:
        """Let each button end what is at work and then start its run, and Stop end it.

        A saved run that is opened ends it, too, and leaves nothing to go on from.
        """
        self.starts(self.file, opened, [self.file])
        one_at_a_time(self.name, self.starting, self.runs, self.stop)

    def starts(
        self,
        button: gr.Button | RunFile,
        run: Callable[..., Iterator[Any]],
        inputs: Sequence[Any],
        api_name: str | None = None,
        more: Sequence[Any] = (),
    ) -> Any:
        """Let a button start a run, which yields a message and an archive; returns its event.

        Its errors become one sentence. `more` are outputs that the run fills besides.
        """
        start = f"start-{self.name}-{len(self.runs)}"
        button.elem_id = button.elem_id or f"press-{start}"  # by which a link presses it
        event = clicked(
            unseen(start),
            run,
            inputs,
            [*self.outputs, *more],
            api_name,
            f"{self.name}-replay",
            preprocess=not all(isinstance(each, Raw | gr.State) for each in inputs),
        )
        pressing = button.upload if isinstance(button, RunFile) else button.click
        self.starting.append((pressing, start))
        self.runs.append(event)
        return event

    def at_rest(self, event: Callable, function: Callable, inputs: Sequence[Any] = ()) -> None:
        """On an event, call `function(archive, frame, *inputs)` with the frame on screen.

        It answers with a message for the player, or None.
        """
        names = ", ".join(f"v{k}" for k in range(len(inputs)))
        event(
            shown(quietly(function)),
            [self.archive, Number(0, visible=False), *inputs],
            self.player,
            js=f"(state, _, {names}) => [state, stepwise.shown('{self.name}'), {names}]",
            **QUIET,
            trigger_mode="always_last",
            concurrency_limit=None,
            concurrency_id=f"at-rest-{self.name}-{function.__name__}",
        )

    def reports(self, place: gr.HTML, *looks: Look) -> None:
        """Let each button fill a place with what its function yields; Stop or another ends it.

        A function is called with the archive; if it is of a frame, with the one on screen, too.
        """
        self.places.append(place)
        name, starting, events = f"{self.name}-place-{len(self.places)}", [], []
        for k, (button, function, frame) in enumerate(looks):
            start = f"start-{name}-{k}"
            starting.append((button.click, start))
            inputs = [self.archive, *([Number(0, visible=False)] if frame else [])]
            js = f"(state) => [state, stepwise.shown('{self.name}')]" if frame else None
            events.append(clicked(unseen(start), function, inputs, [place], None, name, js=js))
        one_at_a_time(name, starting, events, self.stop)

    def compares(
        self,
        button: gr.Button,
        stop: gr.Button,
        function: Callable,
        inputs: Sequence[Any],
        places: Sequence[gr.HTML],
        stopped: str,
    ) -> None:
        """Let a button fill places beside the player; its own Stop runs `stopped` in the browser.

        `function` gets the archive and the inputs; what is stopped goes to the first place.
        """
        name = f"{self.name}-compared"
        start = f"start-{name}"
        event = clicked(
            unseen(start), function, [self.archive, *inputs], places, function.__name__
        )
        one_at_a_time(name, [(button.click, start)], [event], stop)
        for ends in (event.failure, stop.click):
            ends(None, None, places[0], js=stopped, **PRIVATE)

    def stale(self, controls: Sequence[Any]) -> None:
        """Any change of a control marks the stage as showing other settings."""
        # With a listener, an editor would send its layers to a route of Gradio's that is closed.
        watched = [each for each in controls if not isinstance(each, gr.ImageEditor)]
        gr.on(
            [control.change for control in watched],
            None,
            None,
            None,
            js=f"() => stepwise.stale('{self.name}')",
            **PRIVATE,
        )


def clicked(
    button: gr.Button,
    function: Callable,
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    api_name: str | None,
    lane: str = "",
    **more: Any,
) -> Any:
    """The event of a button: public under its name, or private in a lane; errors are sentences."""
    return button.click(
        shown(function),
        list(inputs),
        list(outputs),
        show_progress="hidden",
        trigger_mode="multiple",
        api_name=api_name,
        api_visibility="public" if api_name else "private",
        concurrency_limit=None,
        concurrency_id=api_name or lane,
        **more,
    )


def one_at_a_time(
    name: str, starting: Sequence[tuple[Callable, str]], events: list[Any], stop: gr.Button
) -> None:
    """Let each press end what is at work, and then press what starts its own; Stop ends it.

    `starting` are pairs of what hears of a press and the name of the unseen button that starts
    one of the events: the page presses it once what was at work has ended.
    """
    for event in events:
        event.failure(None, js=f"() => stepwise.failed('{name}')", **PRIVATE)
        event.then(None, js=f"() => stepwise.ended('{name}')", **PRIVATE)
    for pressing, start in starting:
        pressed = f"() => stepwise.press('{name}', '{start}')"
        pressing(None, js=pressed, trigger_mode="multiple", **PRIVATE)
    stop.click(None, js=f"() => stepwise.stop('{name}')", **PRIVATE)


def exports(button: gr.Button, function: Callable, inputs: Sequence[Any], place: gr.HTML) -> None:
    """Let a button fill a place with what a function yields of inputs that the browser has.

    No run is ended by it, and none ends it.
    """
    gives = {"js": "() => stepwise.exporting()"}
    event = clicked(button, function, inputs, [place], None, function.__name__, **gives)
    event.failure(None, js="() => stepwise.exportFailed()", **PRIVATE)


def sent(run: Iterator[Sending]) -> Iterator[tuple[Any, Any]]:
    """What goes to the player and to the state: the archive once it is there, and at the end.

    At the end it is another object with the same in it: a state that holds the same object has
    not changed for Gradio, and what follows from the run would not hear of its end.
    """
    before = None
    for message, archive in run:
        kept = archive if archive is not before else gr.skip()
        kept = copy.copy(archive) if archive.message else kept
        before = archive
        yield gr.skip() if message is None else message, kept


def decoded(archive: Archive | None, frame: Any) -> dict[str, Any] | None:
    """The message with the pictures of one frame decoded in full."""
    return archive.decoded(frame) if isinstance(archive, Archive) else None


def quietly(function: Callable) -> Callable:
    """None, which would empty the player, is no answer at all."""

    def answer(*values: Any) -> Any:
        message = function(*values)
        return gr.skip() if message is None else message

    answer.__name__ = function.__name__
    return answer


def stop_button() -> gr.Button:
    """The button that Esc presses."""
    return gr.Button(text("button.stop"), elem_classes=["stop-button"])


def run_row(verb: str = "button.run", variant: Any = "primary") -> tuple[gr.Button, ...]:
    """The buttons Run, Stop and Reset."""
    with gr.Row(elem_classes=["run-row"]):
        run = gr.Button(text(verb), variant=variant, elem_classes=["run-button"])
        stop = stop_button()
        reset = gr.Button(text("button.reset"), elem_classes=["reset-button"])
    return run, stop, reset


def resets(button: gr.Button, controls: dict[str, Any]) -> None:
    """Let a button bring all controls back to their defaults."""
    values = [control.value for control in controls.values()]
    button.click(lambda: values, None, list(controls.values()), **QUIET)


def chip_row(keys: Iterable[str], title: str = "chips.try") -> list[gr.Button]:
    """A row of small buttons with these words."""
    with gr.Row(elem_classes=["chips"]):
        gr.HTML(spoken(said(title)), elem_classes=["chips-try"])
        return [gr.Button(text(key), size="sm", elem_classes=["chip"]) for key in keys]


def presses(
    chips: Iterable[gr.Button],
    presets: Iterable[Mapping[str, Any]],
    request: type[Request],
    controls: Mapping[str, Any],
) -> None:
    """Let each chip bring its preset, settings by the name of their field, and run.

    What only other presets name becomes the default again.
    """
    presets, defaults = list(presets), request.defaults()
    named = [name for name in controls if any(name in each for each in presets)]
    for chip, preset in zip(chips, presets, strict=True):
        settings = {controls[name]: preset.get(name, defaults[name]) for name in named}
        chip.click(partial(here, settings), None, list(settings), **QUIET).then(
            None, js="() => stepwise.run()", **PRIVATE
        )


def chosen(chip: gr.Button, settings: dict[Any, Any], name: str) -> gr.Button:
    """A button, called `name` on the page, that is pressed once a chip has set some controls."""
    after = unseen(name)
    chip.click(partial(here, settings), None, list(settings), **QUIET).then(
        None, js=f"() => document.getElementById('{name}').click()", **PRIVATE
    )
    return after


def here(settings: dict[Any, Any]) -> list[Any]:
    """The values of a preset, its prompts in the language of the page."""
    return [
        in_language(value, language()) if isinstance(each, gr.Textbox) else value
        for each, value in settings.items()
    ]


def seed_row(request: type[Request]) -> Any:
    """The seed with its button for a random one."""
    with gr.Row(elem_classes=["seed-row"]):
        seed = control(request, "seed", scale=3, min_width=120)
        random = gr.Button(text("button.random"), size="sm", scale=1, min_width=80)
    random.click(dice, None, seed, **QUIET)
    return seed
