"""What goes in and out of the schedule tab: other curves to draw over, configs, the sampler."""

from __future__ import annotations

import time
from typing import Any

import gradio as gr

from core.drawn_schedules import DRAWN
from core.schedules import SCHEDULES
from demos.schedules.configs import config_points, config_text, drawn_over
from demos.schedules.parameters import PARAMETERS, Parameters, defaults_of, in_words, made, offered
from demos.schedules.request import SIDES
from demos.ui.controls import QUIET, Radio, Raw, Textbox, text
from demos.ui.errors import shown
from demos.ui.recorded import Shared
from demos.ui.runner import PRIVATE
from demos.views.html import spoken
from demos.words import Refusal

SAVE = "(text) => stepwise.saveConfig(text, 'scheduler_config.json')"


class Sent(Raw, gr.JSON):
    """A JSON value that the page sends; whoever gets it judges it."""


def menu_word(name: str) -> Any:
    """A schedule in the menu; a model on the hub goes without its owner."""
    return text(f"schedule.option.{name}") or name.rpartition("/")[2]


def parameters_info(name: str) -> Any:
    """Whether a schedule has parameters."""
    return text("schedule.adjustable" if name in SCHEDULES else "schedule.fixed")


def adopted(name: Any, **values: Any) -> list[dict[str, Any]]:
    """Show the parameters of the chosen schedule, or say that it has none.

    Those that are not among the values are at their defaults.
    """
    start = Parameters.at_first(name)
    menu = gr.update(value=start.schedule, info=parameters_info(start.schedule))
    return [menu] + [
        gr.update(visible=start.asked(key), value=values.get(key, getattr(start, key)))
        for key in PARAMETERS
    ]


def build() -> dict[str, Any]:
    """What draws over another schedule, opens and saves configs, and samples with a schedule."""
    swaps: dict[str, Any] = {}
    with gr.Accordion(text("schedule.exchange"), open=False):
        swaps["over"] = Radio(
            [(menu_word(name), name) for name in offered() if name != DRAWN],
            value=None,
            label=text("schedule.over.label"),
            info=text("schedule.over.info"),
            elem_classes=["control"],
        )
        swaps["config"] = Textbox(
            label=text("schedule.config.label"),
            info=text("schedule.config.info"),
            max_lines=1,
            elem_classes=["control", "config-text"],
        )
        with gr.Row(elem_classes=["chips"]):
            for name in ("open", "draw", *(f"save_{side}" for side in SIDES)):
                swaps[name] = gr.Button(text(f"schedule.{name}"), size="sm")
        swaps["placed"] = gr.HTML(elem_classes=["drawing-advice"])
        swaps["file"], swaps["sent"] = Textbox(visible=False), Sent(visible=False)
    swaps["sample"] = gr.Button(text("schedule.sample"), size="sm")
    return swaps


def connect(
    swaps: dict[str, Any],
    groups: dict[str, dict[str, Any]],
    others: dict[str, Any],
    redraw: dict[str, Any],
    shared: Shared,
) -> None:
    """What is drawn over or opened becomes the first schedule; both can be saved."""
    outputs = [*groups["first"].values(), swaps["placed"]]
    gr.on(swaps["over"].input, shown(drawn_over_schedule), swaps["over"], outputs, **QUIET).then(
        **redraw
    )
    swaps["open"].click(None, js="() => stepwise.openConfig()", **PRIVATE)
    draw = swaps["draw"].click(
        shown(drawn_over_config), swaps["sent"], outputs, js="() => [stepwise.pasted()]", **QUIET
    )
    draw.success(**redraw)
    for side in SIDES:
        inputs = [*groups[side].values(), others["spacing"]]
        save = swaps[f"save_{side}"].click(shown(saved), inputs, swaps["file"], **QUIET)
        save.success(None, swaps["file"], None, js=SAVE, **PRIVATE)
    drawn = [others[name] for name in ("steps", "spacing", "digit")]
    inputs = [*groups["first"].values(), *drawn]
    swaps["sample"].click(shown(handed_over), inputs, [shared.schedule, shared.tabs], **QUIET)


def drawn_over_schedule(name: Any) -> list[Any]:
    """The first schedule drawn over another one, at its defaults, and how close it comes."""
    over = Parameters.at_first(name)
    points, say = drawn_over(in_words(over.schedule), made(over.schedule, over.given()))
    return [*adopted(DRAWN, points=points), spoken(say, "p")]


def drawn_over_config(sent: Any) -> list[Any]:
    """The first schedule drawn over that of a config, and how close it comes."""
    points, say = config_points(sent)
    return [*adopted(DRAWN, points=points), spoken(say, "p")]


def saved(*values: Any) -> str:
    """The config of the schedule that a group holds; the last value is the spacing."""
    *group, spacing = values
    asked = Parameters.read(*group)
    schedule = made(asked.schedule, asked.given())
    points = asked.points if asked.schedule == DRAWN else ""
    return config_text(in_words(asked.schedule), schedule, spacing, points)


def handed_over(*values: Any) -> tuple[tuple[dict[str, Any], float], Any]:
    """Sample the digit with the first schedule, as many steps as are drawn, and open that tab.

    The moment makes what is handed over differ from what was handed over before. Refusal for a
    schedule that is not drawn and has other parameters than its defaults.
    """
    *group, steps, spacing, digit = values
    asked = Parameters.read(*group)
    settings: dict[str, Any] = {"schedule": asked.schedule}
    if asked.schedule == DRAWN:
        settings["points"] = asked.points
    elif asked.schedule not in SCHEDULES or asked.given() != known(asked):
        raise Refusal("schedule.refused.sample", schedule=in_words(asked.schedule))
    settings |= {"model": "exact", "guidance": 1.0, "label": str(digit)}
    settings |= {"steps": steps, "spacing": spacing}
    return (settings, time.monotonic()), gr.Tabs(selected="sampling")


def known(asked: Parameters) -> dict[str, Any]:
    """The defaults of a schedule's parameters."""
    return {key: each for key, each in defaults_of(asked.schedule).items() if key in PARAMETERS}
