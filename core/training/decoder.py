"""Recipe `emoji-decoder`: the shipped VAE's decoder, trained further on latents that stay.

A decoder of least error is soft: what it is unsure of, it averages. Two terms ask for more: the
strength of edges in each part of the picture, and what the first layers of the classifier see.
The encoder is frozen, so the U-Net and its latents stay valid.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.classifiers import emoji_classifier
from core.data.emoji import drawn
from core.training.base import Recipe
from core.training.emoji import PICTURES, latents, part_seed
from core.training.vae import NAME, shipped_vae, write_vae

PARTS = 1  # of the latents, see core.training.emoji
NOISE = 0.02  # of latents whose variance is one: a sampled latent is not quite an encoded one


class Decoder(nn.Module):
    """The decoder of a VAE as one module to train, and the classifier that looks at it."""

    def __init__(self, vae: Any) -> None:
        """Keep the VAE; only its decoder learns."""
        super().__init__()
        self.vae = vae.requires_grad_(False)
        self.vae.decoder.requires_grad_(True)
        self.vae.post_quant_conv.requires_grad_(True)

    def forward(self, z: Tensor) -> Tensor:
        """Scaled latents (B, 4, 16, 16) to pictures (B, 3, 64, 64)."""
        return self.vae.decode(z / self.vae.config.scaling_factor).sample


def decoder_data() -> tuple[Tensor, Tensor]:
    """Latents of training pictures, and the pictures."""
    pictures = [drawn(PICTURES, seed=part_seed(part))[0] for part in range(PARTS)]
    return latents(PARTS)[0], torch.cat(pictures)


def decoder_loss(network: nn.Module, z: Tensor, x: Tensor, generator: torch.Generator) -> Tensor:
    """|y - x| + |y - x|^2 + |grad y - grad x| + 2 |G(y) - G(x)| + 0.2 |f(y) - f(x)|.

    y = D(z + noise). G is the root of the gradient energy in windows of 9 x 9 pixels, f what the
    classifier's first two convolutions answer: a perceptual term, Johnson et al. 2016, equation
    2, https://arxiv.org/abs/1603.08155. Means per element.
    """
    y = network(z + NOISE * torch.randn(z.shape, generator=generator).to(z))
    difference = y - x
    edges = difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
    strength = F.l1_loss(local_strength(y), local_strength(x))
    seen = sum((F.l1_loss(a, b) for a, b in zip(_seen(y), _seen(x), strict=True)), y.new_zeros(()))
    pixels = difference.abs().mean() + difference.square().mean()
    return pixels + edges + 2 * strength + 0.2 * seen


def local_strength(x: Tensor) -> Tensor:
    """The root of the mean squared gradient of pictures (B, 3, 64, 64) in windows of 9 x 9."""
    down, across = x.diff(dim=2)[..., :-1], x.diff(dim=3)[..., :-1, :]
    energy = (down.square() + across.square()).mean(1, keepdim=True)
    return (F.avg_pool2d(energy, 9) + 1e-4).sqrt()


def _seen(x: Tensor) -> list[Tensor]:
    """What the first two convolutions of the shipped classifier answer."""
    judge, seen = emoji_classifier(), []
    for convolution, norm in zip(judge.convolutions[:2], judge.norms[:2], strict=True):
        x = F.silu(norm(convolution(x)))
        seen.append(x)
    return seen


def save_decoder(network: Any, models: Path) -> None:
    """Write the VAE: its encoder and scale stay, so its latents and their preview do."""
    write_vae(network.vae, models / NAME)


RECIPES: dict[str, Recipe] = {
    "emoji-decoder": Recipe(
        lambda: Decoder(shipped_vae()),
        decoder_data,
        decoder_loss,
        save_decoder,
        steps=240,
        batch=16,
        rate=5e-4,
        fall=0.5,
    )
}
