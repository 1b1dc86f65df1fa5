"""What is worth knowing of a drawn schedule, in words that are made from its numbers."""

from __future__ import annotations

from collections.abc import Iterator

from core.drawn_schedules import falls, wasted
from core.schedules import Schedule
from demos.words import Say, said

LARGE = 4  # times an even step
NOISY = 0.01  # of the variance at t = 0, from where it is worth a word


def advice(schedule: Schedule, steps: int, spacing: str) -> Iterator[Say]:
    """What a run of so many steps meets: the last level, wasted and large steps, the first level.

    Of a schedule that preserves variance. An even step changes alpha_bar by 1/N.
    """
    alpha = float(schedule.alpha[-1])
    if alpha:
        yield said("advice.terminal", snr=float(schedule.snr[-1]), alpha=alpha)
    else:
        yield said("advice.terminal.zero")
    idle = wasted(schedule, steps, spacing)
    if idle:
        yield said("advice.wasted", count=idle, steps=steps, least=1 / (10 * steps))
    times = [*schedule.timesteps(steps, spacing), -1]
    fall, at = max((each, k) for k, each in enumerate(falls(schedule, steps, spacing)))
    if fall > LARGE / steps:
        values = {"fall": fall, "times": fall * steps, "start": times[at]}
        yield said("advice.large", end=times[at + 1], **values)
    variance = float(schedule.sigma[0]) ** 2
    if variance > NOISY:
        yield said("advice.first", share=variance)
