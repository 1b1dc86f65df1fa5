"""The page of the schedules: it has no run button, all is drawn again while a control moves."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, get_type_hints

import gradio as gr

from core.drawn_schedules import DRAWN
from demos.runs.opened import message_of
from demos.runs.requests import event
from demos.runs.stream import as_text
from demos.schedules import exchange
from demos.schedules.advice import advice
from demos.schedules.exchange import adopted, menu_word, parameters_info
from demos.schedules.live import digits
from demos.schedules.parameters import PARAMETERS, Parameters, offered
from demos.schedules.request import SIDES, ScheduleRequest
from demos.schedules.run import message, still_note
from demos.ui.controls import QUIET, Dropdown, control, text
from demos.ui.drawing import drawing
from demos.ui.errors import language, shown
from demos.ui.player import Player
from demos.ui.recorded import Shared
from demos.ui.uploads import run_file
from demos.views.html import spoken
from demos.words import said, sentence, word

TITLE = "tab.schedules"
PLAYER = "schedule"
SHARED = ("quantity", "steps", "spacing", "digit")  # by both schedules


@event(ScheduleRequest)
def schedule(request: ScheduleRequest) -> str:
    """Compare two noise schedules; returns the frames of one digit noised by both."""
    return as_text(message(request))


def build(shared: Shared) -> None:
    """Lay out the tab."""
    gr.Markdown(text("schedule.lead"), elem_classes=["lead"])
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            with gr.Row(elem_classes=["run-row"]):
                reset = gr.Button(text("button.reset"), elem_classes=["reset-button"])
            groups, advised = {}, {}
            for side in SIDES:
                with gr.Group():
                    groups[side] = group(side)
                    advised[side] = gr.HTML(elem_classes=["drawing-advice"])
            others = {name: control(ScheduleRequest, name) for name in SHARED}
            swaps = exchange.build()
        with gr.Column():
            player = Player(message(ScheduleRequest.of()), name=PLAYER, links=shared.links)
            file = run_file(PLAYER)
    file.upload(shown(message_of), file, player, **QUIET)
    gr.HTML(digits(), elem_classes=["out-of-sight"])
    gr.api(typed(shown(schedule)), api_name="schedule")
    redraw = connect(groups, others, reset, [player, *advised.values()])
    exchange.connect(swaps, groups, others, redraw, shared)
    restore = partial(restored, groups, others, player)
    shared.links.offer("schedules", player, restore, ScheduleRequest)


def typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the types of its arguments: without a component they describe it."""
    hints = get_type_hints(ScheduleRequest)
    tables = {f"{side}_parameters": dict | None for side in SIDES}
    types = {name: tables.get(name, hints[name]) for name in ScheduleRequest.controls()}
    signature: Any = inspect.signature(function).replace(return_annotation=str)
    function.__annotations__, function.__signature__ = types, signature
    return function


def group(side: str) -> dict[str, Any]:
    """The choice of a schedule and the controls of its parameters, which it alone shows."""
    start = Parameters.at_first(ScheduleRequest.defaults()[side])
    controls: dict[str, Any] = {
        "schedule": Dropdown(
            [(menu_word(name), name) for name in offered()],
            value=start.schedule,
            label=text(word("schedule", side, "label")),
            info=parameters_info(start.schedule),
            elem_classes=["control", f"control-{side}"],
        )
    }
    for name in PARAMETERS:
        value, visible = getattr(start, name), start.asked(name)
        if name == "points":
            controls[name] = drawing(value, PLAYER, side, visible=visible)
        else:
            controls[name] = control(Parameters, name, value=value, visible=visible)
    return controls


def connect(
    groups: dict[str, dict[str, Any]], others: dict[str, Any], reset: gr.Button, drawn: list[Any]
) -> dict[str, Any]:
    """Every control redraws while it moves; a new schedule shows its own parameters.

    Returns the event that redraws.
    """
    controls = [each for group in groups.values() for each in group.values()]
    controls += others.values()
    redraw: dict[str, Any] = {
        "fn": shown(redrawn),
        "inputs": controls,
        "outputs": drawn,
        "trigger_mode": "always_last",
        "concurrency_limit": None,
        **QUIET,
    }
    for each in groups.values():
        menu, *parameters = each.values()
        menu.input(shown(adopted), menu, [menu, *parameters], **QUIET).then(**redraw)
        gr.on([parameter.input for parameter in parameters], **redraw)
    gr.on([each.input for each in others.values()], **redraw)
    reset.click(at_first, None, controls, **QUIET).then(**redraw)
    menus = [each["schedule"] for each in groups.values()]
    causes = [*menus, others["quantity"]]
    gr.on([each.change for each in causes], shown(noted), causes, others["quantity"], **QUIET)
    return redraw


def restored(
    groups: dict[str, dict[str, Any]],
    others: dict[str, Any],
    player: Player,
    request: ScheduleRequest,
) -> dict[Any, Any]:
    """All controls with the values of a request, and its picture on the stage."""
    found: dict[Any, Any] = {player: message(request)}
    for side, controls in groups.items():
        start = Parameters.at_first(request.name(side))
        given = {k: value for k, value in request.given(side).items() if k in PARAMETERS}
        held = Parameters.read(**{**vars(start), **given})
        updates = adopted(held.schedule)
        for (name, each), update in zip(controls.items(), updates, strict=True):
            found[each] = {**update, "value": getattr(held, name)}
    values = {each: gr.update(value=getattr(request, name)) for name, each in others.items()}
    return found | values


def asked(*values: Any) -> ScheduleRequest:
    """What is asked for by what all controls hold: both groups, then what is shared."""
    size = len(Parameters.controls())
    first, second = Parameters.read(*values[:size]), Parameters.read(*values[size : 2 * size])
    sent = first.schedule, second.schedule, *values[2 * size :], first.given(), second.given()
    return ScheduleRequest.of(*sent)


def explored(*values: Any) -> dict[str, Any]:
    """The message for what all controls hold."""
    return message(asked(*values))


def redrawn(*values: Any) -> list[Any]:
    """The same, and below each schedule what is worth knowing of it, if it is drawn."""
    request = asked(*values)
    return [message(request), *(advice_html(request, side) for side in SIDES)]


def advice_html(request: ScheduleRequest, side: str) -> str:
    """What is worth knowing of a drawn schedule, as a list; "" for another one."""
    if request.name(side) != DRAWN:
        return ""
    schedule = request.pair[SIDES.index(side)]
    said = advice(schedule, request.steps, request.spacing)
    return f"<ul>{''.join(spoken(each, 'li') for each in said)}</ul>"


def at_first() -> list[Any]:
    """What all controls hold at first."""
    defaults = ScheduleRequest.defaults()
    updates = [update for side in SIDES for update in adopted(defaults[side])]
    return updates + [defaults[name] for name in SHARED]


def noted(first: Any, second: Any, quantity: Any) -> dict[str, Any]:
    """Say beside the menu of curves when another one is drawn."""
    asked = ScheduleRequest.read(first, second, quantity)
    note = still_note(asked)
    if note is None:
        return gr.update(info=text(word("schedule", "quantity", "info")))
    drawn = said(f"quantity.option.{asked.shown()}")
    say = said("schedule.quantity.still", note=note, drawn=drawn)
    return gr.update(info=sentence(say, language()))
