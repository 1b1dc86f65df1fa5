"""Two noise schedules side by side: their curves, and one digit noised by both."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from core import paths
from core.bridge import schedule_of
from core.data import mnist, signed
from core.images import pixels_uri
from core.models import MODELS, ModelCard
from core.models.folder import folder_of
from core.samplers import seeded
from core.schedules import SCHEDULES, SPACINGS, Level, Schedule
from demos import checks
from demos.plots import QUANTITIES, Curve, noise_share, over_time, percent, short, values_of
from demos.reel import Panel, Reel

FRAMES = 33


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
    quantity = checks.choice(quantity, "Quantity", list(QUANTITIES))
    steps = checks.whole(steps, "Steps", 1, 1000)
    spacing = checks.choice(spacing, "Spacing", SPACINGS)
    digit = checks.whole(digit, "Digit", 0, 9)
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
        chart=over_time(curves, quantity),
        keep="schedule",
        start=FRAMES // 3,
    )


def made(which: str, name: Any, parameters: Any) -> Schedule:
    """The schedule of this name; ValueError for parameters that it does not take."""
    name = checks.choice(name, which, offered())
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
            given[key] = checks.truth(value, "zero_terminal_snr")
        else:
            given[key] = checks.real(value, f"{name}: {key}", 0, 10_000)
    return SCHEDULES[name](**given)


def own_schedule(name: str) -> Schedule:
    """The schedule that a model was trained with, from its scheduler's config alone.

    ValueError where there is no such file, or none that is a schedule on a grid of timesteps.
    """
    file = scheduler_file(MODELS[name])
    if file is None:
        raise ValueError(f"the schedule of the model {name} is not on this machine")
    folder = folder_of(MODELS[name], file.parent.parent).at("scheduler")
    return schedule_of(replace(folder, path=file.parent).json(file.name))


def scheduler_file(card: ModelCard) -> Path | None:
    """The config of a model's scheduler; None where it has none or is still on the hub."""
    part = "scheduler/scheduler_config.json"
    if card.revision:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(card.source, part, revision=card.revision)
        return Path(found) if isinstance(found, str) else None
    file = paths.ROOT / card.source / part
    return file if file.exists() else None


def offered() -> list[str]:
    """The named schedules, then the models whose own schedule can be read."""
    own = [name for name, card in MODELS.items() if scheduler_file(card) is not None]
    return [*SCHEDULES, *(name for name in own if name not in SCHEDULES)]


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
            [pixels_uri(noised(x0, eps, level)) for level in levels],
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


def taken_by(name: str) -> list[str]:
    """The parameters that a schedule takes; a model's own takes none."""
    return list(inspect.signature(SCHEDULES[name]).parameters) if name in SCHEDULES else []


def defaults_of(name: str) -> dict[str, Any]:
    """Its parameters and their defaults."""
    if name not in SCHEDULES:
        return {}
    taken = inspect.signature(SCHEDULES[name]).parameters
    return {key: parameter.default for key, parameter in taken.items()}
