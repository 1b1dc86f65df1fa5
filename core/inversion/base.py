"""What all inversion methods share: the record they leave behind, and the way back down."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from core.denoisers import Denoiser, Prediction
from core.models import Model
from core.models.base import prompts_of
from core.samplers import Step
from core.schedules import Level

Result = TypeVar("Result")
Prompt = str | Sequence[str]  # one for all rows, or one per row


@dataclass(frozen=True, eq=False)
class Inversion:
    """What an inversion leaves behind, enough to reconstruct and edit without repeating it.

    Attributes:
        model: the model it ran on.
        method: key of INVERSIONS.
        prompt: the source prompt, or one per row.
        guidance: the guidance it ran with, and the default of its edits.
        levels: clean to noisy, steps + 1 entries.
        trajectory: the picture at each level, (B, C, H, W) each; trajectory[0] is x0.
        calls: denoiser evaluations.
        extra: what else a method needs, one tensor per level: its means, its second state, or its
            empty prompts.
    """

    model: Model
    method: str
    prompt: Prompt
    guidance: float
    levels: list[Level]
    trajectory: list[Tensor]
    calls: int
    extra: list[Tensor] = field(default_factory=list)


Climb = Generator[Step, None, Inversion]


class Move(NamedTuple):
    """One step down: where it leads, what was seen, and at how many denoiser evaluations."""

    x: Tensor
    prediction: Prediction
    calls: int = 1


Mover = Callable[[Tensor, int], Move]


class Target(NamedTuple):
    """What an edit asks for: guidance pushes from the negative prompt to the prompt."""

    prompt: Prompt
    guidance: float
    negative: Prompt = ""

    def denoiser(self, model: Model) -> Denoiser:
        """The denoiser that is asked for it."""
        return model.denoiser(self.prompt, self.negative, self.guidance)


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """An inversion method: its way up, `climb`, and one step of its way down, `mover`.

    Attributes:
        name: key of INVERSIONS.
        title: name on screen.
        source: authors, year, equation, link.
        exact: how exactly it reconstructs, in words.
        calls_up: denoiser evaluations of a step up, at most.
        calls_down: denoiser evaluations of a step down.
        needs_gradients: whether it differentiates the network.
        needs_text: whether it works on text-to-image models alone.
        needs_branches: whether it changes what guidance pushes away from.
        strength: the default start level of an edit, as a share of the steps.
    """

    name: str
    title: str
    source: str
    exact: str
    calls_up: int = 1
    calls_down: int = 1
    needs_gradients: bool = False
    needs_text: bool = False
    needs_branches: bool = False
    strength: float = 1.0

    def calls(self, steps: int, strength: float) -> int:
        """Denoiser evaluations of an inversion and an edit from a start level, at most."""
        return self.calls_up * steps + self.calls_down * start_index(strength, steps)

    def steps_within(self, calls: int, strength: float, most: int) -> int:
        """How many steps, at most `most`, a budget of denoiser evaluations pays for."""
        return max(n for n in range(most + 1) if self.calls(n, strength) <= calls)

    def up(self, steps: int, guidance: float) -> int:
        """How many steps `invert` yields."""
        return steps

    def invert(
        self,
        model: Model,
        x0: Tensor,
        prompt: Prompt = "",
        *,
        steps: int = 50,
        guidance: float = 1.0,
        seed: int = 0,
        spacing: str = "trailing",
    ) -> Climb:
        """Carry x0, shape (B, C, H, W), to noise; yields one Step per level.

        `seed` is that of the noise of methods that draw one; to the others it makes no difference.
        """
        levels = model.schedule.levels(steps, spacing)[::-1]
        start = Inversion(model, self.name, prompt, guidance, levels, [x0], 0)
        return (yield from self.climb(start, seed))

    @abstractmethod
    def climb(self, start: Inversion, seed: int) -> Climb:
        """The steps of `invert`, from a record that holds nothing but x0 to the whole record."""

    def edit(
        self,
        inversion: Inversion,
        prompt: Prompt,
        *,
        negative: Prompt = "",
        guidance: float | None = None,
        strength: float | None = 1.0,
        mask: Tensor | None = None,
    ) -> Generator[Step, None, Tensor]:
        """Sample again with another prompt from level k = floor(strength steps + 1/2).

        Returns the clean latent. With the source prompt it is the reconstruction; strength 0
        yields nothing and returns x0; None is the method's default. `guidance` None is that of
        the inversion; it pushes away from `negative`. `mask`, 1 to edit and 0 to keep, broadcasts
        against x: outside of it every step is replaced by the trajectory.

        ValueError for a negative prompt with a method or a model that has its own.
        """
        if any(prompts_of(negative)) and self.needs_branches:
            raise ValueError(
                f"the method {self.name} chooses what guidance pushes away from itself; leave the "
                "negative prompt empty, or choose another method"
            )
        strength = self.strength if strength is None else strength
        start = start_index(strength, len(inversion.levels) - 1)
        guidance = inversion.guidance if guidance is None else guidance
        levels, calls = inversion.levels, 0
        x = inversion.trajectory[start]
        if start == 0:
            return x
        move = self.mover(inversion, Target(prompt, guidance, negative), start)
        for i in range(start, 0, -1):
            with torch.no_grad():
                after, prediction, cost = move(x, i)
                if mask is not None:
                    after = mask * after + (1 - mask) * inversion.trajectory[i - 1]
            calls += cost
            yield Step(start - i, levels[i], levels[i - 1], x, after, prediction, calls)
            x = after
        return x

    def mover(self, inversion: Inversion, target: Target, start: int) -> Mover:
        """The steps of an edit from level `start`: x at level i to x at level i - 1.

        Here those of DDIM at eta = 0 with the target prompt.
        """
        denoise = target.denoiser(inversion.model)
        return lambda x, i: ddim(denoise, x, *inversion.levels[i - 1 : i + 1][::-1])


def ddim(denoise: Denoiser, x: Tensor, level: Level, after: Level) -> Move:
    """The deterministic step x_s = alpha_s x0 + sigma_s eps. Song et al. 2021, equation 13."""
    prediction = denoise(x, level)
    return Move(along(prediction, after), prediction)


def along(prediction: Prediction, level: Level) -> Tensor:
    """alpha x0 + sigma eps at another level."""
    return level.alpha * prediction.x0 + level.sigma * prediction.eps


def carried(x: Tensor, level: Level, after: Level, eps: Tensor) -> Tensor:
    """x at `level` carried to `after` along a given eps, up or down.

    x_s = alpha_s / alpha_t (x - sigma_t eps) + sigma_s eps
    """
    return (after.alpha / level.alpha) * (x - level.sigma * eps) + after.sigma * eps


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
