"""Tab 1: the noise schedule explorer. Two schedules, their curves, one picture noised by both."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import gradio as gr
import torch

from core.bridge import schedule_of
from core.data import mnist, signed
from core.images import gray_uri
from core.models import MODELS, ROOT, ModelCard
from core.samplers import seeded
from core.schedules import SCHEDULES, SPACINGS, Level, Schedule
from demos import widgets
from demos.player import Panel, Player, Reel
from demos.plots import QUANTITIES, Curve, chart, noise_share, percent, short, values_of

TITLE = "Schedule"
FRAMES = 33
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


def schedule(
    first: str = "linear",
    second: str = "cosine",
    quantity: str = "alpha_bar",
    steps: int = 10,
    spacing: str = "trailing",
    digit: int = 3,
    first_parameters: dict | None = None,
    second_parameters: dict | None = None,
) -> dict:
    """Compare two noise schedules; returns the frames of one digit noised by both.

    Args:
        first: linear, scaled_linear, quadratic, sigmoid, cosine, geometric, karras or flow; or a
            model, such as digits or emoji, for the schedule that it was trained with.
        second: the schedule beside it, a name of the same list.
        quantity: alpha_bar, log_snr, snr, beta, alpha, sigma or posterior_variance.
        steps: timesteps that a run of so many steps visits, 1..1000.
        spacing: leading, trailing or linspace.
        digit: the picture, a test digit 0..9.
        first_parameters: parameters of the first schedule, such as {"beta_end": 0.02}; a model's
            own schedule has none.
        second_parameters: parameters of the second schedule.
    """
    quantity = widgets.choice(quantity, "Quantity", list(QUANTITIES))
    steps = widgets.whole(steps, "Steps", 1, 1000)
    spacing = widgets.choice(spacing, "Spacing", SPACINGS)
    digit = widgets.whole(digit, "Digit", 0, 9)
    settings = {name: value for name, value in locals().items() if name in PUBLIC}
    pair = [
        made("First schedule", first, first_parameters),
        made("Second schedule", second, second_parameters),
    ]
    if len(pair[0]) != len(pair[1]):
        raise ValueError(
            f"{first} has {len(pair[0])} timesteps and {second} has {len(pair[1])}; "
            "choose two schedules with the same number"
        )
    names = [said(first), said(second) if second != first else f"{said(second)} (second)"]
    reel = reel_of(pair, names, settings)
    add_frames(reel, pair, names, digit)
    return reel.whole()


PUBLIC = tuple(inspect.signature(schedule).parameters)


def reel_of(pair: list[Schedule], names: list[str], settings: dict[str, Any]) -> Reel:
    """An empty reel with the chart of both schedules."""
    steps, quantity, last = settings["steps"], settings["quantity"], len(pair[0]) - 1
    visited = [each.timesteps(steps, settings["spacing"]) for each in pair]
    curves = [
        Curve(name, tone, values_of(each, quantity), ticks if len(ticks) <= 100 else ())
        for name, tone, each, ticks in zip(names, ("first", "second"), pair, visited, strict=True)
    ]
    return Reel(
        (
            Panel("xₜ", f"{names[0]}, scaled" if exploding(pair[0]) else names[0], "first"),
            Panel("xₜ", f"{names[1]}, scaled" if exploding(pair[1]) else names[1], "second"),
        ),
        total=FRAMES,
        title=f"{names[0]} and {names[1]}: {steps} steps, {settings['spacing']}",
        settings=settings,
        curve=[behind(each) for each in pair],
        ticks=[t / last for t in visited[0]],
        ends=("t = 0", f"t = {last}"),
        chart=chart(curves, quantity),
        keep="schedule",
        start=FRAMES // 3,
    )


def made(which: str, name: Any, parameters: Any) -> Schedule:
    """The schedule of this name; ValueError for parameters that it does not take."""
    name = widgets.choice(name, which, offered())
    parameters = {} if parameters is None else parameters
    if not isinstance(parameters, dict):
        raise ValueError(f"{which}: parameters must be given by name, got {str(parameters)[:40]}")
    if name not in SCHEDULES:
        if parameters:
            raise ValueError(f"the schedule of the model {name} is fixed: it takes no parameters")
        return own_schedule(name)
    taken = [each for each in taken_by(name) if each != "timesteps"]
    given: dict[str, Any] = {}
    for key, value in parameters.items():
        if key not in taken:
            raise ValueError(f"{name} has no parameter {key}; it takes {', '.join(taken)}")
        if key == "zero_terminal_snr":
            given[key] = widgets.truth(value, "zero_terminal_snr")
        else:
            given[key] = widgets.real(value, f"{name}: {key}", 0, 10_000)
    return SCHEDULES[name](**given)


def own_schedule(name: str) -> Schedule:
    """The schedule that a model was trained with, from its scheduler's config alone.

    ValueError where there is no such file, or none that is a schedule on a grid of timesteps.
    """
    file = scheduler_file(MODELS[name])
    if file is None:
        raise ValueError(f"the schedule of the model {name} is not on this machine")
    return schedule_of(json.loads(file.read_text(encoding="utf-8")))


def scheduler_file(card: ModelCard) -> Path | None:
    """The config of a model's scheduler; None where it has none or is still on the hub."""
    part = "scheduler/scheduler_config.json"
    if card.revision:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(card.source, part, revision=card.revision)
        return Path(found) if isinstance(found, str) else None
    file = ROOT / card.source / part
    return file if file.exists() else None


