"""Which inversion methods a model can run, and their comparison at equal cost."""

from __future__ import annotations

from core.inversion import INVERSIONS
from core.models import ModelCard
from demos.words import Refusal


def refusal(card: ModelCard, method: str) -> Refusal | None:
    """Why a model cannot run a method; None where it can."""
    reason = card.reason(INVERSIONS[method])
    if not reason:
        return None
    return Refusal(f"method.refused.{reason}", model=card.name, method=INVERSIONS[method].title)


def offered(card: ModelCard) -> list[str]:
    """The methods that a model can run."""
    return [name for name, method in INVERSIONS.items() if card.supports(method)]
