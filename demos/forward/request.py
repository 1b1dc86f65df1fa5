"""Which picture is noised, how, and for which model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from core.data.captions import EXAMPLES
from core.models import MODELS, ModelCard
from demos.pictures.photos import PHOTOS
from demos.pictures.sources import CHOICE, FITS, REAL, named, offered
from demos.runs.asked import SEEDS
from demos.runs.fields import Choice, Sent, Text, Whole
from demos.runs.requests import Request
from demos.words import Refusal, Say, said

TOLD, CODECS = "another t", "autoencoder"
PROCESSES = ("closed form", "Markov chain", TOLD, CODECS)
IN_TITLE = (*CHOICE, "process", "at", "other")  # always


@dataclass(frozen=True)
class NoiseRequest(Request):
    """The settings of one picture on its way to noise."""

    event: ClassVar[str] = "noise"

    model: str = Choice(MODELS, "digits", look="menu")
    source: str = Choice(REAL, "test digit")
    digit: int = Whole(0, 9, 4, slider=(0, 9), needs=lambda asked: asked.source == "test digit")
    index: int = Whole(0, 799, 0, needs=lambda asked: asked.source in ("test digit", "noise"))
    caption: str = Text(200, EXAMPLES[0], needs=lambda asked: asked.source == "scene")
    picture: Any = Sent(
        "the uploaded picture; at most 16 megapixels", needs=lambda asked: asked.source == "upload"
    )
    fit: str = Choice(
        FITS,
        "digit",
        doc="digit puts an upload right like MNIST; photo crops it to a grey square of 96 pixels; "
        "a text-to-image model takes the middle of it in colour",
        needs=lambda asked: asked.source == "upload" and asked.card.space == "pixels",
    )
    process: str = Choice(PROCESSES, "closed form")
    frames: int = Whole(2, 200, 40, slider=(2, 100))
    seed: int = Whole(0, SEEDS, 0)
    photo: str = Choice(
        tuple(PHOTOS), "cat", look="menu", needs=lambda asked: asked.source == "photograph"
    )
    drawing: Any = Sent("the drawn picture", needs=lambda asked: asked.source == "drawing")
    at: int = Whole(
        0,
        999,
        500,
        slider=(0, 999),
        doc="the timestep at which the picture stays, while the network is told others",
        needs=lambda asked: asked.process == TOLD,
    )
    other: str = Text(
        200,
        EXAMPLES[1],
        doc="the caption of a second scene, for what lies between two pictures",
        needs=lambda asked: asked.process == CODECS,
    )

    def refusals(self) -> Iterator[tuple[str, Refusal]]:
        """What does not go together."""
        known = offered(self.card.condition, real=True)
        if self.source not in known:
            values = {"name": self.called("source"), "options": ", ".join(known)}
            yield "source", Refusal("refused.choice", got=self.source, **values)
        uniform = self.card.noise == "uniform"
        if uniform and self.process == "Markov chain":
            yield "process", Refusal("noise.refused.process", model=self.model)
        if uniform and self.process == TOLD:
            yield "process", Refusal("noise.refused.untold", model=self.model)
        if self.card.space == "pixels" and self.process == CODECS:
            yield "process", Refusal("noise.refused.codecs", model=self.model)
        if self.large and self.process == TOLD:
            yield "process", Refusal("noise.refused.large", model=self.model)

    @property
    def card(self) -> ModelCard:
        """What the model can do."""
        return MODELS[self.model]

    @property
    def large(self) -> bool:
        """Whether the picture is larger than those that a pixel model knows."""
        photo = self.source == "photograph" or (self.source == "upload" and self.fit == "photo")
        return photo and self.card.space == "pixels"

    @property
    def prompt(self) -> str:
        """What the network is told of the picture: the caption of a scene, else nothing."""
        return self.caption if self.source == "scene" else ""

    def title(self) -> Say:
        """The run in a few words: what is always of interest, then all else that was changed."""
        picture = named(self.source, self.digit, self.index, self.caption, photo=self.photo)
        process = said(f"process.option.{self.process}")
        if self.process == TOLD:
            process = said("noise.title.told", t=self.at)
        if self.process == CODECS:
            return [said("noise.title.codecs", first=picture, second=self.other), *self.added()]
        told = ""
        if self.card.condition == "text":
            told = said("noise.title.prompt" if self.prompt else "noise.title.no_prompt")
        parts: list[Say] = [
            said(f"noise.title.{self.card.noise}", picture=picture, process=process)
        ]
        parts += self.added()
        return [*parts, told] if told else parts

    def added(self) -> list[Say]:
        """What else was changed, for the title."""
        changed = (each for each in self.changed().items() if each[0] not in IN_TITLE)
        return [said(f"noise.title.{name}", value=value) for name, value in changed]
