"""Recipe `emoji-classifier`: the judge that reads generated pictures for the card's figures."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.data.emoji import drawn, labels_of, options
from core.networks import EmojiClassifier
from core.training.base import Recipe, save_weights


def classifier() -> nn.Module:
    """The network that reads generated pictures for the figures in the card."""
    return EmojiClassifier([len(words) for words in options().values()])


def classifier_data() -> tuple[Tensor, Tensor]:
    """40,000 pictures, held-out combinations among them, and their class labels (N, 5)."""
    pictures, scenes = drawn(40_000, seed=4, held_out=None)
    return pictures, torch.tensor([labels_of(scene) for scene in scenes])


def classifier_loss(
    network: nn.Module, x: Tensor, labels: Tensor, generator: torch.Generator
) -> Tensor:
    """The sum of the heads' cross-entropies, on pictures shifted by up to two pixels."""
    dy, dx = torch.randint(-2, 3, (2,), generator=generator).tolist()
    heads = network(x.roll((dy, dx), (2, 3)), generator)
    return sum((F.cross_entropy(h, labels[:, i]) for i, h in enumerate(heads)), x.new_zeros(()))


def save_classifier(network: nn.Module, models: Path) -> None:
    """Write the weights of the classifier, in half precision."""
    save_weights(network.half(), models / "emoji-classifier")


RECIPES: dict[str, Recipe] = {
    "emoji-classifier": Recipe(
        classifier, classifier_data, classifier_loss, save_classifier, steps=5_000, batch=64
    )
}
