"""Autoguidance, beside no guidance and classifier-free guidance."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from core.classifiers import readable
from core.tapes import Frame, Panel
from demos.experiments.kinds.base import Experiment
from demos.words import Refusal, said

if TYPE_CHECKING:
    from demos.experiments.request import ExperimentRequest


class Autoguidance(Experiment):
    """The same first noises without guidance, with autoguidance, and with classifier-free."""

    strip = "auto"
    panels = (
        Panel("plain", "x̂₀", said("panel.auto.plain")),
        Panel("auto", "x̂₀", said("panel.auto.auto"), "signal"),
        Panel("free", "x̂₀", said("panel.auto.free"), "second", phone=False),
    )

    @staticmethod
    def uses(request: ExperimentRequest) -> Collection[str]:
        """As what, and of how many."""
        return "condition", "batch"

    @staticmethod
    def refusals(request: ExperimentRequest) -> Iterator[tuple[str, Refusal]]:
        """A bad version of the model has to ship, and guidance 1 is none."""
        if not request.card.early:
            yield "kind", Refusal("experiment.refused.early", model=request.model)
        if request.guidance == 1:
            yield "guidance", Refusal("experiment.refused.unguided")

    @staticmethod
    def rows(request: ExperimentRequest) -> int:
        """Three runs, of which one is twice as dear."""
        return 2 * request.batch

    def frames(self) -> Iterator[Frame]:
        """The three guesses of every picture at each step, how sure and how different they are."""
        request, model = self.request, cast("Any", self.model)
        denoisers = {
            "plain": model.denoiser(request.condition),
            "auto": model.autoguided(request.condition, request.guidance),
            "free": self.denoiser(request.condition),
        }
        runs = [self.looks(denoise, batch=request.batch) for denoise in denoisers.values()]
        for looks in zip(*runs, strict=True):
            parts = {key: look.x0 for key, look in zip(denoisers, looks, strict=True)}
            look = looks[list(denoisers).index(self.strip)]
            values = {f"{key}_{of}": v for key, x in parts.items() for of, v in told(x).items()}
            say = [self.moment(look), said("experiment.auto", count=request.batch, **values)]
            if not request.condition:
                say.append(said("experiment.auto.unasked"))
            calls = sum(each.calls for each in looks)
            yield self.frame(say, look.level, parts, calls=calls, x0=look.x0, done=look.done)


def told(x: Tensor) -> dict[str, float]:
    """How many count as a digit, and their RMS difference from one another."""
    x = x.float().cpu().clamp(-1, 1)
    spread = ((x + 1) / 2).var(0).mean()  # half the mean square of the differences of all pairs
    return {"sure": int(readable(x).sum()), "rms": torch.sqrt(2 * spread).item()}
