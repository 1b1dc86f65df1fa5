"""Which experiment, and with what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from core.compositions import VIEWS
from core.data.captions import EXAMPLES
from core.mistakes import MISTAKES
from core.models import MODELS, ModelCard
from demos.experiments.kinds import KINDS, PLACES, WAYS, Experiment
from demos.experiments.kinds.places import PAINTED
from demos.runs.asked import LABELS, SEEDS, named_condition
from demos.runs.fields import Choice, Real, Sent, Text, Whole
from demos.runs.requests import Request
from demos.words import Refusal, Say, said, word

IN_TITLE = ("kind", "model", "steps", "seed", "bug", "label", "prompt", "label_two", "prompt_two")


def models() -> list[str]:
    """The models with Gaussian noise, which all experiments are about."""
    return [name for name, card in MODELS.items() if card.noise == "gaussian"]


def uses(name: str, condition: str = "") -> Callable[[ExperimentRequest], bool]:
    """Whether an experiment asks for this, of a model with this kind of condition."""

    def needed(asked: ExperimentRequest) -> bool:
        fits = not condition or asked.card.condition == condition
        return fits and name in asked.experiment.uses(asked)

    return needed


@dataclass(frozen=True)
class ExperimentRequest(Request):
    """The settings of one experiment."""

    event: ClassVar[str] = "experiment"

    kind: str = Choice(KINDS, "bugs", look="menu")
    bug: str = Choice(MISTAKES, "no_noise", look="menu", needs=uses("bug"))
    model: str = Choice(models, "digits", look="menu")
    label: str = Choice(LABELS, "7", needs=uses("condition", "label"))
    prompt: str = Text(500, EXAMPLES[0], needs=uses("condition", "text"))
    label_two: str = Choice(LABELS, "4", needs=uses("second", "label"))
    prompt_two: str = Text(500, EXAMPLES[1], needs=uses("second", "text"))
    view: str = Choice(list(VIEWS)[1:], "half turn", look="menu", needs=uses("view"))
    spread: float = Real(0.25, 4, 1.0, slider=(0.25, 4), step=0.25, needs=uses("spread"))
    digit: int = Whole(0, 9, 7, slider=(0, 9), needs=uses("known", "label"))
    index: int = Whole(0, 799, 0, needs=uses("known", "label"))
    caption: str = Text(200, EXAMPLES[0], needs=uses("known", "text"))
    drawing: Any = Sent("the drawn picture", needs=uses("drawing"))
    place: str = Choice(PLACES, "right", needs=uses("place"))
    painted: Any = Sent(
        "the part that is sampled: a picture, opaque (or white, if it is opaque all over) there",
        needs=lambda asked: uses("place")(asked) and asked.place == PAINTED,
    )
    repeats: int = Whole(1, 20, 5, slider=(1, 10), needs=uses("repeats"))
    way: str = Choice(WAYS, "arc", needs=uses("way"))
    count: int = Whole(2, 100, 9, slider=(2, 50), needs=uses("count"))
    batch: int = Whole(2, 16, 16, slider=(2, 16), needs=uses("batch"))
    guidance: float = Real(0, 20, 2.0, slider=(0, 10), idle=1.0, needs=uses("condition"))
    steps: int = Whole(1, 1000, 50, slider=(1, 200))
    seed: int = Whole(0, SEEDS, 0)
    seed_two: int = Whole(0, SEEDS, 1, needs=uses("seed_two"))

    def refusals(self) -> Iterator[tuple[str, Refusal]]:
        """What does not go together."""
        yield from self.experiment.refusals(self)

    @property
    def experiment(self) -> type[Experiment]:
        """Which one."""
        return KINDS[self.kind]

    @property
    def card(self) -> ModelCard:
        """What the model can do."""
        return MODELS[self.model]

    @property
    def condition(self) -> str:
        """What the model is asked for."""
        return self.of_condition(self.prompt, self.label)

    def of_condition(self, prompt: str, label: str) -> str:
        """What fits the model: a prompt, a label, or nothing."""
        return {"text": prompt, "label": label}.get(self.card.condition, "")

    @property
    def source(self) -> str:
        """Where the picture comes from that it starts from, see `demos.pictures.sources`."""
        if self.asked("drawing"):
            return "drawing"
        return "scene" if self.card.condition == "text" else "test digit"

    @property
    def second(self) -> str:
        """What it is asked for besides."""
        return self.of_condition(self.prompt_two, self.label_two)

    @property
    def of_known(self) -> str:
        """What the model is told of the picture that the experiment starts from."""
        return self.of_condition(self.caption, str(self.digit))

    @property
    def rows(self) -> int:
        """Rows through the network."""
        guided = self.guidance != 1 and self.asked("guidance") and not self.card.told
        return self.experiment.rows(self) * self.steps * (2 if guided else 1)

    def title(self) -> Say:
        """The experiment in a few words, then all else that was changed."""
        always = {"model": self.model, "steps": self.steps, "seed": self.seed}
        parts: list[Say] = [said("experiment.title", kind=self.called_option("kind"), **always)]
        if self.asked("bug"):
            parts.append(said("experiment.title.part", part=self.called_option("bug")))
        asked = [self.condition] if "condition" in self.experiment.uses(self) else []
        asked += [self.second] if "second" in self.experiment.uses(self) else []
        for each in asked:
            part = named_condition(self.card, each)
            parts.append(said("experiment.title.part", part=part))
        for name, value in self.changed().items():
            if name not in IN_TITLE:
                called = {"name": self.called(name), "value": self.option(name, value)}
                parts.append(said("experiment.title.more", **called))
        return parts

    def called_option(self, name: str) -> Say:
        """What an option is called on the page."""
        return said(word(self.event, name, f"option.{getattr(self, name)}"))

    def option(self, name: str, value: Any) -> Say | float:
        """A value in a title: the words of an option, or itself."""
        return self.called_option(name) if name in ("view", "place", "way") else value
