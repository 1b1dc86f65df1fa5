"""What the stage shows of a step: one class for each way, in `PANELS`.

A class says what it is `called`, when it is available, its panels, and by their keys what fills
them: latents, which become a picture when they are sent, or a picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from core.denoisers import Denoiser, Guided, Prediction
from core.images import signed_uri
from core.metrics import rms
from core.models import Model, reads_text
from core.models.attention import attention_maps
from core.samplers import Step
from core.schedules import SCHEDULES, Level
from core.tapes import Panel, Picture, Say, later
from core.updates import apart
from demos.words import Refusal, said

if TYPE_CHECKING:
    from demos.sampling.request import SampleRequest

Part = Tensor | Picture
SMALL = 0.1  # what a correction is coloured up to: it is small beside the other parts
WORDS = 5  # attention maps beside the predicted picture
SILENT = {"a", "an", "the", "on", "of", "with", "in", "at", "and", "的", "，"}
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


class PredictionPanels(Panels):
    """The noisy picture, the predicted clean picture, the predicted noise."""

    done = "sample.done"

    def made(self) -> tuple[Panel, ...]:
        """What x_t is depends on the model; one that remembers pictures shows the nearest."""
        space, nearest = self.model.card.space, ()
        self.known = self.model.empirical(self.request.condition)
        if self.known is not None:
            nearest = (Panel("nearest", "xᵢ", said("panel.nearest"), phone=False),)
        return (
            Panel("x_t", "xₜ", said(noisy(self.model, self.request))),
            GUESS,
            Panel("eps", "ε̂", said(f"panel.eps.{space}"), "noise", phone=False),
            *nearest,
        )

    def parts(self, step: Step) -> dict[str, Part]:
        """x scaled to unit variance, x0, eps in colours, the nearest training picture."""
        x0, eps = step.prediction.x0, later(signed_uri, step.prediction.eps)
        parts: dict[str, Part] = {"x_t": step.x / scale(step.level), "x0": x0, "eps": eps}
        if self.known is not None:
            parts["nearest"] = self.known.images[self.known.nearest(x0)]
        return parts

    def formula(self, step: Step) -> list[Say]:
        """x_t = alpha x0 + sigma eps."""
        return [said("sample.formula", alpha=step.level.alpha, sigma=step.level.sigma)]


class Watched:
    """A guided denoiser whose two branches can be looked at after each call."""

    def __init__(self, guided: Guided) -> None:
        """Watch this one."""
        self.guided, self.cost = guided, guided.cost
        self.seen: tuple[Prediction, Prediction]

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """The guided prediction; its branches are kept."""
        self.seen = self.guided.branches(x, level)
        return self.guided.combined(*self.seen)


class GuidancePanels(Panels):
    """What guidance is made of: both branches, their difference, the guided prediction."""

    splits = True

    @staticmethod
    def refusal(request: SampleRequest) -> Refusal | None:
        """There have to be two branches."""
        if request.card.told:
            return Refusal("sample.refused.split_told", model=request.model)
        return Refusal("sample.refused.split") if request.guidance == 1 else None

    def denoiser(self) -> Denoiser:
        """The guided denoiser, watched."""
        guided = super().denoiser()
        if not isinstance(guided, Guided):
            raise Refusal("sample.refused.split")
        self.watched = Watched(guided)
        return self.watched

    def made(self) -> tuple[Panel, ...]:
        """Without and with the condition, what differs, the two mixed as asked and as wondered."""
        return (
            Panel("without", "x̂₀(∅)", said("panel.without")),
            Panel("with", "x̂₀(c)", said("panel.with"), "first"),
            Panel("difference", "c − ∅", said("panel.difference"), "difference", phone=False),
            Panel("x0", "x̂₀", said("panel.guided"), "signal"),
            Panel("what_if", "x̂₀(w)", said("panel.what_if"), "second", phone=False),
        )

    def parts(self, step: Step) -> dict[str, Part]:
        """Both branches, their difference in colours, the guided picture twice."""
        yes, no = self.watched.seen
        difference = later(signed_uri, yes.x0 - no.x0, 1.0)
        self.contrast = rms(yes.x0 - no.x0)
        mixed = {"x0": step.prediction.x0, "what_if": step.prediction.x0}
        return {"without": no.x0, "with": yes.x0, "difference": difference, **mixed}


class AttentionPanels(Panels):
    """Where each word of the prompt is looked at, beside the predicted picture."""

    @staticmethod
    def refusal(request: SampleRequest) -> Refusal | None:
        """There has to be a text with words in it."""
        if request.card.condition != "text":
            return Refusal("sample.refused.attention")
        words = any(letter.isalnum() for letter in request.prompt)
        return None if words else Refusal("sample.refused.attention_prompt")

    def denoiser(self) -> Denoiser:
        """The denoiser, its attention recorded."""
        request, model = self.request, self.model
        if not reads_text(model):
            raise Refusal("sample.refused.attention")
        self.record: list[Tensor] = []
        said = [(word, at) for word, at in model.words(request.prompt) if word.isalnum()]
        self.words = [each for each in said if each[0].lower() not in SILENT][:WORDS]
        how = {"guidance": request.guidance, "record": self.record}
        return model.denoiser(request.prompt, request.avoided, **how)

    def made(self) -> tuple[Panel, ...]:
        """The guess, and a map for each word."""
        maps = (
            Panel(f"word{k}", f"“{word}”", said("panel.attention"), "first", phone=k < 1)
            for k, (word, _) in enumerate(self.words)
        )
        return GUESS, *maps

    def parts(self, step: Step) -> dict[str, Part]:
        """The predicted picture and one map per word, of the first picture of a batch."""
        first = [layer[:1] for layer in self.record]
        parts: dict[str, Part] = {"x0": step.prediction.x0}
        for k, (_, at) in enumerate(self.words):
            weights = attention_maps(first, at, self.model.shape[1:])
            parts[f"word{k}"] = later(signed_uri, weights[None] / weights.max() * 3)
        return parts


class UpdatePanels(Panels):
    """The step taken apart: the parts that add up to the next picture, all on one scale."""

    spectra = True
    strip = "x_next"
    done = "sample.done.update"

    def made(self) -> tuple[Panel, ...]:
        """Fresh noise where some is drawn, a correction where the sampler has one."""
        request, scaled = self.request, scales(self.model, self.request)
        self.draws, self.corrects = request.adds_noise(), request.solver.order > 1
        fresh = Panel("fresh", "+ c z", said("panel.fresh"), "noise")
        correction = Panel("correction", "+ Δ", said("panel.correction"), "difference")
        return (
            Panel("x_t", "xₜ", said(noisy(self.model, request))),
            Panel("signal", "a x̂₀", said("panel.part.signal"), "signal"),
            Panel("direction", "+ b ε̂", said("panel.part.direction"), "noise"),
            *([fresh] if self.draws else []),
            *([correction] if self.corrects else []),
            Panel("x_next", "xₛ", said("panel.x_next.scaled" if scaled else "panel.x_next")),
        )

    def parts(self, step: Step) -> dict[str, Part]:
        """x_t; then the parts and their sum, scaled as one to unit variance."""
        update, unit = apart(step), scale(step.next_level)
        self.contrast = min(rms(update.x0), rms(update.eps)) / unit  # where both parts count
        parts: dict[str, Part] = {
            "x_t": step.x / scale(step.level),
            "signal": update.x0 / unit,
            "direction": later(signed_uri, update.eps / unit, 1.0),
        }
        if self.draws:
            parts["fresh"] = later(signed_uri, update.fresh / unit, 1.0)
        if self.corrects:
            parts["correction"] = later(signed_uri, update.correction / unit, SMALL)
        return parts | {"x_next": step.x_next / unit}

    def formula(self, step: Step) -> list[Say]:
        """x_s as the sum of its parts."""
        update = apart(step)
        kind = ("plain", "fresh", "corrected", "both")[self.draws + 2 * self.corrects]
        values = update.weights._asdict() | {"correction": rms(update.correction)}
        return [said(f"sample.update.{kind}", **values)]


PANELS: dict[str, type[Panels]] = {
    "prediction": PredictionPanels,
    "guidance split": GuidancePanels,
    "attention per word": AttentionPanels,
    "update": UpdatePanels,
}


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
