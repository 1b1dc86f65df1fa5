"""Which inversion methods a model can run, why not the others, and what each promises."""

from __future__ import annotations

from core.inversion import INVERSIONS
from core.models import MODELS
from core.models.cards import ILL_POSED as ILL_POSED


def why_not(model: str, method: str) -> str:
    """Why a model cannot run a method, as a sentence; "" where it can."""
    return MODELS[model].refusal(INVERSIONS[method])


def offered(model: str) -> list[str]:
    """The methods that a model can run."""
    return [name for name in INVERSIONS if not why_not(model, name)]


def choices(model: str) -> list[tuple[str, str]]:
    """(title, name) of the methods that a model can run."""
    return [(INVERSIONS[name].title, name) for name in offered(model)]


def about(method: str) -> str:
    """What a method promises, and what it costs in denoiser calls."""
    card = INVERSIONS[method]
    gradients = ", with gradients" if card.needs_gradients else ""
    up, down = card.calls_up, card.calls_down
    return f"Exact? {card.exact}. Denoiser calls a step: {up} up{gradients}, {down} down"
