"""Mistakes that are easily made in a sampler, each beside the run without it.

All of them have been made in code that people use, and most still give a picture.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from core.denoisers import (
    CONVERSIONS,
    Clipped,
    Denoiser,
    Guided,
    Network,
    Prediction,
    lookahead,
    output_of,
)
from core.noise import Noise
from core.samplers import SAMPLERS, Step
from core.schedules import Level, Schedule

HO = "Ho et al. 2020, https://arxiv.org/abs/2006.11239"
SONG = "Song et al. 2021, https://arxiv.org/abs/2010.02502"
SALIMANS = "Salimans & Ho 2022, https://arxiv.org/abs/2202.00512"
FREE = "Ho & Salimans 2022, https://arxiv.org/abs/2207.12598"
LIN = "Lin et al. 2023, https://arxiv.org/abs/2305.08891"


class Given(NamedTuple):
    """What a run starts from.

    Attributes:
        denoise: the denoiser.
        x: the start at levels[0], (B, C, H, W).
        levels: the ladder.
        noise: draws N(0, I) like its argument.
        schedule: that the levels are from.
    """

    denoise: Denoiser
    x: Tensor
    levels: Sequence[Level]
    noise: Noise
    schedule: Schedule


Run = Callable[[Given], Iterator[Step]]


@dataclass(frozen=True)
class Mistake:
    """A mistake, and the run that it is made in.

    Attributes:
        run: with the mistake.
        right: without it.
        source: what it goes against: authors, year, link, place.
        spacing: of the levels, see `Schedule.levels`.
        inverts: whether x is a clean picture, and the levels go up to noise and down again.
        guided: whether the denoiser must be `Guided`, with a scale other than 1.
        network: whether it must have a network: exact denoisers are told no t and have no output.
    """

    run: Run
    right: Run
    source: str
    spacing: str = "trailing"
    inverts: bool = False
    guided: bool = False
    network: bool = False


def ddpm(given: Given) -> Iterator[Step]:
    """DDPM as it is meant."""
    return SAMPLERS["ddpm"](given.denoise, given.x, given.levels, noise=given.noise)


def ddim(given: Given) -> Iterator[Step]:
    """DDIM as it is meant."""
    return SAMPLERS["ddim"](given.denoise, given.x, given.levels)


def round_trip(given: Given, up: Denoiser | None = None) -> Iterator[Step]:
    """DDIM from a clean picture to noise, with `up` where it is another denoiser, and back."""
    top = len(given.levels) // 2
    ascent, descent = given.levels[: top + 1], given.levels[top:]
    x = given.x
    for step in SAMPLERS["ddim"](lookahead(up or given.denoise, ascent), x, ascent):
        yield step
        x = step.x_next
    for step in SAMPLERS["ddim"](given.denoise, x, descent):
        yield replace(step, index=step.index + top, calls=step.calls + top)


def no_noise(given: Given) -> Iterator[Step]:
    """DDPM without its fresh noise: the mean of every step alone."""
    return ddpm(given._replace(noise=torch.zeros_like))


def last_noise(given: Given) -> Iterator[Step]:
    """DDPM that draws noise at the last step, too, as strong as that of the last level."""
    for step in ddpm(given):
        if step.index == len(given.levels) - 2:
            step = replace(step, x_next=step.x_next + step.level.sigma * given.noise(step.x))
        yield step


def clamped_x(given: Given) -> Iterator[Step]:
    """DDIM that clips x_t to [-1, 1] after each step, where only a guess of x0 may be clipped."""
    x = given.x
    for index, ladder in enumerate(itertools.pairwise(given.levels)):
        (step,) = ddim(given._replace(x=x, levels=ladder))
        x = step.x_next.clamp(-1, 1)
        yield replace(step, index=index, x_next=x, calls=index + 1)


def index_for_t(given: Given) -> Iterator[Step]:
    """DDIM that tells the network how many steps are left, in place of the timestep."""
    left = {level: float(n) for n, level in enumerate(reversed(given.levels[:-1]))}

    def told(x: Tensor, level: Level) -> Prediction:
        return given.denoise(x, replace(level, t=left[level]))

    return ddim(given._replace(denoise=_Wrapped(told, given.denoise.cost)))


def other_type(given: Given) -> Iterator[Step]:
    """DDIM that takes the output of the network for another type: eps for v, any other for eps."""
    kind = predicted(given.denoise)

    def read(x: Tensor, level: Level) -> Prediction:
        seen = output_of(given.denoise(x, level), level, kind)
        return CONVERSIONS[mistaken(kind)](x, level, seen)

    return ddim(given._replace(denoise=_Wrapped(read, given.denoise.cost)))


def predicted(denoise: Denoiser) -> str:
    """What the network of a denoiser predicts, a key of CONVERSIONS; ValueError without one."""
    if isinstance(denoise, Guided):
        return predicted(denoise.conditional)
    if not isinstance(denoise, Network):
        raise ValueError("what is no network has no output that can be misread")
    return denoise.kind


def mistaken(kind: str) -> str:
    """What an output of this kind is taken for."""
    return "v_prediction" if kind == "epsilon" else "epsilon"


def other_scale(given: Given) -> Iterator[Step]:
    """Guidance eps_c + w (eps_c - eps_u) with a w that is meant for eps_u + w (eps_c - eps_u)."""
    meant = given.denoise
    if not isinstance(meant, Guided):
        raise ValueError("the guidance of a denoiser that has none cannot be misread")
    more = Guided(meant.conditional, meant.unconditional, meant.scale + 1)
    return ddim(given._replace(denoise=more))


def other_stride(given: Given) -> Iterator[Step]:
    """Evenly spaced timesteps t_i, but every step goes to t_i - floor(T / N) and not to t_(i+1).

    x is then at another level than the network is told, by more with every step.
    """
    stride, x = len(given.schedule) // (len(given.levels) - 1), given.x
    for index, (level, after) in enumerate(itertools.pairwise(given.levels)):
        goal = given.schedule.level(int(level.t) - stride) if level.t >= stride else after
        (step,) = ddim(given._replace(x=x, levels=(level, goal)))
        x = step.x_next
        yield replace(step, index=index, next_level=after, calls=index + 1)


def clipped_inversion(given: Given) -> Iterator[Step]:
    """The guess of x0 clipped on the way up, and not on the way down."""
    return round_trip(given, up=Clipped(given.denoise))


@dataclass(frozen=True)
class _Wrapped:
    function: Callable[[Tensor, Level], Prediction]
    cost: int

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        return self.function(x, level)


MISTAKES: dict[str, Mistake] = {
    "no_noise": Mistake(no_noise, ddpm, f"{HO}, algorithm 2"),
    "last_noise": Mistake(last_noise, ddpm, f"{HO}, algorithm 2, line 3"),
    "clamped_x": Mistake(clamped_x, ddim, f"{HO}, section 3.2"),
    "index_for_t": Mistake(index_for_t, ddim, f"{SONG}, section 4.2", network=True),
    "other_type": Mistake(other_type, ddim, f"{SALIMANS}, section 4", network=True),
    "other_scale": Mistake(other_scale, ddim, f"{FREE}, equation 6", guided=True),
    "other_stride": Mistake(other_stride, ddim, f"{LIN}, table 2", spacing="linspace"),
    "clipped_inversion": Mistake(clipped_inversion, round_trip, f"{SONG}, section 4.3",
                                 inverts=True),
}  # fmt: skip
