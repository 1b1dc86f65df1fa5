"""Levels as numbers, places and shares: what a frame says of where it is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from core.schedules import Level
from core.tapes import Axis
from demos.words import decibel, percent, said, short

__all__ = ["decibel", "percent", "short"]

LIMIT = 10.2  # the timeline shows log-SNR from +10.2 (left, clean) to -10.2 (right, noise)


def place(level: Level) -> float:
    """Where a level lies on the timeline: 0 clean (log-SNR 10.2 and more), 1 noise (-10.2)."""
    return (LIMIT - min(max(level.log_snr, -LIMIT), LIMIT)) / (2 * LIMIT)


def noise_share(level: Level) -> float:
    """Share of the variance that is noise, sigma^2 / (alpha^2 + sigma^2), in 0..1."""
    return level.sigma**2 / (level.alpha**2 + level.sigma**2)


def signal_curve(points: int = 49) -> list[tuple[float, float]]:
    """Share of the variance that is signal, over the timeline: the curve behind the track."""
    places = [index / (points - 1) for index in range(points)]
    return [(at, 1 / (1 + math.exp(-(LIMIT - 2 * LIMIT * at)))) for at in places]


def facts(level: Level) -> list[tuple[str, str]]:
    """The numbers of a level."""
    return [
        ("t", "clean" if level.t < 0 else f"{level.t:.0f}"),
        ("signal α", short(level.alpha)),
        ("noise σ", short(level.sigma)),
        ("log-SNR", short(level.log_snr)),
    ]


def of_level(level: Level) -> dict[str, float]:
    """The numbers of a level by name; the clean one has no timestep."""
    numbers = {"t": level.t} if level.t >= 0 else {}
    return {**numbers, "alpha": level.alpha, "sigma": level.sigma, "log_snr": level.log_snr}


def noise_power(level: Level, x0: Tensor, of_noise: float = 1.0) -> float:
    """Share of the power that is noise, s^2 n / (a^2 E[x0^2] + s^2 n), in 0..1.

    x0 is the picture that is shown, or what is guessed of it; n is the power of the noise itself,
    1 where it is N(0, I), 1/3 where it is uniform in [-1, 1].
    """
    noise = level.sigma**2 * of_noise
    signal = level.alpha**2 * x0.double().square().mean().item() if level.alpha else 0.0
    return noise / (signal + noise) if signal + noise else 0.0


def level_axis(levels: Sequence[Level]) -> Axis:
    """The timeline of a run that visits these levels: log-SNR, clean on the left."""
    return Axis(
        name=said("axis.log_snr"),
        curve=signal_curve(),
        curve_name=said("axis.signal"),
        ends=(said("axis.clean"), said("axis.noise")),
        ticks=[place(level) for level in levels],
    )
