"""What is inverted and how, and what it is edited to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from core.data.captions import EXAMPLES
from core.inversion import INVERSIONS
from core.models import MODELS, ModelCard
from demos.inversion.methods import named_method, refusal
from demos.pictures.library import known, of_kind, picked
from demos.pictures.photos import PHOTOS
from demos.pictures.sources import CHOICE, SOURCES, named
from demos.runs.asked import LABELS, SEEDS, guidance_title, named_condition
from demos.runs.fields import Choice, Real, Sent, Text, Whole
from demos.runs.requests import Request
from demos.words import Refusal, Say, said

ALL_SOURCES = ("test digit", "scene", "photograph", "library", "upload", "drawing", "generated")
TARGET = "fox on a blue background"
MASKS = ("everywhere", "automatic", "drawn")
IN_TITLE = ("model", *CHOICE, "library", "label", "prompt", "method", "steps")  # always


def askable() -> list[str]:
    """The models that can be asked for something."""
    return [name for name, card in MODELS.items() if card.condition != "none"]


@dataclass(frozen=True)
class InvertRequest(Request):
    """The settings of an inversion and its reconstruction."""

    event: ClassVar[str] = "invert"

    model: str = Choice(askable, "digits", look="menu")
    source: str = Choice(ALL_SOURCES, "test digit")
    digit: int = Whole(0, 9, 4, slider=(0, 9), needs=lambda asked: asked.source == "test digit")
    index: int = Whole(0, 799, 0, needs=lambda asked: asked.source == "test digit")
    caption: str = Text(200, EXAMPLES[0], needs=lambda asked: asked.source == "scene")
    library: str | None = Choice(
        known,
        None,
        optional=True,
        look="menu",
        doc="prompt or label of a picture of the library; none is its first",
        needs=lambda asked: asked.source == "library",
    )
    picture: Any = Sent(
        "the uploaded picture; at most 16 megapixels", needs=lambda asked: asked.source == "upload"
    )
    drawing: Any = Sent("the drawn picture", needs=lambda asked: asked.source == "drawing")
    generated: Any = Sent("the picture sent from the sampler, with the name of its model")
    label: str = Choice(
        LABELS,
        "4",
        doc="what the picture shows",
        needs=lambda asked: asked.card.condition == "label",
    )
    prompt: str | None = Text(
        500,
        None,
        optional=True,
        doc="what the picture shows, for models that read text; none is the scene's caption or "
        "the library's",
        needs=lambda asked: asked.card.condition == "text",
    )
    method: str = Choice(INVERSIONS, "ddim", look="menu")
    steps: int = Whole(2, 500, 30)
    seed: int = Whole(0, SEEDS, 0, doc="of the noise of sdedit and edit_friendly")
    invert_guidance: float = Real(
        0, 20, 1.0, slider=(0, 10), doc="on the way up and in the reconstruction"
    )

    photo: str = Choice(
        tuple(PHOTOS), "cat", look="menu", needs=lambda asked: asked.source == "photograph"
    )

    def refusals(self) -> Iterator[tuple[str, Refusal]]:
        """What does not go together."""
        kinds = SOURCES[self.card.condition]
        if self.source not in kinds:
            values = {"name": self.called("source"), "options": ", ".join(kinds)}
            yield "source", Refusal("refused.choice", got=self.source, **values)
        pictures = of_kind(self.card.condition)
        if self.source == "library" and self.library is not None and self.library not in pictures:
            values = {"name": self.called("library"), "options": ", ".join(pictures)}
            yield "library", Refusal("refused.choice", got=self.library, **values)
        refused = refusal(self.card, self.method)
        if refused is not None:
            yield "method", refused
        if INVERSIONS[self.method].needs_gradients and self.invert_guidance == 1:
            yield "invert_guidance", Refusal("invert.refused.null_text")

    @property
    def card(self) -> ModelCard:
        """What the model can do."""
        return MODELS[self.model]

    @property
    def condition(self) -> str:
        """What the picture shows: a label, or a prompt; without one, what is known of it."""
        if self.card.condition != "text":
            return self.label
        if self.prompt is not None:
            return self.prompt
        known = {"scene": self.caption, "library": self.shown, "photograph": PHOTOS[self.photo]}
        return known.get(self.source) or ""

    @property
    def shown(self) -> str | None:
        """The prompt or label of the picture of the library that is meant."""
        if self.source != "library":
            return None
        return picked(self.card.condition, self.library).prompt

    def beyond(self) -> list[str]:
        """The fields that count and that no text can hold."""
        return super().beyond() + (["generated"] if self.source == "generated" else [])

    def settings(self) -> dict[str, Any]:
        """What repeats the run, with what was meant where nothing was said."""
        settings = super().settings()
        meant = {"library": self.shown, "prompt": self.condition}
        return settings | {name: value for name, value in meant.items() if name in settings}

    def title(self) -> Say:
        """The run in a few words: the picture, the method, then all else that was changed."""
        picture = named(self.source, self.digit, self.index, self.caption, self.shown, self.photo)
        parts: list[Say] = [
            said("invert.title", picture=picture, method=self.method, steps=self.steps)
        ]
        if self.condition != str(picture) and self.condition != str(self.digit):
            parts.append(said("title.as", asked=named_condition(self.card, self.condition)))
        for name, value in self.changed().items():
            if name == "invert_guidance":
                parts.append(guidance_title(self.card, value))
            elif name not in IN_TITLE:
                parts.append(said(f"invert.title.{name}", value=value))
        return parts


@dataclass(frozen=True)
class StridesRequest(InvertRequest):
    """The lesson of frame 20 of 50, and the inversion that it starts from."""

    lesson: str = Choice(("strides",), "strides")


@dataclass(frozen=True)
class Planned:
    """An inversion that is asked for together with what follows it."""

    request: InvertRequest


@dataclass(frozen=True)
class TargetRequest(Request):
    """What is asked of a picture that was inverted before: a label, or a prompt."""

    session: Any = Sent("what `invert` left behind")

    @classmethod
    def after(cls, before: Sequence[Request]) -> dict[str, Any]:
        """The inversion that is asked for in the same run."""
        planned = (Planned(each) for each in before if isinstance(each, InvertRequest))
        return {"session": next(planned, None)}

    @property
    def asks(self) -> str:
        """What can be asked for: a "label" or a "text"."""
        return self.session.request.card.condition if self.session else "label"

    @property
    def condition(self) -> str:
        """The target: a label, or a prompt."""
        return getattr(self, "target_prompt" if self.asks == "text" else "target")


@dataclass(frozen=True)
class EditRequest(TargetRequest):
    """The settings of an edit of what was inverted before."""

    event: ClassVar[str] = "edit"

    target: str = Choice(LABELS, "9", needs=lambda asked: asked.asks != "text")
    target_prompt: str = Text(500, TARGET, needs=lambda asked: asked.asks == "text")
    guidance: float = Real(0, 20, 3.0, slider=(0, 10))
    strength: float = Real(
        0,
        1,
        0.8,
        slider=(0, 1),
        step=0.02,
        doc="start level as a share of the steps; 0 changes nothing",
    )
    sdedit_seed: int = Whole(0, SEEDS, 1)
    mask: str = Choice(MASKS, "everywhere")
    painted: Any = Sent(
        "where it may change: a picture, opaque (or white, if it is opaque all over) there",
        needs=lambda asked: asked.mask == "drawn",
    )
    negative: str = Text(500, needs=lambda asked: asked.asks == "text")

    def refusals(self) -> Iterator[tuple[str, Refusal]]:
        """There has to be an inversion, whose method may choose the negative prompt itself."""
        if self.session is None:
            yield "session", Refusal("edit.refused.session")
        elif self.avoided and INVERSIONS[self.session.request.method].needs_branches:
            method = named_method(self.session.request.method)
            yield "negative", Refusal("edit.refused.negative", method=method)

    @property
    def avoided(self) -> str:
        """The negative prompt, for models that read text."""
        return self.negative if self.asked("negative") else ""

    def title(self) -> Say:
        """The inversion, and what it is edited to."""
        card = self.session.request.card
        asked = named_condition(card, self.condition)
        parts: list[Say] = [
            self.session.request.title(),
            said("edit.title", asked=asked, guidance=self.guidance, strength=self.strength),
        ]
        named = {"sdedit_seed": "edit.title.sdedit_seed", "mask": "edit.title.mask"}
        named["negative"] = "sample.title.negative"
        changed = self.changed()
        return parts + [
            said(named[name], value=changed[name]) for name in named if name in changed
        ]
