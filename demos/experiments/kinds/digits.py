"""Experiments with digits: an own drawing, a noisy one put right, and the best of several."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from core.classifiers import read_digits
from core.compositions import blurred
from core.images import pixels_uri
from core.inversion import start_index
from core.metrics import psnr
from core.models import Model
from core.samplers import SAMPLERS
from core.schedules import Level
from core.tapes import Frame, Panel, later
from demos.experiments.kinds.base import NOISY, Experiment
from demos.experiments.kinds.known import PICTURE, known
from demos.pictures.sources import chosen
from demos.views.numbers import level_axis, noise_power
from demos.words import Refusal, said

if TYPE_CHECKING:
    from demos.experiments.request import ExperimentRequest

RUNGS = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)  # start levels of the ladder, as shares of the steps
SPREADS = tuple(0.25 * k for k in range(1, 17))  # of the blur, in pixels
LEVELS = 12  # at which a picture is put right


class OfDigits(Experiment):
    """An experiment that needs a model of digits with labels."""

    @staticmethod
    def refusals(request: ExperimentRequest) -> Iterator[tuple[str, Refusal]]:
        """Other models have no digits."""
        if request.card.condition != "label":
            yield "kind", Refusal("experiment.refused.digits", model=request.model)


class Ladder(OfDigits):
    """SDEdit of one drawing from six start levels."""

    strip = "result"
    panels = (
        PICTURE,
        Panel("noised", "xₜ", said("panel.ladder.noised"), phone=False),
        Panel("result", "x₀", said("panel.ladder.result"), "signal"),
        Panel("all", "x₀", said("panel.ladder.all")),
    )

    def __init__(self, model: Model, request: ExperimentRequest) -> None:
        """One frame for each rung."""
        super().__init__(model, request)
        self.starts = [max(1, start_index(share, request.steps)) for share in RUNGS]
        self.total = len(RUNGS)
        self.axis = level_axis([self.levels[request.steps - k] for k in self.starts])

    @staticmethod
    def uses(request: ExperimentRequest) -> Collection[str]:
        """A drawing, and what it is to become."""
        return "condition", "drawing"

    @staticmethod
    def rows(request: ExperimentRequest) -> int:
        """The shares of a run that all rungs are, and a little more."""
        return math.ceil(sum(RUNGS))

    def frames(self) -> Iterator[Frame]:
        """A frame for each rung, from the lowest."""
        request = self.request
        x0 = self.placed(chosen(self.model, "drawing", picture=request.drawing))
        eps, denoise = self.model.noise(request.seed).to(x0), self.denoiser(request.condition)
        found, calls = [], 0
        for share, k in zip(RUNGS, self.starts, strict=True):
            levels = self.levels[request.steps - k :]
            x = levels[0].alpha * x0 + levels[0].sigma * eps
            *_, last = SAMPLERS["ddim"](denoise, x, levels)
            end, calls = last.x_next, calls + last.calls * denoise.cost
            found.append(self.pixels(end))
            kept = psnr(found[-1], self.pixels(x0))
            say = [said("experiment.rung", share=share, steps=k, ratio=kept)]
            say += self.reading("experiment.read", end)
            grid = later(pixels_uri, torch.cat(found))
            parts = {"picture": x0, "noised": x, "result": end, "all": grid}
            yield self.frame(say, levels[0], parts, calls=calls, x0=end, done=True)


class Restoring(OfDigits):
    """A noisy digit put right by a blur, by one step and by many."""

    strip = "many"
    panels = (
        PICTURE,
        NOISY,
        Panel("blur", "G ∗ xₜ", said("panel.blur"), "noise"),
        Panel("one", "x̂₀", said("panel.one"), "first"),
        Panel("many", "x₀", said("panel.many"), "signal"),
    )

    def __init__(self, model: Model, request: ExperimentRequest) -> None:
        """One frame for each level."""
        super().__init__(model, request)
        self.visited = model.schedule.levels(LEVELS)[-2::-1]
        self.total, self.axis = len(self.visited), level_axis(self.visited)
        self.opens = self.total // 3

    @staticmethod
    def uses(request: ExperimentRequest) -> Collection[str]:
        """Which digit."""
        return ("known",)

    @staticmethod
    def rows(request: ExperimentRequest) -> int:
        """Half a run for each level."""
        return LEVELS // 2

    def frames(self) -> Iterator[Frame]:
        """A frame for each level, from the clean end."""
        clean = self.placed(known(self.model, self.request))
        eps, pixels = self.model.noise(self.request.seed).to(clean), self.pixels(clean)
        self.denoise, self.calls = self.model.denoiser(), 0
        for level in self.visited:
            x = level.alpha * clean + level.sigma * eps
            with torch.no_grad():
                one = self.denoise(x, level).x0
            many = self.walked(x, level)
            blur, spread = best_blur(x / math.hypot(level.alpha, level.sigma), pixels)
            ratios = {
                "one": psnr(self.pixels(one), pixels),
                "many": psnr(self.pixels(many), pixels),
                "blur": psnr(blur, pixels),
            }
            share = noise_power(level, clean)
            say = [said("experiment.restored", t=level.t, share=share, spread=spread, **ratios)]
            winner = "one" if ratios["one"] > ratios["many"] else "many"
            say.append(said(f"experiment.restored.{winner}"))
            say += self.reading("experiment.read.many", many)
            parts = {"picture": clean, "x_t": x, "blur": later(pixels_uri, blur)}
            parts |= {"one": one, "many": many}
            yield self.frame(say, level, parts, calls=self.calls, x0=many, done=True)

    def walked(self, x: Tensor, level: Level) -> Tensor:
        """The picture at the end of the steps from a level down; the one step is a call, too."""
        below = [each for each in self.levels if each.log_snr > level.log_snr]
        *_, last = SAMPLERS["ddim"](self.denoise, x, [level, *below])
        self.calls += (last.calls + 1) * self.denoise.cost
        return last.x_next


class Best(OfDigits):
    """The one of several pictures that the classifier is surest of."""

    strip = "best"
    panels = (
        Panel("x0", "x̂₀", said("panel.best.all")),
        Panel("best", "x̂₀", said("panel.best"), "signal"),
    )

    @staticmethod
    def uses(request: ExperimentRequest) -> Collection[str]:
        """As what, and of how many."""
        return "condition", "batch"

    @staticmethod
    def refusals(request: ExperimentRequest) -> Iterator[tuple[str, Refusal]]:
        """A label has to be asked for."""
        yield from OfDigits.refusals(request)
        if request.card.condition == "label" and not request.label:
            yield "label", Refusal("experiment.refused.best")

    @staticmethod
    def rows(request: ExperimentRequest) -> int:
        """A run for each picture."""
        return request.batch

    def frames(self) -> Iterator[Frame]:
        """All pictures, and the one that the classifier is surest of, at every step."""
        label, denoise = self.request.label, self.denoiser(self.request.condition)
        for look in self.looks(denoise, batch=self.request.batch):
            chances = read_digits(self.model.displayable(look.x0).cpu())[:, int(label)]
            k = int(chances.argmax())
            values = {"label": label, "count": len(chances), "number": k + 1}
            values |= {"mean": chances.mean().item(), "best": chances[k].item()}
            best = look.x0[k : k + 1]
            say = [self.moment(look), said("experiment.best", **values)]
            parts = {"x0": look.x0, "best": best}
            yield self.frame(say, look.level, parts, calls=look.calls, x0=best, done=look.done)


def best_blur(x: Tensor, pixels: Tensor) -> tuple[Tensor, float]:
    """The Gaussian blur of noisy latents that is nearest to the picture, and its spread.

    It is chosen knowing the picture, which none of the others do; x has unit variance.
    """
    blurs = [((blurred(x.cpu(), spread) + 1) / 2).clamp(0, 1) for spread in SPREADS]
    best = max(range(len(SPREADS)), key=lambda k: psnr(blurs[k], pixels))
    return blurs[best], SPREADS[best]
