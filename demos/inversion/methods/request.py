"""Which methods are compared, and what each of them is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from core.inversion import INVERSIONS
from demos.inversion.request import TARGET
from demos.runs.asked import LABELS
from demos.runs.fields import Choice, Choices, Real, Request, Sent, Text, Whole
from demos.words import Refusal

METHODS = ("ddim", "residual", "edit_friendly", "belm", "sdedit")
BUDGET, LEAST, MOST = 100, 20, 500  # denoiser calls: as it opens, and the range


@dataclass(frozen=True)
class CompareRequest(Request):
    """The settings of one comparison."""

    event: ClassVar[str] = "compare"

    session: Any = Sent("what `invert` left behind")
    methods: tuple[str, ...] = Choices(INVERSIONS, METHODS)
    budget: int = Whole(LEAST, MOST, BUDGET, slider=(LEAST, MOST))
    target: str = Choice(LABELS, "9", needs=lambda asked: asked.asks != "text")
    target_prompt: str = Text(500, TARGET, needs=lambda asked: asked.asks == "text")
    guidance: float = Real(0, 20, 3.0, slider=(0, 10))
    strength: float = Real(0, 1, 0.8, slider=(0, 1), step=0.02)

    def refusals(self) -> Iterator[tuple[str, Refusal]]:
        """There has to be an inversion, and something to change."""
        if self.session is None:
            yield "session", Refusal("compare.refused.session")
        if not self.methods:
            yield "methods", Refusal("compare.refused.none")
        if self.strength == 0:
            yield "strength", Refusal("compare.refused.strength")

    @property
    def asks(self) -> str:
        """What can be asked for: a "label" or a "text"."""
        return self.session.request.card.condition if self.session else "label"

    @property
    def condition(self) -> str:
        """The target: a label, or a prompt."""
        return self.target_prompt if self.asks == "text" else self.target
