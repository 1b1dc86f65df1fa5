"""What all inversion methods share: the record they leave behind, and how it is drained."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from torch import Tensor

from core.models import Model
from core.samplers import SAMPLERS, Step
from core.schedules import Level

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Inversion:
    """What an inversion leaves behind, enough to reconstruct and edit without repeating it.

    Attributes:
        model: the model it ran on.
        method: key of INVERSIONS.
        prompt: the source prompt, or one per row.
        guidance: the guidance it ran with.
        levels: clean to noisy, steps + 1 entries.
        trajectory: the picture at each level, (B, C, H, W) each; trajectory[0] is x0.
        calls: denoiser evaluations.
    """

    model: Model
    method: str
    prompt: str | Sequence[str]
    guidance: float
    levels: list[Level]
    trajectory: list[Tensor]
    calls: int


class Method(Protocol):
    """An inversion method."""

    @property
    def exact(self) -> str:
        """How exactly it reconstructs, in words."""
        ...

    @property
    def needs_gradients(self) -> bool:
        """Whether it differentiates the network."""
        ...

    @property
    def source(self) -> str:
        """Authors, year, equation, link."""
        ...

    @property
    def strength(self) -> float:
        """The default start level of an edit, as a share of the steps."""
        ...

    def invert(
        self,
        model: Model,
        x0: Tensor,
        prompt: str | Sequence[str] = "",
        *,
        steps: int = 50,
        guidance: float = 1.0,
        seed: int = 0,
    ) -> Generator[Step, None, Inversion]:
        """Carry x0, shape (B, C, H, W), to noise; yields one Step per level."""
        ...

    def edit(
        self,
        inversion: Inversion,
        prompt: str | Sequence[str],
        *,
        guidance: float | None = None,
        strength: float | None = 1.0,
        mask: Tensor | None = None,
    ) -> Generator[Step, None, Tensor]:
        """Sample again with another prompt from level k = floor(strength steps + 1/2).

        Returns the clean latent. With the source prompt it is the reconstruction; strength 0
        yields nothing and returns x0; None is the method's default. `guidance` None is that of
        the inversion. `mask`, 1 to edit and 0 to keep, broadcasts against x: outside of it every
        step is replaced by the trajectory.
        """
        ...


def finish(generator: Generator[Any, None, Result]) -> Result:
    """Drain a generator of steps and return its value."""
    while True:
        try:
            next(generator)
        except StopIteration as stop:
            return stop.value


def start_index(strength: float, steps: int) -> int:
    """k = floor(strength * steps + 1/2), the level an edit starts at.

    ValueError outside 0..1.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be in 0..1, got {strength}")
    return math.floor(strength * steps + 0.5)


def resample(
    inversion: Inversion,
    prompt: str | Sequence[str],
    guidance: float | None,
    strength: float,
    mask: Tensor | None,
) -> Generator[Step, None, Tensor]:
    """DDIM at eta = 0 from level k of the trajectory down to the clean end."""
    start = start_index(strength, len(inversion.levels) - 1)
    guidance = inversion.guidance if guidance is None else guidance
    denoise = inversion.model.denoiser(prompt, guidance=guidance)
    x = inversion.trajectory[start]
    levels = inversion.levels[start::-1]
    for index, pair in enumerate(pairwise(levels)):
        (step,) = SAMPLERS["ddim"](denoise, x, pair)
        x = step.x_next
        if mask is not None:
            x = mask * x + (1 - mask) * inversion.trajectory[start - 1 - index]
        yield replace(step, index=index, x_next=x, calls=index + 1)
    return x
