"""Which methods are compared, and what each of them is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from core.inversion import INVERSIONS
from demos.inversion.request import TARGET, TargetRequest
from demos.runs.asked import LABELS
from demos.runs.fields import Choice, Choices, Real, Text, Whole
from demos.words import Refusal

METHODS = ("ddim", "residual", "edit_friendly", "belm", "sdedit")
BUDGET, LEAST, MOST = 100, 20, 500  # denoiser calls: as it opens, and the range


@dataclass(frozen=True)
class CompareRequest(TargetRequest):
    """The settings of one comparison."""

    event: ClassVar[str] = "compare"

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
