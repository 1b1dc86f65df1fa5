"""What runs of a model are asked for: a label or a prompt, a seed; and as part of a title."""

from __future__ import annotations

from core.models import ModelCard
from demos.words import Say, said

LABELS = ("", *map(str, range(10)))
SEEDS = 2**32 - 1  # the largest


def named_condition(card: ModelCard, condition: str) -> Say:
    """The label or the prompt in a few words."""
    if card.condition == "text":
        return said("asked.prompt", prompt=condition) if condition else said("asked.no_prompt")
    return said("asked.label", label=condition) if condition else said("asked.any")


def guidance_title(card: ModelCard, guidance: float) -> Say:
    """A guidance in a title, and below 1 what it does to the label or the prompt.

    eps = eps_u + w (eps_c - eps_u): w = 0 leaves nothing of the condition, w = 1 all of it. A
    model that is told the guidance has no such sum.
    """
    if guidance >= 1 or card.told:
        return said("title.guidance", value=guidance)
    asked = "prompt" if card.condition == "text" else "label"
    return said(f"title.guidance.{asked}_{'part' if guidance else 'none'}", value=guidance)
