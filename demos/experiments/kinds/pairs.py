"""One picture that is two things: a visual anagram, and a hybrid of far and near."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from torch import Tensor

from core.compositions import VIEWS, Anagram, Hybrid, blurred
from core.denoisers import Denoiser
from core.images import pixels_uri
from core.models import Model
from core.tapes import Frame, Panel, Say, later
from demos.experiments.kinds.base import GUESS, NOISY, Experiment, Part
from demos.words import Refusal, said

if TYPE_CHECKING:
    from demos.experiments.request import ExperimentRequest


class Pair(Experiment):
    """A run with a denoiser made of two, one for each condition."""

    @staticmethod
    def rows(request: ExperimentRequest) -> int:
        """Two denoisers."""
        return 2

    def composed(self, first: Denoiser, second: Denoiser) -> Denoiser:
        """The denoiser of both."""
        raise NotImplementedError

    def views(self, x0: Tensor) -> dict[str, Part]:
        """What is seen in a clean picture, besides itself."""
        raise NotImplementedError

    def read(self, x0: Tensor) -> list[Say]:
        """What the classifier reads in each of them."""
        raise NotImplementedError

    def frames(self) -> Iterator[Frame]:
        """A frame for every step, and the finished picture."""
        asked = (self.request.condition, self.request.second)
        for look in self.looks(self.composed(*map(self.denoiser, asked)), "ddpm"):
            parts = {"x_t": look.x, "x0": look.x0, **self.views(look.x0)}
            say = [self.moment(look), *self.read(look.x0)]
            seen = {"calls": look.calls, "x0": look.x0, "done": look.done}
            yield self.frame(say, look.level, parts, **seen)


class AnagramExperiment(Pair):
    """One thing as it stands, another one in a view of it."""

    def __init__(self, model: Model, request: ExperimentRequest) -> None:
        """Two pictures: as it stands, and in the view."""
        super().__init__(model, request)
        self.view = VIEWS[request.view]
        name = said(f"experiment.view.option.{request.view}")
        seen = Panel("seen", "v(x̂₀)", said("panel.seen", view=name), "second")
        self.panels = (NOISY, GUESS, seen)

    @staticmethod
    def uses(request: ExperimentRequest) -> Collection[str]:
        """What it is in both views."""
        return "condition", "second", "view"

    @staticmethod
    def refusals(request: ExperimentRequest) -> Iterator[tuple[str, Refusal]]:
        """The negative of latents is that of no picture."""
        if request.view == "negative" and request.card.space == "latents":
            yield "view", Refusal("experiment.refused.negative", model=request.model)

    def composed(self, first: Denoiser, second: Denoiser) -> Denoiser:
        """The mean of both, each in its own view."""
        return Anagram((first, second), ("identity", self.request.view))

    def views(self, x0: Tensor) -> dict[str, Part]:
        """The picture in the other view."""
        return {"seen": self.view.look(x0)}

    def read(self, x0: Tensor) -> list[Say]:
        """The label of both views."""
        seen = self.reading("experiment.read.seen", self.view.look(x0))
        return [*self.reading("experiment.read", x0), *seen]


class HybridExperiment(Pair):
    """One thing from afar, another one from near."""

    def __init__(self, model: Model, request: ExperimentRequest) -> None:
        """The picture, and its coarse part alone."""
        super().__init__(model, request)
        far = Panel("far", "G ∗ x̂₀", said("panel.far"), "second")
        near = Panel("near", "x̂₀ − G ∗ x̂₀", said("panel.near"), "first", phone=False)
        self.panels = (NOISY, GUESS, far, near)

    @staticmethod
    def uses(request: ExperimentRequest) -> Collection[str]:
        """What it is from afar and from near, and how far that is."""
        return "condition", "second", "spread"

    def composed(self, first: Denoiser, second: Denoiser) -> Denoiser:
        """The coarse part of the first, the details of the second."""
        return Hybrid(first, second, self.request.spread)

    def views(self, x0: Tensor) -> dict[str, Part]:
        """The coarse part, and the details on grey."""
        pixels = self.pixels(x0)
        coarse = blurred(pixels, self.wide(self.request.spread))
        details = (pixels - coarse + 1) / 2
        return {"far": later(pixels_uri, coarse), "near": later(pixels_uri, details)}

    def read(self, x0: Tensor) -> list[Say]:
        """The label of the picture, and of its coarse part."""
        far = blurred(self.model.displayable(x0).cpu(), self.request.spread)
        return [*self.reading("experiment.read", x0), *self.reading("experiment.read.far", far)]
