"""What the network computes inside, level by level."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from core.denoisers import Denoiser, Prediction
from core.features import Block, Seen, described, inside, operations, time_embeddings, watched
from core.images import signed_uri
from core.models import looks_inside
from core.samplers import Step
from core.schedules import Level
from core.tapes import Panel, Say, later
from demos.sampling.panels.base import GUESS, Panels, Part, ladder
from demos.words import Refusal, said

if TYPE_CHECKING:
    from demos.sampling.request import SampleRequest

NUMBERS, PALE = 64, 0.4  # of the time embedding that are shown at most; of other steps than now
DEEP = 2  # blocks of the way down that are shown, and of the way up
TONES = ("first", "second")  # a block down and the one up that a skip joins to it have one colour


class LookedInto:
    """A denoiser whose network leaves what it computes."""

    def __init__(self, denoise: Denoiser) -> None:
        """Look into the calls of this one."""
        self.denoise, self.cost = denoise, denoise.cost
        self.seen: Seen = {}

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """The prediction; what was computed for it is kept."""
        with inside() as seen:
            prediction = self.denoise(x, level)
        self.seen = seen
        return prediction


class NetworkPanels(Panels):
    """A mean feature map of blocks of the U-Net: down, middle, up; and what it is told of t."""

    @staticmethod
    def refusal(request: SampleRequest) -> Refusal | None:
        """There has to be a U-Net with blocks."""
        known = request.card.layered
        return None if known else Refusal("sample.refused.inside", model=request.model)

    def denoiser(self) -> Denoiser:
        """The denoiser, looked into."""
        if not looks_inside(self.model):
            raise Refusal("sample.refused.inside", model=self.request.model)
        self.network = self.model.network
        watched(self.network)
        self.looked = LookedInto(super().denoiser())
        return self.looked

    def made(self) -> tuple[Panel, ...]:
        """The guess; blocks as the signal goes through them; the time embedding."""
        found = {block.name: block for block in described(self.network)}
        shown = min(DEEP, sum(name.startswith("down") for name in found))
        down = [f"down {k}" for k in range(1, shown + 1)]
        up = [f"up {k}" for k in range(shown, 0, -1)]
        costs = cost(self.model)
        middle = [name for name in found if name == "middle"]
        self.names = {f"block{k}": name for k, name in enumerate([*down, *middle, *up])}
        blocks = (block_panel(k, found[name], costs[name]) for k, name in self.names.items())
        times = torch.tensor([level.t for level in ladder(self.model, self.request)[:-1]])
        told = time_embeddings(self.network, times)
        self.told = spread(told[:, :: math.ceil(told.shape[1] / NUMBERS)])
        title = said("panel.told", shown=self.told.shape[1], count=told.shape[1])
        return GUESS, *blocks, Panel("told", "t", title, "noise", phone=False)

    def parts(self, step: Step) -> dict[str, Part]:
        """The guess, and the maps of the first row, each on a scale of its own."""
        seen = self.looked.seen
        parts: dict[str, Part] = {"x0": step.prediction.x0}
        for key, name in self.names.items():
            parts[key] = later(signed_uri, centred(seen[name][:1]), 1.0)
        parts["told"] = later(signed_uri, over_time(self.told, step.index)[None, None], 1.0)
        return parts

    def formula(self, step: Step) -> list[Say]:
        """That each has a scale of its own, and what is joined."""
        return [said("sample.inside")]


def block_panel(key: str, block: Block, operations: int) -> Panel:
    """The panel of a block, with what it is made of and what it costs."""
    way, _, number = block.name.partition(" ")
    tone = TONES[int(number) - 1] if number else "difference"
    values = {"parameters": block.parameters / 1e6, "operations": operations / 1e6}
    values |= {"residual": block.residual, "attention": block.attention}
    symbol = {"down": "↓", "up": "↑", "middle": "↔"}[way] + number
    return Panel(key, symbol, said("panel.block", **values), tone, phone=way == "middle")


def over_time(told: Tensor, index: int) -> Tensor:
    """What is told at all steps, (T, D) in [-1, 1], as one picture; what is told now stands out.

    Above, a row for each number and a column for each step, the first one on the right, as on the
    timeline, pale but for the one of `index`; below, that column as bars. (2 D, 2 D) in [-1, 1].
    """
    steps, count = told.shape
    columns = (torch.arange(2 * count) * steps).div(2 * count, rounding_mode="floor")
    now = columns == columns[(columns - index).abs().argmin()]
    heat = told[columns].T * torch.where(now, 1.0, PALE)
    height = torch.linspace(1, -1, count)[:, None]
    value = told[index]
    reached = (height * value > 0) & (height.abs() <= value.abs())
    bars = reached * value.sign()
    return torch.cat([heat.flip(1), bars.repeat_interleave(2, dim=1)])


def spread(told: Tensor) -> Tensor:
    """Each column on a scale of its own: -1 its least and 1 its greatest value, 0 if it has one.

    In the order of when they are great: the mean row, weighted by the value.
    """
    low, high = told.min(0).values, told.max(0).values
    told = (2 * told - low - high) / (high - low).clamp(min=1e-12)
    weight = told + 1
    rows = torch.arange(len(told), dtype=told.dtype)[:, None]
    return told[:, ((weight * rows).sum(0) / weight.sum(0).clamp(min=1e-12)).argsort()]


def centred(values: Tensor) -> Tensor:
    """Without the mean, over the largest absolute value."""
    values = values - values.mean()
    return values / values.abs().max().clamp(min=1e-12)


@cache
def cost(model: Any) -> dict[str, int]:
    """Operations of each block for one picture, from one call."""
    x, level = torch.zeros(1, *model.shape, device=model.device), model.schedule.levels(1)[0]
    return operations(model.network, lambda: model.denoiser()(x, level))
