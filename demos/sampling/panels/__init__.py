"""What the stage shows of a step: one class for each way, in `PANELS`.

A class says why a request cannot be shown so, its panels, and by their keys what fills them:
latents, which become a picture when they are sent, or a picture.
"""

from __future__ import annotations

from demos.sampling.panels.attention import AttentionPanels
from demos.sampling.panels.base import GUESS, Panels, Part, ladder
from demos.sampling.panels.classifier import ClassifierPanels
from demos.sampling.panels.guidance import GuidancePanels
from demos.sampling.panels.network import NetworkPanels
from demos.sampling.panels.prediction import PredictionPanels
from demos.sampling.panels.update import UpdatePanels
from demos.sampling.panels.variance import VariancePanels

PANELS: dict[str, type[Panels]] = {
    "prediction": PredictionPanels,
    "guidance split": GuidancePanels,
    "classifier": ClassifierPanels,
    "attention per word": AttentionPanels,
    "update": UpdatePanels,
    "network": NetworkPanels,
    "variance": VariancePanels,
}

__all__ = ["GUESS", "PANELS", "Panels", "Part", "ladder"]
