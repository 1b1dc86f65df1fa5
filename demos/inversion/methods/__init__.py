"""Which inversion methods a model can run, and their comparison at equal cost."""

from __future__ import annotations

from core.inversion import INVERSIONS
from core.models import ModelCard
from core.tapes import Say
from demos import words  # its `table` would be hidden by the module beside this one
from demos.words import Refusal, said


def refusal(card: ModelCard, method: str) -> Refusal | None:
    """Why a model cannot run a method; None where it can."""
    reason = card.reason(INVERSIONS[method])
    if not reason:
        return None
    return Refusal(f"method.refused.{reason}", model=card.name, method=named_method(method))


def named_method(method: str) -> Say:
    """What a method is called on the page; one without words has its title."""
    key = f"method.option.{method}"
    return said(key) if key in words.table("en") else INVERSIONS[method].title


def promise(method: str) -> Say:
    """How exactly a method reconstructs by construction."""
    key = f"method.exact.{method}"
    return said(key) if key in words.table("en") else INVERSIONS[method].exact
