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
from core.noise import seeded
from core.tapes import Say
from demos.inversion.session import Session
from demos.views.charts import LEVELS, Axes, Curve, chart
from demos.views.html import saying, spoken
from demos.views.numbers import noise_power, percent, place, short
from demos.words import said

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


def report(session: Session, looked: Looked | None = None) -> str:
    """The microscope as HTML: errors over the noise level, the spectrum and the noise check."""
    noise = session.inversion.trajectory[-1]
    true = seeded(0, len(noise))(noise)
    told = [where(session)]
    if looked:
        told.append(said("microscope.legend"))
    doubt = judged(noise)
    strong = spoken(doubt, "strong") if doubt else ""
    name = saying(said("microscope.title"), "aria-label")
    return (
        f"<p>{spoken(told)} {strong}</p>"
        f'<div class="microscope" role="region" tabindex="0"{name}>'
        f"<div>{errors(session, looked)}</div>"
        f"<div>{spectrum(noise, true)}</div>{gaussian(noise, true)}</div>"
    )


def where(session: Session) -> Say:
    """At which levels the way back leaves the way up."""
    inversion, off = session.inversion, session.off
    if inversion.method == "sdedit":
        return said("microscope.sdedit")
    worst, steps = max(off), len(off) - 1
    if worst < 1e-4:
        return said("microscope.stays", steps=steps, worst=worst)
    first = next(i for i, each in enumerate(off) if each > worst / 10)
    last = next(i for i, each in enumerate(off) if each > 0.9 * worst)
    power = inversion.model.noise_power
    there, then = (
        noise_power(inversion.levels[steps - i], session.x0, power) for i in (first, last)
    )
    values = {"there": there, "then": then, "worst": worst}
    key = "microscope.at" if percent(there) == percent(then) else "microscope.between"
    return [said(key, **values), *([said("microscope.after")] if last < steps else [])]


def judged(noise: Tensor) -> Say | None:
    """What to say of noise that is none; nothing otherwise."""
    spread, alike = noise.std().item(), neighbour_correlation(noise)
    if 0.5 < spread < 1.5 and abs(alike) < 0.25:
        return None
    return said("microscope.no_noise", spread=spread, alike=alike)


def drawn(values: Sequence[float]) -> list[float]:
    """Values for a logarithmic axis."""
    return [math.log10(max(value, LEAST)) for value in values]


def errors(session: Session, looked: Looked | None) -> str:
    """The error of the way back, and each step's part in it, over the noise level."""
    at = [place(level) for level in session.inversion.levels]
    off = drawn(session.off[1:][::-1])
    curves = [Curve(said("microscope.way_back"), "difference", off, at=at[:-1])]
    if looked is not None:
        curves += [
            Curve(said("microscope.residual"), "second", drawn(looked.missed), at=at[:-1]),
            Curve(said("microscope.added"), "noise", drawn(looked.added), at=at[:-1]),
            Curve(said("microscope.moved"), "first", drawn(looked.moved), at=at[2:]),
        ]
    axes = Axes(
        title=said("microscope.distance"),
        unit="RMS",
        below=said("microscope.level"),
        marks=LEVELS,
        logarithmic=True,
    )
    return chart(curves, axes)


def spectrum(noise: Tensor, true: Tensor) -> str:
    """The power of the inverted noise at each frequency beside that of true noise."""
    powers = [power_spectrum(each) for each in (noise, true)]
    names = (said("microscope.inverted"), said("microscope.true"))
    at = [float(k) for k in range(1, len(powers[0]) + 1)]
    curves = [
        Curve(name, tone, power, at=at)
        for name, tone, power in zip(names, ("noise", "second"), powers, strict=True)
    ]
    marks = [(k, f"{k:g}") for k in (at[0], *at[1:-1:3], at[-1])]
    axes = Axes(
        title=said("microscope.spectrum"),
        unit=said("microscope.power"),
        below=said("microscope.frequency"),
        marks=marks,
    )
    return chart(curves, axes)


def gaussian(noise: Tensor, true: Tensor) -> str:
    """Mean, spread and neighbour correlation, of the inverted noise and of true noise."""
    rows = [
        ("mean", *(each.mean().item() for each in (noise, true)), "0"),
        ("spread", *(each.std().item() for each in (noise, true)), "1"),
        ("alike", *(neighbour_correlation(each) for each in (noise, true)), "0"),
    ]
    head = ("figure", "inverted", "one_draw", "expected")
    cells = "".join(spoken(said(f"microscope.{each}"), "th", scope="col") for each in head)
    body = "".join(
        f"<tr>{spoken(said(f'microscope.{name}'), 'th', scope='row')}"
        f"<td>{short(ours)}</td><td>{short(theirs)}</td><td>{wanted}</td></tr>"
        for name, ours, theirs, wanted in rows
    )
    return f'<table class="noise-check"><tr>{cells}</tr>{body}</table>'