def offered() -> list[str]:
    """The named schedules, then the models whose own schedule can be read."""
    own = [name for name, card in MODELS.items() if scheduler_file(card) is not None]
    return [*SCHEDULES, *(name for name in own if name not in SCHEDULES)]


def words_of(name: str) -> str:
    """A schedule in the menu; a model on the hub goes without its owner."""
    return name if name in SCHEDULES else f"{name.rpartition('/')[2]} (the model's own)"


def said(name: str) -> str:
    """A schedule on the stage, where there is less room."""
    return name if name in SCHEDULES else f"{name.rpartition('/')[2]} (own)"


def exploding(schedule: Schedule) -> bool:
    """Whether its noisy pictures have to be scaled to be shown: alpha^2 + sigma^2 is not 1."""
    return bool(((schedule.alpha**2 + schedule.sigma**2 - 1).abs() > 1e-3).any())


def same(one: Schedule, other: Schedule) -> bool:
    """Whether two schedules hold the same signal and noise at every timestep."""
    return torch.allclose(one.alpha, other.alpha) and torch.allclose(one.sigma, other.sigma)


def behind(schedule: Schedule) -> list[tuple[float, float]]:
    """The share of signal over t, as the curve behind the timeline."""
    last = len(schedule) - 1
    grid = range(0, last + 1, 27)
    return [(t / last, 1 - noise_share(schedule.level(t))) for t in grid]


def add_frames(reel: Reel, pair: list[Schedule], names: list[str], digit: int) -> None:
    """The digit at every level of the timeline, noised by both schedules with one eps."""
    images, labels = mnist("test")
    x0 = signed(images[(labels == digit).nonzero()[0]])
    eps = seeded(0, 1)(x0)
    last = len(pair[0]) - 1
    alike = ": the two are the same schedule" if same(*pair) else ""
    for index in range(FRAMES):
        t = round(index * last / (FRAMES - 1))
        levels = [each.level(t) for each in pair]
        reel.add(
            [gray_uri(noised(x0, eps, level)) for level in levels],
            f"At t = {t} noise is {percent(noise_share(levels[0]))} of the variance with "
            f"{names[0]} and {percent(noise_share(levels[1]))} with {names[1]}{alike}.",
            pos=t / last,
            chart_x=t / last,
            facts=[("t", str(t))]
            + [
                (f"α, σ {name}", f"{short(level.alpha)}, {short(level.sigma)}")
                for name, level in zip(names, levels, strict=True)
            ]
            + [
                (f"log-SNR {name}", short(level.log_snr))
                for name, level in zip(names, levels, strict=True)
            ],
        )


