"""Where an inversion errs, level by level, and whether its noise is noise: charts and a table."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from core.inversion import Inversion
from core.inversion.base import ddim
from core.metrics import neighbour_correlation, power_spectrum, rms
from core.samplers import seeded
from demos.views.charts import Axes, Curve, chart
from demos.views.numbers import noise_share, percent, place, short

LEVELS = [(0.0, "clean"), (0.25, "5.1"), (0.5, "log-SNR 0"), (0.75, "−5.1"), (1.0, "noise")]
LEGEND = (
    " Residual: what one DDIM step down from the way up misses. Added up: the sum of all "
    "residuals from the noise down to here, which grows most while they point the same way. Where "
    "the way back lies lower, later steps shrink its distance; where higher, they stretch it. ε "
    "moves: how much the predicted noise changes from level to level, which DDIM inversion takes "
    "to be 0."
)
LEAST = 1e-8  # what is smaller is drawn here


class Looked(NamedTuple):
    """What a step of DDIM inversion takes for granted, and what that costs.

    Attributes:
        moved: RMS of eps(x_i, t_i) - eps(x_(i-1), t_(i-1)), which it takes to be 0; i from 2 on.
        missed: RMS of the residual r_i = x_(i-1) - DDIM(x_i); i from 1 on.
        added: RMS of r_N + ... + r_i, which the distance of the way back would be if its steps
            carried every miss along as it is; i from 1 on.
    """

    moved: list[float]
    missed: list[float]
    added: list[float]


@torch.no_grad()
def look(inversion: Inversion) -> Generator[int, None, Looked]:
    """Ask the denoiser again at every level of the way up: one call each, counted as it goes."""
    denoise = inversion.model.denoiser(inversion.prompt, guidance=inversion.guidance)
    path, levels = inversion.trajectory, inversion.levels
    residuals, seen = [], []
    for i in range(1, len(levels)):
        step = ddim(denoise, path[i], levels[i], levels[i - 1])
        residuals.append(path[i - 1] - step.x)
        seen.append(step.prediction.eps)
        yield i
    return Looked(
        [rms(after - before) for before, after in pairwise(seen)],
        [rms(each) for each in residuals],
        [rms(each) for each in accumulate(reversed(residuals))][::-1],
    )


def report(inversion: Inversion, off: Sequence[float], looked: Looked | None = None) -> str:
    """The microscope as HTML: errors over the noise level, the spectrum and the noise check."""
    noise = inversion.trajectory[-1]
    true = seeded(0, len(noise))(noise)
    return (
        f"<p>{where(inversion, off)}{judged(noise)}{LEGEND if looked else ''}</p>"
        '<div class="microscope">'
        f"<div>{errors(inversion, off, looked)}</div>"
        f"<div>{spectrum(noise, true)}</div>{gaussian(noise, true)}</div>"
    )


def where(inversion: Inversion, off: Sequence[float]) -> str:
    """At which levels the way back leaves the way up, as a sentence."""
    if inversion.method == "sdedit":
        return (
            "SDEdit adds random noise and inverts nothing: there is no way up to stay on, and "
            "what comes back is another picture."
        )
    worst, steps = max(off), len(off) - 1
    if worst < 1e-4:
        return (
            f"The way back stays on the way up at all {steps} levels: never more than "
            f"{short(worst)} away, where a picture has a spread of about 1."
        )
    first = next(i for i, each in enumerate(off) if each > worst / 10)
    last = next(i for i, each in enumerate(off) if each > 0.9 * worst)
    there, then = (percent(noise_share(inversion.levels[steps - i])) for i in (first, last))
    between = f"at {there} noise" if there == then else f"between {there} and {then} noise"
    after = " At less noise (left) it hardly grows." if last < steps else ""
    return (
        f"The error arises {between}: there the way back, which starts at the noise (right), "
        f"drifts off the way up, to {short(worst)} where a picture has a spread of about 1.{after}"
    )


def judged(noise: Tensor) -> str:
    """What to say of noise that is none; nothing otherwise."""
    spread, alike = noise.std().item(), neighbour_correlation(noise)
    if 0.5 < spread < 1.5 and abs(alike) < 0.25:
        return ""
    return (
        f" <strong>This noise is not noise:</strong> its spread is {short(spread)} instead of 1, "
        f"its neighbours' correlation {short(alike)} instead of 0."
    )


def drawn(values: Sequence[float]) -> list[float]:
    """Values for a logarithmic axis."""
    return [math.log10(max(value, LEAST)) for value in values]


def errors(inversion: Inversion, off: Sequence[float], looked: Looked | None) -> str:
    """The error of the way back, and each step's part in it, over the noise level."""
    at = [place(level) for level in inversion.levels]
    curves = [Curve("way back", "difference", drawn(off[1:][::-1]), at=at[:-1])]
    if looked is not None:
        curves += [
            Curve("residual", "second", drawn(looked.missed), at=at[:-1]),
            Curve("added up", "noise", drawn(looked.added), at=at[:-1]),
            Curve("ε moves", "first", drawn(looked.moved), at=at[2:]),
        ]
    axes = Axes(
        "Distance from the way up" if looked is None else "Distance from the way up, and why",
        "RMS",
        "noise level; the way back runs ←",
        LEVELS,
        logarithmic=True,
    )
    return chart(curves, axes)


def spectrum(noise: Tensor, true: Tensor) -> str:
    """The power of the inverted noise at each frequency beside that of true noise."""
    powers = [power_spectrum(each) for each in (noise, true)]
    names, tones = ("inverted noise", "true noise"), ("noise", "second")
    at = [float(k) for k in range(1, len(powers[0]) + 1)]
    curves = [
        Curve(name, tone, power, at=at)
        for name, tone, power in zip(names, tones, powers, strict=True)
    ]
    marks = [(k, f"{k:g}") for k in (at[0], *at[1:-1:3], at[-1])]
    return chart(curves, Axes("Spectrum", "power, 1 expected", "cycles per width", marks))


def gaussian(noise: Tensor, true: Tensor) -> str:
    """Mean, spread and neighbour correlation, of the inverted noise and of true noise."""
    rows = [
        ("mean", *(short(each.mean().item()) for each in (noise, true)), "0"),
        ("spread", *(short(each.std().item()) for each in (noise, true)), "1"),
        (
            "correlation of neighbours",
            *(short(neighbour_correlation(each)) for each in (noise, true)),
            "0",
        ),
    ]
    head = ("", "inverted noise", "one draw of true noise", "expected")
    cells = "".join(f"<th>{each}</th>" for each in head)
    body = "".join(
        f"<tr><th>{name}</th>{''.join(f'<td>{value}</td>' for value in values)}</tr>"
        for name, *values in rows
    )
    return f'<table class="noise-check"><tr>{cells}</tr>{body}</table>'
