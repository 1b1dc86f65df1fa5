"""What the plots draw of a step: how large it is, how it moves, its spectrum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

import torch

from core.metrics import power_spectrum, rms
from core.samplers import Step

Traces = dict[str, float | Sequence[float]]


def noisy(step: Step, power: float, spectra: bool) -> Traces:
    """Of x_t: its RMS `x`, and `floor`, the power sigma^2 E[eps^2] of the noise at its level.

    E[eps^2] is `power`. With `spectra`, the power of x_t and of alpha x0_hat at 1, 2, ... cycles
    per width.
    """
    found: Traces = {"x": rms(step.x), "floor": step.level.sigma**2 * power}
    if spectra:
        found["spectrum_x"] = power_spectrum(step.x)
        found["spectrum_x0"] = power_spectrum(step.level.alpha * step.prediction.x0)
    return found


def predicted(step: Step, before: Step | None) -> Traces:
    """Of both predictions: their RMS, and cosine and RMS distance to those of the step before.

    <a, b> = (|a|^2 + |b|^2 - |a - b|^2) / 2, so that mean squares say all, in one go: every frame
    of every run is measured. The cosine is the mean over the rows of a batch.
    """
    now, then = step.prediction, (before or step).prediction
    rows = (now.x0, then.x0, now.x0 - then.x0, now.eps, then.eps, now.eps - then.eps)
    squares = torch.stack(rows).flatten(2).square().mean(-1).tolist()
    found: Traces = {}
    for name, (ours, theirs, apart) in (("x0", squares[:3]), ("eps", squares[3:])):
        found[name] = math.sqrt(fmean(ours))
        if before is not None:
            found[f"cosine_{name}"] = fmean(map(_cosine, ours, theirs, apart))
            found[f"distance_{name}"] = math.sqrt(fmean(apart))
    return found


def _cosine(a: float, b: float, apart: float) -> float:
    """The cosine of two vectors of these mean squares; 0 beside one of zeros."""
    return (a + b - apart) / (2 * math.sqrt(a * b)) if a * b else 0.0