def noised(x0, eps, level: Level):
    """alpha x0 + sigma eps, scaled to unit variance, as pixels in [0, 1]."""
    scale = (level.alpha**2 + level.sigma**2) ** 0.5
    return ((level.alpha * x0 + level.sigma * eps) / scale + 1) / 2


def build(shared: widgets.Shared) -> None:
    """Lay out the tab."""
    widgets.lead(LEAD)
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            groups = [group("First schedule", START[0]), group("Second schedule", START[1])]
            quantity = gr.Dropdown(
                [(words.partition(":")[0], name) for name, (words, _) in QUANTITIES.items()],
                value="alpha_bar",
                label="Curve",
                info="what the chart shows; its definition and unit are the chart's title",
            )
            steps = gr.Slider(
                1, 100, 10, step=1, label="Steps", info="a run of so many steps visits the ticks"
            )
            spacing = gr.Radio(
                list(SPACINGS),
                value="trailing",
                label="Spacing",
                info="how the visited timesteps are spread over 0..999",
            )
            digit = gr.Slider(0, 9, 3, step=1, label="Digit", info="the picture that is noised")
            reset = gr.Button("Reset", elem_classes=["reset-button"])
        with gr.Column():
            player = Player(schedule(), name="schedule")
    gr.api(widgets.shown(schedule), api_name="schedule")
    connect(groups, [quantity, steps, spacing, digit], reset, player)


def group(title: str, start: str) -> dict[str, Any]:
    """The choice of a schedule and the controls of its parameters, which it alone shows."""
    with gr.Group():
        controls: dict[str, Any] = {
            "name": gr.Dropdown(
                [(words_of(name), name) for name in offered()],
                value=start,
                label=title,
                info=ADJUSTABLE,
            )
        }
        shown, defaults = taken_by(start), defaults_of(start)
        for key, (label, low, high, step, info) in PARAMETERS.items():
            controls[key] = gr.Slider(
                low,
                high,
                defaults.get(key, low),
                step=step,
                label=label,
                info=info,
                visible=key in shown,
            )
        controls["zero_terminal_snr"] = gr.Checkbox(
            False,
            label="Zero terminal SNR",
            visible="zero_terminal_snr" in shown,
            info="rescale so that no signal is left at the end (Lin et al. 2023)",
        )
    return controls


def taken_by(name: str) -> list[str]:
    """The parameters that a schedule takes; a model's own takes none."""
    return list(inspect.signature(SCHEDULES[name]).parameters) if name in SCHEDULES else []


def defaults_of(name: str) -> dict[str, Any]:
    """Its parameters and their defaults."""
    if name not in SCHEDULES:
        return {}
    taken = inspect.signature(SCHEDULES[name]).parameters
    return {key: parameter.default for key, parameter in taken.items()}


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

    quiet: Any = {"show_progress": "hidden", "api_visibility": "private", "queue": True}
    redraw = {
        "fn": widgets.shown(explore),
        "inputs": controls,
        "outputs": player,
        "trigger_mode": "always_last",
        "concurrency_limit": None,
        **quiet,
    }
    for each in groups:
        name, *parameters = each.values()
        name.input(adopt, name, [name, *parameters], **quiet).then(**redraw)
        gr.on([parameter.input for parameter in parameters], **redraw)
    gr.on([control.input for control in others], **redraw)
    defaults = [control.value for control in others]
    reset.click(
        lambda: [update for name in START for update in adopt(name)] + defaults,
        None,
        controls,
        **quiet,
    ).then(**redraw)


def adopt(name: str) -> list[dict]:
    """Show the parameters of the chosen schedule, at their defaults, or say that it has none."""
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
    keys = [*PARAMETERS, "zero_terminal_snr"]
    return {key: value for key, value in zip(keys, rest, strict=True) if key in taken_by(name)}
