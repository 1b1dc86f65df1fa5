"""Models that were trained here, see `core.training.plans`: an objective, and its weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from core.engine import shared
from core.files import Folder
from core.models.base import builds
from core.models.cards import ModelCard
from core.models.digits import UnconditionalModel
from core.models.registry import MODELS
from core.objectives import Objective
from core.weights import fill

DESCRIPTION = "objective.json"
WEIGHTS = {  # of a network of ours, and of one of diffusers
    "network": "model.safetensors",
    "unet": "diffusion_pytorch_model.safetensors",
}


def add_trained(name: str, folder: Path, data: str = "") -> ModelCard:
    """Let a training's folder be loaded by a name that is not offered: whoever has it knows it.

    `data` is "mnist" for digits. ValueError for points, which are no pictures, and for a folder
    that has no network yet.
    """
    objective = objective_in(folder)
    if objective.side == 1:
        raise ValueError("points are no pictures: the other tabs cannot show them")
    card = ModelCard(
        name=name,
        title=name,
        source=str(folder),
        kind="trained",
        licence="of its data",
        size=sum(weight.numel() for weight in objective.made().parameters()),
        noise="uniform" if objective.uniform else "gaussian",
        condition="none",
        data=data,
        private=True,
    )
    MODELS.unlisted[name] = card
    return card


def objective_in(folder: Path) -> Objective:
    """What the network in a folder has learned; ValueError where there is none."""
    if not (folder / DESCRIPTION).is_file():
        raise ValueError("there is no trained network yet: train a step, or go on to the end")
    return Objective(**Folder(folder, folder.name).json(DESCRIPTION))


@builds("trained")
class TrainedModel(UnconditionalModel):
    """A network that was trained here: no labels, and whatever noise and target it learned."""

    def __init__(self, card: ModelCard, folder: Path, device: str, dtype: torch.dtype) -> None:
        """Load the weights."""
        self.objective = objective_in(folder)
        super().__init__(card, self.objective.schedule, device, dtype)
        self.size, self.target = self.objective.side, self.objective.target
        self.sides = self.size, self.size
        self.shape = self.objective.channels, *self.sides
        network = self.objective.made().eval().requires_grad_(False)
        part = next(each for each in WEIGHTS if (folder / each).is_dir())
        fill(network, Folder(folder / part, card.name), [WEIGHTS[part]], dtype)
        self.network = network.to(device)

    @shared
    def forward(self, x: Tensor, t: float | Tensor, condition: Tensor | None) -> Tensor:
        """The network call, from and to [-1, 1]."""
        told = torch.as_tensor(t, device=self.device).long().expand(len(x))
        return self.objective.call(self.network, x.to(self.device, self.dtype), told).to(x)
