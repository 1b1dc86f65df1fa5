"""A clean picture that an experiment starts from: a test digit, or a scene of emoji."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from core.models import Model
from core.tapes import Panel
from demos.pictures.sources import chosen
from demos.words import said

if TYPE_CHECKING:
    from demos.experiments.request import ExperimentRequest

PICTURE = Panel("picture", "x₀", said("panel.picture"), phone=False)


def known(model: Model, request: ExperimentRequest) -> Tensor:
    """Its clean latents, (1, C, H, W)."""
    where = {"digit": request.digit, "index": request.index, "caption": request.caption}
    return chosen(model, request.source, **where)
