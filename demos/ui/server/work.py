"""How long what is asked for will take: short runs must not wait for long ones."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import torch

from core.models import MODELS

HEAVY = 12.0  # seconds of one core from which on a run is a long one
ENDLESS = math.inf  # a training: minutes, one at a time, in a process of its own
SECONDS_PER_ROW = {"network": 0.005, "empirical": 0.01}  # one row of a batch through the network
SECONDS_PER_WEIGHT = 1.2e-9  # of a latent model, for one row
ACCELERATED = 50  # times faster with an accelerator

_ESTIMATES: dict[Any, Callable[..., float]] = {}


def takes(estimate: Callable[..., float]) -> Callable[[Callable], Callable]:
    """Decorate a run: `estimate`, called with its arguments by name, gives seconds of one core.

    It sees what was sent, before anything is checked; where it cannot make sense of that, nor
    will the run, which then ends at once.
    """

    def decorate(run: Callable) -> Callable:
        _ESTIMATES[run] = estimate
        return run

    return decorate


def seconds_of(run: Callable, values: list[Any]) -> float | None:
    """The seconds that a run takes on one core; None for what is no run."""
    arguments = list(values)
    function: Any = inspect.unwrap(run)
    while isinstance(function, functools.partial):
        arguments = [*function.args, *arguments]
        function = function.func
    if function not in _ESTIMATES:
        return None
    try:
        bound = inspect.signature(function).bind(*arguments)
        bound.apply_defaults()
        return float(_ESTIMATES[function](**bound.arguments))
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        return 0.0


def network_seconds(model: str, rows: float) -> float:
    """Seconds for so many rows, network calls times pictures, of a model on this machine."""
    card = MODELS[model]
    each = 0.002 + SECONDS_PER_WEIGHT * card.size
    if card.space == "pixels":
        each = SECONDS_PER_ROW[card.denoiser]
    accelerated = card.denoiser == "network" and torch.accelerator.is_available()
    return rows * each / (ACCELERATED if accelerated else 1)
