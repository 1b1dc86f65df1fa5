"""What the plots draw of a step: how large it is, how it moves, its spectrum."""

from __future__ import annotations

from collections.abc import Sequence

from core.metrics import cosine, power_spectrum, rms
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
    """Of both predictions: their RMS, and cosine and RMS distance to those of the step before."""
    found: Traces = {}
    for name in ("x0", "eps"):
        now = getattr(step.prediction, name)
        found[name] = rms(now)
        if before is not None:
            then = getattr(before.prediction, name)
            found |= {f"cosine_{name}": cosine(now, then), f"distance_{name}": rms(now - then)}
    return found
