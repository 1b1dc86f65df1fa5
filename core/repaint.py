"""Inpainting: what is known of a picture is put back at every level, and the rest is sampled."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from core.checks import whole
from core.denoisers import Denoiser
from core.noise import Noise, renoised
from core.samplers import SAMPLERS, Step
from core.schedules import Level


@torch.no_grad()
def repaint(
    denoise: Denoiser,
    x: Tensor,
    levels: Sequence[Level],
    *,
    known: Tensor,
    mask: Tensor,
    noise: Noise,
    jump: int = 10,
    repeats: int = 5,
) -> Iterator[Step]:
    """DDPM that keeps the known part: x_s <- m x_s + (1 - m) (alpha_s known + sigma_s z).

    The two parts fit badly where the known one is put back after the fact, so the run goes back up
    by `jump` levels, with the noise of the forward process, and down again, `repeats` times in
    all. Lugmayr et al. 2022, algorithm 1 and section 4.2, https://arxiv.org/abs/2201.09865.

    Args:
        denoise: the denoiser.
        x: the start, (B, C, H, W), at levels[0].
        levels: noisy to clean.
        known: the clean picture, shape of x.
        mask: 1 to paint and 0 to keep, broadcasts against x. All 1 is plain DDPM.
        noise: draws N(0, I) like its argument.
        jump: levels that a way back up has, 1 or more.
        repeats: how often each stretch is walked down, 1 or more.

    Yields:
        A Step for each way down; those up are between them.

    Raises:
        ValueError: at the first `next()`, for a jump or repeats below 1.
    """
    jump, repeats = whole(jump, "jump", 1), whole(repeats, "repeats", 1)
    everywhere = bool((mask == 1).all())
    steps, index = len(levels) - 1, 0
    for left, after in itertools.pairwise(itinerary(steps, jump, 1 if everywhere else repeats)):
        here, there = levels[steps - left], levels[steps - after]
        if after > left:
            x = renoised(x, here, there, noise)
            continue
        (step,) = SAMPLERS["ddpm"](denoise, x, [here, there], noise=noise)
        kept = step.x_next
        if not everywhere:
            fresh = noise(x) if there.sigma else torch.zeros_like(x)
            kept = mask * kept + (1 - mask) * (there.alpha * known + there.sigma * fresh)
        yield replace(step, index=index, x_next=kept, calls=index + 1)
        x, index = kept, index + 1


def itinerary(steps: int, jump: int, repeats: int) -> Iterator[int]:
    """How many steps are left at each place that is visited, from `steps` to 0.

    From every jump-th place, counted from the last step, it goes back up `repeats - 1` times.
    """
    again = {place: repeats - 1 for place in range(1, steps - jump + 1, jump)}
    left = steps
    yield left
    while left:
        left -= 1
        yield left
        if again.get(left, 0):
            again[left] -= 1
            yield from range(left + 1, left + jump + 1)
            left += jump
