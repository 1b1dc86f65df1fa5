"""What the tabs share: controls that leave judgement to us, and run/stop wiring."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.models import MODELS
from core.paths import ASSETS
from core.samplers import Sampler
from demos import checks
from demos.shipped import broken

TAPES = ASSETS / "tapes"
LABELS = [("any", ""), *((str(digit), str(digit)) for digit in range(10))]

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True)
class Shared:
    """What tabs hand to each other: the tab bar, a picture as (model name, x0 (1, C, H, W))."""

    tabs: gr.Tabs
    picture: gr.State


class Raw:
    """Hands the value on as it came: the tab's function judges it, in one clear sentence."""

    def preprocess(self, payload: Any) -> Any:
        """The value as it was sent."""
        return payload


class Slider(Raw, gr.Slider):
    """A slider whose value is judged by the function that gets it."""


class Dropdown(Raw, gr.Dropdown):
    """A dropdown whose value is judged by the function that gets it."""


class Radio(Raw, gr.Radio):
    """A radio group whose value is judged by the function that gets it."""


class Checkbox(Raw, gr.Checkbox):
    """A checkbox whose value is judged by the function that gets it."""


class Textbox(Raw, gr.Textbox):
    """A text field whose value is judged by the function that gets it."""


class Number(Raw, gr.Number):
    """A number field whose value is judged by the function that gets it."""


def model_choices() -> list[tuple[str, str]]:
    """(title, name) of every model."""
    return [(card.title, card.name) for card in MODELS.values()]


def sampler_choices(samplers: dict[str, Sampler]) -> list[tuple[str, str]]:
    """(words, name) of every sampler: calls per step, and what it is identical to."""
    return [(f"{name}{_remark(sampler)}", name) for name, sampler in samplers.items()]


def _remark(sampler: Sampler) -> str:
    if sampler.same_as:
        return f" (identical to {sampler.same_as})"
    if sampler.calls_per_step > 1:
        return f" ({sampler.calls_per_step} network calls a step)"
    return ""


def tape(name: str) -> dict | None:
    """The finished run that a tab opens with, recorded by `make figures`; None without it."""
    text = recorded(f"{name}.json")
    return json.loads(text) if text else None


def page(name: str) -> str:
    """What stands beside such a run, as HTML; recorded with it."""
    return recorded(f"{name}.html")


def recorded(file: str) -> str:
    """A file of the recorded runs; "" where it is broken or not there yet."""
    path = TAPES / file
    if f"assets/tapes/{file}" in broken() or not path.exists():
        return ""
    return path.read_text(encoding="utf-8")


def lead(text: str) -> None:
    """The sentence above a tab: what to look at here, and what to try first."""
    gr.Markdown(text, elem_classes=["lead"])


def stop_button() -> gr.Button:
    """The button that Esc presses."""
    return gr.Button("Stop", elem_classes=["stop-button"])


def run_row(
    verb: str = "Run", variant: Any = "primary", stop: gr.Button | None = None
) -> tuple[gr.Button, ...]:
    """The buttons Run, Stop and Reset; a Stop that stands elsewhere is not repeated."""
    with gr.Row(elem_classes=["run-row"]):
        run = gr.Button(verb, variant=variant, elem_classes=["run-button"])
        stop = stop or stop_button()
        reset = gr.Button("Reset", elem_classes=["reset-button"])
    return run, stop, reset


def wire(
    name: str,
    function: Callable,
    controls: Sequence[gr.components.Component],
    outputs: Sequence[Any],
    buttons: tuple[gr.Button, ...],
) -> None:
    """Connect Run, Stop and Reset of a tab, whose player is called `name`.

    Changing a control marks the stage of the player as stale, in the browser.
    """
    run, stop, reset = buttons
    started(name, run, function, controls, outputs, stop, api_name=name)
    defaults = [control.value for control in controls]
    reset.click(lambda: defaults, None, list(controls), **QUIET)
    mark_stale(name, controls)


def started(
    name: str,
    button: gr.Button,
    function: Callable,
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    stop: gr.Button,
    api_name: str | None = None,
) -> Any:
    """Let a button start a run that the player called `name` shows; returns its event.

    The button Stop ends the run, and its errors become one sentence.
    """
    event = button.click(
        checks.shown(function),
        list(inputs),
        list(outputs),
        show_progress="hidden",
        api_name=api_name,
        api_visibility="public" if api_name else "private",
        preprocess=not all(isinstance(each, Raw | gr.State) for each in inputs),
        concurrency_limit=None,
        concurrency_id=api_name or f"{name}-replay",
    )
    stopped = f"() => stepwise.stopped('{name}')"
    event.failure(None, js=stopped, api_visibility="private")
    stop.click(None, cancels=[event], js=stopped, api_visibility="private")
    return event


def decode_at_rest(name: str, decode: Callable, state: gr.State, player: Any) -> None:
    """Call `decode(state, frame)` when the player called `name` rests on an approximate frame.

    `decode` answers with a message of `player.refined`.
    """
    button = gr.Button(elem_id=f"refine-{name}", elem_classes=["out-of-sight"])
    at_rest(name, button.click, decode, [state], player)


def at_rest(
    name: str, event: Callable, function: Callable, inputs: Sequence[Any], player: Any
) -> None:
    """On an event, call `function(state, frame, *others)` with the frame that is on screen.

    `inputs` are the state and the others; `function` answers with a message for the player.
    """
    state, *others = inputs
    names = ", ".join(f"v{k}" for k in range(len(others)))
    event(
        checks.shown(function),
        [state, Number(0, visible=False), *others],
        player,
        js=f"(state, frame, {names}) => [state, stepwise.shown('{name}'), {names}]",
        **QUIET,
        trigger_mode="always_last",
        concurrency_limit=None,
        concurrency_id=f"at-rest-{name}-{function.__name__}",
    )


def mark_stale(name: str, controls: Sequence[Any]) -> None:
    """Any change of a control marks the player's stage as showing other settings."""
    # With a listener, an editor would send its layers to a route of Gradio's that is closed.
    watched = [each for each in controls if not isinstance(each, gr.ImageEditor)]
    gr.on(
        [control.change for control in watched],
        None,
        None,
        None,
        js=f"() => stepwise.stale('{name}')",
        api_visibility="private",
    )


def chips(presets: dict[str, dict[Any, Any]]) -> None:
    """A row of small buttons; each sets some controls, then runs.

    `presets` maps the words of a chip to values of components.
    """
    with gr.Row(elem_classes=["chips"]):
        for words, values in presets.items():
            chip = gr.Button(words, size="sm", elem_classes=["chip"])
            settings = list(values.values())
            answer = settings if len(settings) > 1 else settings[0]
            chip.click(functools.partial(_return, answer), None, list(values), **QUIET).then(
                None, js="() => stepwise.run()", api_visibility="private"
            )


def seed_row() -> Number:
    """The seed field with its button for a random one."""
    with gr.Row(elem_classes=["seed-row"]):
        seed = Number(
            0,
            label="Seed",
            precision=0,
            scale=3,
            min_width=120,
            info="0 to 4294967295: which noise",
        )
        random_seed = gr.Button("Random", size="sm", scale=1, min_width=80)
    random_seed.click(dice, None, seed, **QUIET)
    return seed


def dice() -> int:
    """A random seed in 0..99999."""
    return random.randrange(100_000)


def _return(value: Any) -> Any:
    return value
