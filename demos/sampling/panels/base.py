"""What all ways to show a step share: the panels of a run, and what its levels look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from core.denoisers import Denoiser
from core.models import Model, reads_labels
from core.samplers import Step
from core.schedules import SCHEDULES, Level
from core.tapes import Panel, Picture, Say
from demos.words import Refusal, said

if TYPE_CHECKING:
    from demos.sampling.request import SampleRequest

Part = Tensor | Picture
GUESS = Panel("x0", "x̂₀", said("panel.x0"), "signal")


class Panels:
    """One way to show a step, made for one run: its panels, and the denoiser to be called."""

    splits: ClassVar[bool] = False  # keeps the latents of every frame, whatever the model
    spectra: ClassVar[bool] = False  # measures the spectrum of every frame
    strip: ClassVar[str] = "x0"  # the panel of the filmstrip
    done: ClassVar[str] = "sample.done.guess"  # what is said of the finished picture
    contrast: float = 0.0  # how far apart the panels were that were filled last

    def __init__(self, model: Model, request: SampleRequest) -> None:
        """Prepare for a request that `refusal` lets pass."""
        self.model, self.request = model, request
        self.denoise = self.denoiser()
        self.panels = self.made()

    @staticmethod
    def refusal(request: SampleRequest) -> Refusal | None:
        """Why a request cannot be shown like this; None where it can."""
        return None

    def denoiser(self) -> Denoiser:
        """The denoiser of the run."""
        request = self.request
        if request.classified and reads_labels(self.model):
            return self.model.classifier_guided(request.label, request.guidance)
        return self.model.denoiser(request.condition, request.avoided, request.guidance)

    def made(self) -> tuple[Panel, ...]:
        """The panels, from left to right."""
        raise NotImplementedError

    def parts(self, step: Step) -> dict[str, Part]:
        """What fills the panels at a step, by key; the last one is of the finished picture."""
        raise NotImplementedError

    def formula(self, step: Step) -> list[Say]:
        """What the panels of a step are to each other, in a formula, where they are anything."""
        return []


def scale(level: Level) -> float:
    """What pictures at a level are divided by, to have unit variance."""
    return (level.alpha**2 + level.sigma**2) ** 0.5


def scales(model: Model, request: SampleRequest) -> bool:
    """Whether that changes any picture of the run."""
    return any(abs(scale(level) - 1) > 5e-4 for level in ladder(model, request))


def noisy(model: Model, request: SampleRequest) -> str:
    """What x_t is, in words."""
    return f"panel.x_t.{'scaled' if scales(model, request) else model.card.space}"


def ladder(model: Model, request: SampleRequest) -> list[Level]:
    """The levels of the run, from noisy to clean; ValueError where the schedule has fewer."""
    schedule = model.schedule
    if request.schedule in SCHEDULES:
        given = {"points": request.points} if request.asked("points") else {}
        schedule = SCHEDULES[request.schedule](**given)
    return schedule.levels(request.steps, request.spacing)[request.steps - request.taken :]
