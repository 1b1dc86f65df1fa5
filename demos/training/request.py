"""What is trained: on what, which network, to predict what, for how long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from core.data.points import POINTS
from core.denoisers import CONVERSIONS
from core.objectives import NETWORKS, NOISES, Objective
from demos.runs.asked import SEEDS
from demos.runs.fields import Choice, Real, Sent, Truth, Whole
from demos.runs.requests import Request
from demos.words import Refusal, Say, said, word

DIGITS, ONE, DRAWN, OWN = "digits", "one digit", "drawing", "own pictures"
DATA = (DIGITS, ONE, *POINTS, DRAWN, OWN)
MNIST = (DIGITS, ONE)
PLANE = (*POINTS, DRAWN)  # points, not pictures
POINT_NETWORK = "points"
OF_PICTURES = tuple(name for name in NETWORKS if name != POINT_NETWORK)
SIDES = ("28", "32")
STEPS, LEVELS = "steps", "levels"
SHOWS = (STEPS, LEVELS)  # what the loss is drawn over
IN_TITLE = ("data", "network", "target", "noise", "steps", "seed", "show")


def trains(*data: str) -> Any:
    """Whether this is what is trained on."""
    return lambda asked: asked.data in data


@dataclass(frozen=True)
class TrainRequest(Request):
    """The settings of a training."""

    event: ClassVar[str] = "train"

    data: str = Choice(DATA, DIGITS, look="menu")
    digit: int = Whole(0, 9, 7, slider=(0, 9), needs=trains(ONE))
    drawing: Any = Sent("the drawn points: a picture, ink on paper", needs=trains(DRAWN))
    folder: Any = Sent("a zip with 10 to 2,000 pictures", needs=trains(OWN))
    side: str = Choice(SIDES, "28", needs=trains(OWN))
    colour: bool = Truth(True, needs=trains(OWN))
    network: str = Choice(OF_PICTURES, "small", look="menu", needs=lambda asked: not asked.plane)
    told: bool = Truth(True, needs=lambda asked: NETWORKS[asked.kind].told)
    noise: str = Choice(NOISES, "cosine", look="menu")
    target: str = Choice(CONVERSIONS, "v_prediction")
    steps: int = Whole(10, 20_000, 400, slider=(100, 3000))
    batch: int = Whole(4, 256, 32, slider=(8, 256))
    rate: float = Real(1e-5, 0.1, 3e-3)
    decay: float = Real(0, 0.9999, 0.999)
    seed: int = Whole(0, SEEDS, 0)
    show: str = Choice(SHOWS, STEPS)

    @property
    def plane(self) -> bool:
        """Whether it trains on points of the plane."""
        return self.data in PLANE

    @property
    def kind(self) -> str:
        """Its network."""
        return POINT_NETWORK if self.plane else self.network

    @property
    def objective(self) -> Objective:
        """What is learned."""
        channels, side = 1, 28
        if self.plane:
            channels, side = 2, 1
        elif self.data == OWN:
            channels, side = 3 if self.colour else 1, int(self.side)
        told = self.told and NETWORKS[self.kind].told
        return Objective(self.kind, self.noise, self.target, told, channels, side)

    def refusals(self) -> Iterator[tuple[str, Refusal]]:
        """What does not go together."""
        if self.target == "epsilon" and self.objective.schedule.alpha[-1] == 0:
            yield "target", Refusal("train.refused.epsilon")
        if self.data == DRAWN and self.drawing is None:
            yield "drawing", Refusal("train.refused.drawing")
        if self.data == OWN and self.folder is None:
            yield "folder", Refusal("train.refused.folder")

    def title(self) -> Say:
        """What is trained in a few words, then all else that was changed."""
        data = self.called_option("data")
        if self.data == ONE:
            data = said("train.title.digit", digit=self.digit)
        network = self.called_option("network") if self.asked("network") else None
        parts: list[Say] = [
            said("train.title", data=data, steps=self.steps, seed=self.seed),
            *([said("train.title.part", part=network)] if network else []),
            said("train.title.part", part=self.called_option("target")),
            said("train.title.part", part=self.called_option("noise")),
        ]
        for name, value in self.changed().items():
            if name not in (*IN_TITLE, "digit"):
                shown = self.truth(value) if isinstance(value, bool) else value
                parts.append(said("train.title.more", name=self.called(name), value=shown))
        return parts

    @staticmethod
    def truth(value: bool) -> Say:
        """Yes or no."""
        return said("train.yes" if value else "train.no")

    def called_option(self, name: str) -> Say:
        """What an option is called on the page."""
        return said(word(self.event, name, f"option.{getattr(self, name)}"))
