"""Tab 1: the noise schedule explorer. Two schedules, their curves, one picture noised by both."""

from __future__ import annotations

import functools
from typing import Any

import gradio as gr

from core.schedules import SCHEDULES, SPACINGS
from demos import checks, widgets
from demos.comparison import defaults_of, offered, schedule, taken_by
from demos.reel import as_text
from demos.ui.player import Player
from demos.views.charts import QUANTITIES

TITLE = "Schedule"
LEAD = (
    "**A noise schedule says how fast a picture drowns.** Drag the playhead along the timeline: "
    "both schedules noise the same digit with the same noise. At which timestep can you no longer "
    "read it? Then change a parameter and watch the curves, or choose the schedule that a model "
    "was trained with."
)
# Parameter: (label, low, high, step, help). The defaults are those of the schedule's function.
PARAMETERS = {
    "beta_start": ("beta at t = 0", 0.00001, 0.01, 0.00001, "variance of the first step"),
    "beta_end": ("beta at t = T − 1", 0.001, 0.1, 0.0005, "variance of the last step"),
    "s": ("offset s", 0.0, 0.1, 0.001, "keeps the first steps from being too small"),
    "max_beta": ("largest beta", 0.1, 0.9999, 0.0001, "cap at the noisy end"),
    "sigma_min": ("smallest sigma", 0.001, 1.0, 0.001, "noise scale at t = 0"),
    "sigma_max": ("largest sigma", 1.0, 160.0, 1.0, "noise scale at t = T − 1"),
    "rho": ("rho", 1.0, 20.0, 0.5, "7 in EDM; larger: more levels near the clean end"),
    "shift": ("shift", 0.1, 10.0, 0.1, "1 none; larger: more levels near the noisy end"),
}
START = ("linear", "cosine")
ADJUSTABLE = "its parameters are below"
FIXED = "fixed: the model was trained with it, so there are no parameters to change"


def build(shared: widgets.Shared) -> None:
    """Lay out the tab."""
    widgets.lead(LEAD)
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            groups = [group("First schedule", START[0]), group("Second schedule", START[1])]
            quantity = widgets.Dropdown(
                [(words.partition(":")[0], name) for name, (words, _) in QUANTITIES.items()],
                value="alpha_bar",
                label="Curve",
                info="what the chart shows; its definition and unit are the chart's title",
            )
            steps = widgets.Slider(
                1, 100, 10, step=1, label="Steps", info="a run of so many steps visits the ticks"
            )
            spacing = widgets.Radio(
                list(SPACINGS),
                value="trailing",
                label="Spacing",
                info="how the visited timesteps are spread over 0..999",
            )
            digit = widgets.Slider(
                0, 9, 3, step=1, label="Digit", info="the picture that is noised"
            )
            reset = gr.Button("Reset", elem_classes=["reset-button"])
        with gr.Column():
            player = Player(schedule(), name="schedule")
    gr.api(checks.shown(answer), api_name="schedule")
    connect(groups, [quantity, steps, spacing, digit], reset, player)


@functools.wraps(schedule)
def answer(*values: Any, **named: Any) -> str:
    """What API clients get: the message as text, as from the events of the other tabs."""
    return as_text(schedule(*values, **named))


def group(title: str, start: str) -> dict[str, Any]:
    """The choice of a schedule and the controls of its parameters, which it alone shows."""
    with gr.Group():
        controls: dict[str, Any] = {
            "name": widgets.Dropdown(
                [(words_of(name), name) for name in offered()],
                value=start,
                label=title,
                info=ADJUSTABLE,
            )
        }
        shown, defaults = taken_by(start), defaults_of(start)
        for key, (label, low, high, step, info) in PARAMETERS.items():
            controls[key] = widgets.Slider(
                low,
                high,
                defaults.get(key, low),
                step=step,
                label=label,
                info=info,
                visible=key in shown,
            )
        controls["zero_terminal_snr"] = widgets.Checkbox(
            False,
            label="Zero terminal SNR",
            visible="zero_terminal_snr" in shown,
            info="rescale so that no signal is left at the end (Lin et al. 2023)",
        )
    return controls


def connect(groups, others, reset, player) -> None:
    """Every control redraws while it moves; a new schedule shows its own parameters."""
    controls = [control for each in groups for control in each.values()] + others
    size = len(groups[0])

    def explore(*values: Any) -> dict:
        first, second = values[:size], values[size : 2 * size]
        parameters = {
            "first_parameters": parameters_of(first),
            "second_parameters": parameters_of(second),
        }
        return schedule(first[0], second[0], *values[2 * size :], **parameters)

    redraw = {
        "fn": checks.shown(explore),
        "inputs": controls,
        "outputs": player,
        "trigger_mode": "always_last",
        "concurrency_limit": None,
        **widgets.QUIET,
    }
    for each in groups:
        name, *parameters = each.values()
        name.input(adopt, name, [name, *parameters], **widgets.QUIET).then(**redraw)
        gr.on([parameter.input for parameter in parameters], **redraw)
    gr.on([control.input for control in others], **redraw)
    defaults = [control.value for control in others]
    reset.click(
        lambda: [update for name in START for update in adopt(name)] + defaults,
        None,
        controls,
        **widgets.QUIET,
    ).then(**redraw)


def adopt(name: str) -> list[dict]:
    """Show the parameters of the chosen schedule, at their defaults, or say that it has none."""
    name = checks.choice(name, "Schedule", offered())
    defaults = defaults_of(name)
    keys = [*PARAMETERS, "zero_terminal_snr"]
    info = ADJUSTABLE if name in SCHEDULES else FIXED
    return [gr.update(value=name, info=info)] + [
        gr.update(visible=key in defaults, **({"value": defaults[key]} if key in defaults else {}))
        for key in keys
    ]


def parameters_of(values: tuple) -> dict[str, Any]:
    """The parameters that the chosen schedule takes, out of all controls of its group."""
    name, *rest = values
    name = checks.choice(name, "Schedule", offered())
    keys = [*PARAMETERS, "zero_terminal_snr"]
    return {key: value for key, value in zip(keys, rest, strict=True) if key in taken_by(name)}


def words_of(name: str) -> str:
    """A schedule in the menu; a model on the hub goes without its owner."""
    return name if name in SCHEDULES else f"{name.rpartition('/')[2]} (the model's own)"
