"""How many rows a shared batch should have: as many as a network computes fastest here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from core.engine import ENGINE, ROWS
from core.models import load
from core.noise import seeded

SIZES, GAIN = (ROWS, 2 * ROWS, 4 * ROWS, 8 * ROWS), 1.1  # that are tried; what a larger one gains


def measure_batches(name: str) -> None:
    """Let the engine share batches of as many rows as this model computes fastest here.

    It takes about a second on a processor. ValueError as in `load`.
    """
    model = load(name)
    denoise, level = model.denoiser(), model.schedule.level(len(model.schedule) // 2)

    def call(rows: int) -> float:
        x = model.start(seeded(0, rows), level, rows)
        with torch.no_grad():
            return denoise(x, level).x0.sum().item()  # waits for an accelerator, too

    ENGINE.rows = best_rows(call)


def best_rows(call: Callable[[int], Any], sizes: Sequence[int] = SIZES) -> int:
    """The rows of a batch that are computed fastest: more only where they gain a tenth.

    `call` computes a batch of so many rows. Each size is called once to warm up and then timed
    twice, from the smallest on, until one gains too little or does not fit into memory.
    """
    best, fastest = sizes[0], 0.0
    for rows in sizes:
        try:
            call(rows)
            speed = rows / min(_seconds(call, rows) for _ in range(2))
        except (torch.OutOfMemoryError, MemoryError):
            break
        if speed < GAIN * fastest:
            break
        best, fastest = rows, speed
    return best


def _seconds(call: Callable[[int], Any], rows: int) -> float:
    begun = time.perf_counter()
    call(rows)
    return time.perf_counter() - begun
