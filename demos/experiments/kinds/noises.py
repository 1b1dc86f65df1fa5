"""What the first noise decides: a walk from noise to noise, and a part of it replaced."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from core.images import pixels_uri, signed_uri
from core.masks import enlarged
from core.metrics import rms
from core.models import Model
from core.samplers import SAMPLERS, Step
from core.tapes import Axis, Frame, Panel, later
from core.walks import circle, poked, slerp
from demos.experiments.kinds.base import GUESS, Experiment, difference
from demos.experiments.kinds.places import PAINTED, region
from demos.pictures.masks import tinted
from demos.words import Refusal, said

if TYPE_CHECKING:
    from demos.experiments.request import ExperimentRequest

TOGETHER = {"pixels": 8, "latents": 4}  # pictures of a walk that are sampled in one batch
ARC, CIRCLE = "arc", "circle"
WAYS = (ARC, CIRCLE)
NOISE = Panel("noise", "ε", said("panel.walk.noise"), "noise")
PICTURE = Panel("x0", "x₀", said("panel.walk.picture"), "signal")
STRAIGHT = Panel("straight", "x₀", said("panel.walk.straight"), "first")


class Walk(Experiment):
    """Pictures of the noise along a way from one draw to another, or round through both."""

    def __init__(self, model: Model, request: ExperimentRequest) -> None:
        """One frame for each place on the way; a circle comes back to the first one."""
        super().__init__(model, request)
        self.total, arc = request.count, request.way == ARC
        self.opens = self.total // 2
        self.panels = (NOISE, PICTURE, STRAIGHT) if arc else (NOISE, PICTURE)
        first, last = request.seed, request.seed_two if arc else request.seed
        self.axis = Axis(
            name=said("axis.walk" if arc else "axis.circle"),
            ends=(said("axis.seed", seed=first), said("axis.seed", seed=last)),
            ticks=[k / (self.total - 1 if arc else self.total) for k in range(self.total)],
        )

    @staticmethod
    def uses(request: ExperimentRequest) -> Collection[str]:
        """Which way, to which noise, in how many places."""
        return "condition", "way", "seed_two", "count"

    @staticmethod
    def rows(request: ExperimentRequest) -> int:
        """A run for each picture."""
        return request.count * (2 if request.way == ARC else 1)

    def places(self) -> list[tuple[Tensor, Tensor]]:
        """The noise of each place, on the way, and on the straight line."""
        a, b = (self.model.noise(seed) for seed in (self.request.seed, self.request.seed_two))
        if self.request.way == CIRCLE:
            return [(x, x) for x in circle(a, b, self.total)]
        return [(slerp(a, b, at), torch.lerp(a, b, at)) for at in self.axis.ticks]

    def sampled(self, noises: tuple[Tensor, ...]) -> list[Tensor]:
        """The pictures of these draws, in latents, each (1, C, H, W)."""
        x, denoise = torch.cat(noises), self.denoiser(self.request.condition)
        drawn = self.model.start(x.to, self.levels[0], len(x))
        *_, last = SAMPLERS["ddim"](denoise, drawn, self.levels)
        self.calls += last.calls * denoise.cost * len(x)
        return list(last.x_next.split(1))

    def frames(self) -> Iterator[Frame]:
        """A frame for each place, several at a time."""
        places, arc = self.places(), self.request.way == ARC
        few, before, self.calls = TOGETHER[self.model.card.space], None, 0
        for first in range(0, len(places), few):
            noises, straight = zip(*places[first : first + few], strict=True)
            pictures = self.sampled(noises)
            lines = self.sampled(straight) if arc else pictures
            for k, (x, line, picture, other) in enumerate(
                zip(noises, straight, pictures, lines, strict=True), first
            ):
                pixels = self.pixels(picture)
                say = [said("experiment.walk", place=k + 1, count=self.total)]
                if arc:
                    say.append(said("experiment.spread", arc=rms(x), line=rms(line)))
                if before is not None:
                    say.append(said("experiment.moved", rms=rms(pixels - before)))
                say += self.reading("experiment.read", picture)
                parts = {"noise": later(signed_uri, x), "x0": picture, "straight": other}
                shown = {panel.key: parts[panel.key] for panel in self.panels}
                seen = {"calls": self.calls, "x0": picture, "done": True}
                yield self.frame(say, self.levels[-1], shown, pos=self.axis.ticks[k], **seen)
                before = pixels


class Poke(Experiment):
    """The same run twice, with a part of the first noise from another draw in the second."""

    strip = "poked"
    panels = (
        Panel("where", "ε", said("panel.poke.where"), "noise"),
        GUESS,
        Panel("poked", "x̂₀′", said("panel.poke.after"), "second"),
        Panel("change", "x̂₀′ − x̂₀", said("panel.poke.difference"), "difference", phone=False),
    )

    @staticmethod
    def uses(request: ExperimentRequest) -> Collection[str]:
        """Where, and with the noise of which seed."""
        return "condition", "place", "seed_two"

    @staticmethod
    def refusals(request: ExperimentRequest) -> Iterator[tuple[str, Refusal]]:
        """There is no picture to paint on."""
        if request.place == PAINTED:
            yield "place", Refusal("experiment.refused.painted")

    @staticmethod
    def rows(request: ExperimentRequest) -> int:
        """Two runs."""
        return 2

    def frames(self) -> Iterator[Frame]:
        """A frame for every step of both runs, which are one batch."""
        first = self.model.noise(self.request.seed)
        mask = region(self.request.place, None, first)
        second = poked(first, self.model.noise(self.request.seed_two), mask)
        both = torch.cat([first, second])
        x = self.model.start(both.to, self.levels[0], 2)
        denoise = self.denoiser(self.request.condition)
        grey = (second.mean(1, keepdim=True) / 6 + 0.5).clamp(0, 1)
        self.where = later(pixels_uri, tinted(grey, mask))
        for step in SAMPLERS["ddim"](denoise, x, self.levels):
            say = [self.here(step.index, step.level, step.prediction.x0)]
            yield self.both(say, step, step.prediction.x0, mask, denoise.cost)
        yield self.both([said("experiment.done")], step, step.x_next, mask, denoise.cost, True)

    def both(
        self, say: list, step: Step, x0: Tensor, mask: Tensor, cost: int, done: bool = False
    ) -> Frame:
        """What both runs guess, and where they differ."""
        pixels = self.pixels(x0)
        apart = (pixels[1:] - pixels[:1]).square().mean(1, keepdim=True)
        total = apart.sum().item()
        if total > 0:
            outside = apart[~enlarged(mask, apart)].sum().item() / total
            values = {"rms": (total / apart.numel()) ** 0.5, "share": outside}
            say = [*say, said("experiment.poked", **values)]
        parts = {"where": self.where, "x0": x0[:1], "poked": x0[1:]}
        parts |= {"change": difference(pixels[1:], pixels[:1])}
        level = step.next_level if done else step.level
        return self.frame(say, level, parts, calls=2 * step.calls * cost, x0=x0, done=done)
