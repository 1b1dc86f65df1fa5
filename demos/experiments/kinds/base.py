"""What all experiments share: their ladder, their denoisers, and how a step becomes a frame."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import torch
from torch import Tensor

from core.classifiers import read_digits
from core.denoisers import Denoiser
from core.images import signed_uri
from core.models import Model
from core.noise import seeded
from core.samplers import SAMPLERS
from core.schedules import Level
from core.tapes import Frame, Panel, Picture, Say, later
from demos.runs.archive import decoded_uri, half, preview_uri
from demos.views.numbers import level_axis, noise_power, of_level, place
from demos.words import Refusal, said

if TYPE_CHECKING:
    from demos.experiments.request import ExperimentRequest

Part = Tensor | Picture
NOISY = Panel("x_t", "xₜ", said("panel.experiment.x_t"), phone=False)
GUESS = Panel("x0", "x̂₀", said("panel.x0"), "signal")


class Look(NamedTuple):
    """What is seen at one moment of a run: at each step, and once of the finished picture.

    `calls` are those of all pictures of a batch: what is computed at once is still paid for.
    """

    index: int
    level: Level
    x: Tensor
    x0: Tensor
    calls: int
    done: bool


class Experiment:
    """One experiment, made for one run.

    Attributes:
        strip: the panel of the filmstrip.
        panels: from left to right.
        levels: that its runs visit, noisy to clean.
        total: how many frames it has.
        axis: what the timeline is.
        opens: index of the frame that the finished run opens at; None is the last.
    """

    strip: ClassVar[str] = "x0"
    spacing: str = "trailing"
    opens: int | None = None
    panels: tuple[Panel, ...]

    def __init__(self, model: Model, request: ExperimentRequest) -> None:
        """Prepare for a request that `refusals` lets pass."""
        self.model, self.request = model, request
        self.levels = model.schedule.levels(request.steps, self.spacing)
        self.total, self.axis = len(self.levels), level_axis(self.levels)

    @staticmethod
    def uses(request: ExperimentRequest) -> Collection[str]:
        """What it asks for besides the model, the steps and the seed, see `request.uses`."""
        raise NotImplementedError

    @staticmethod
    def refusals(request: ExperimentRequest) -> Iterator[tuple[str, Refusal]]:
        """What it cannot be asked for: the field to change, and why."""
        return iter(())

    @staticmethod
    def rows(request: ExperimentRequest) -> int:
        """Rows through the network, for a step of a run whose guidance is 1."""
        return 1

    def frames(self) -> Iterator[Frame]:
        """The run."""
        raise NotImplementedError

    # ------------------------------------------------------------ what they are made of
    def denoiser(self, condition: str) -> Denoiser:
        """The denoiser of a label or a prompt, guided as asked."""
        return self.model.denoiser(condition, guidance=self.request.guidance if condition else 1.0)

    def start(self, batch: int = 1) -> tuple[Tensor, seeded]:
        """The first x, and where the noise of the run comes from, which has drawn it."""
        noise = seeded(self.request.seed, batch)
        return self.model.start(noise, self.levels[0], batch), noise

    def looks(self, denoise: Denoiser, sampler: str = "ddim", batch: int = 1) -> Iterator[Look]:
        """A run over the levels, from its first noise to the finished picture."""
        x, noise = self.start(batch)
        for step in SAMPLERS[sampler](denoise, x, self.levels, noise=noise):
            calls = step.calls * denoise.cost * batch
            yield Look(step.index, step.level, step.x, step.prediction.x0, calls, False)
        end = step.x_next
        yield Look(step.index + 1, step.next_level, end, end, calls, True)

    def placed(self, x: Tensor) -> Tensor:
        """A clean picture where the model's own noise lies."""
        return x.to(self.start()[0])

    def frame(
        self,
        say: list[Say],
        level: Level,
        parts: Mapping[str, Part],
        *,
        calls: int = 0,
        x0: Tensor | None = None,
        done: bool = False,
        pos: float | None = None,
    ) -> Frame:
        """One frame: previews of the latents among its parts, or decoded where it is done.

        `x0` is the clean picture as it is guessed here; `pos` is given where the timeline is no
        noise level.
        """
        latents = {key: x for key, x in parts.items() if isinstance(x, Tensor)}
        shown = decoded_uri if done else preview_uri
        pictures = {key: later(shown, self.model, x) for key, x in latents.items()}
        rough = () if done or self.model.preview_exact else tuple(latents)
        kept = None if x0 is None else (self.request.model, self.final(x0))
        return Frame(
            pictures={**{k: v for k, v in parts.items() if not isinstance(v, Tensor)}, **pictures},
            say=say,
            pos=place(level) if pos is None else pos,
            numbers=(of_level(level) if pos is None else {}) | {"calls": calls},
            approximate=rough,
            latents={} if self.model.preview_exact else {k: half(x) for k, x in latents.items()},
            picture=kept,
        )

    def final(self, x0: Tensor) -> Tensor:
        """The first of these pictures, as other tabs take it."""
        return self.model.displayable(x0[:1]).float().cpu()

    def moment(self, look: Look) -> Say:
        """The step of a look, or that it is finished."""
        done = said("experiment.done")
        return done if look.done else self.here(look.index, look.level, look.x0)

    def here(self, index: int, level: Level, x0: Tensor) -> Say:
        """Which step it is, and how much of the power is noise."""
        share = noise_power(level, x0, self.model.noise_power)
        return said(
            "experiment.step", step=index + 1, steps=len(self.levels) - 1, share=share, t=level.t
        )

    def pixels(self, x: Tensor) -> Tensor:
        """Clean latents as pixels on the CPU."""
        with torch.no_grad():
            return self.model.pixels(x).float().cpu()

    def reading(self, key: str, x0: Tensor) -> list[Say]:
        """What the classifier of digits reads in one picture; nothing of other pictures."""
        if self.model.card.data != "mnist":
            return []
        chances = read_digits(self.model.displayable(x0[:1]).cpu())[0]
        best = int(chances.argmax())
        return [said(key, label=str(best), share=chances[best].item())]

    def wide(self, spread: float) -> float:
        """A width in latents as one in pixels."""
        return spread * self.model.size / max(self.model.shape[-2:])


def difference(a: Tensor, b: Tensor) -> Picture:
    """The difference of two pictures of [0, 1], (B, C, H, W), in colours from -1 to 1."""
    return later(signed_uri, (a - b).mean(1, keepdim=True), 1.0)
