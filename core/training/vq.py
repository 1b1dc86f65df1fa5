"""Recipe `emoji-vq`: an autoencoder whose latents are words of a codebook, beside `emoji-vae`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.data.emoji import drawn
from core.paths import WEIGHTS
from core.training.base import Recipe
from core.training.vae import SHAPE, forget_paths, shape_loss

NAME = "emoji-vq"
CODES = 4096
IDLE = 50  # batches after which a code that no latent has chosen begins anew


def vq() -> nn.Module:
    """A diffusers VQModel of 0.7 M parameters: 3 x 64 x 64 to 16 x 16 of 4,096 codes."""
    from diffusers import VQModel

    autoencoder: Any = VQModel
    return autoencoder(
        block_out_channels=(16, 32, 64), vq_embed_dim=4, num_vq_embeddings=CODES, **SHAPE
    )


class Quantised(nn.Module):
    """The autoencoder as one module to train; it counts for how long each code was not chosen."""

    idle: Tensor

    def __init__(self, network: nn.Module) -> None:
        """Wrap a diffusers VQModel."""
        super().__init__()
        self.vq: Any = network
        self.vq.quantize.legacy = False  # that would give beta to the other one of its two terms
        self.register_buffer("idle", torch.full((CODES,), IDLE))

    def forward(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The decoded codes of pictures x, and the loss of the codebook.

        That is |sg(h) - e|^2 + beta |h - sg(e)|^2, means per element, with beta = 0.25; van den
        Oord et al. 2017, equation 3, https://arxiv.org/abs/1711.00937. A code that was not chosen
        for so long takes the place of a latent of this batch; Dhariwal et al. 2020, section 3.1,
        https://arxiv.org/abs/2005.00341.
        """
        h = self.vq.encode(x).latents.float()
        book = self.vq.quantize.embedding.weight
        with torch.no_grad():
            rows = h.movedim(1, -1).flatten(0, -2)
            stale = (self.idle >= IDLE).nonzero().flatten()
            chosen = torch.randint(len(rows), (len(stale),), generator=generator)
            book[stale] = rows[chosen.to(rows.device)]
            self.idle[stale] = 0
        e, loss, (_, _, codes) = self.vq.quantize(h)
        with torch.no_grad():
            self.idle += 1
            self.idle[codes.unique()] = 0
        return self.vq.decode(e, force_not_quantize=True).sample, loss


def vq_loss(network: nn.Module, x: Tensor, generator: torch.Generator) -> Tensor:
    """That of the picture, as for the VAE, and that of the codebook."""
    y, codebook = network(x, generator)
    return shape_loss(y - x) + codebook


@torch.no_grad()
def save_vq(network: Any, models: Path) -> None:
    """Write the autoencoder in half precision."""
    network.vq.half().save_pretrained(models / NAME)
    forget_paths(models / NAME)


def shipped_vq() -> nn.Module:
    """The shipped autoencoder in single precision, to be trained further."""
    from diffusers import VQModel

    network: Any = VQModel.from_pretrained(WEIGHTS / NAME, dtype=torch.float32)
    return Quantised(network.train())


RECIPES: dict[str, Recipe] = {
    "emoji-vq": Recipe(
        lambda: Quantised(vq()),
        lambda: (drawn(20_000, seed=1)[0],),
        vq_loss,
        save_vq,
        steps=6_000,
        batch=16,
        rate=2e-3,
        precision="bf16",
        shipped=shipped_vq,
    )
}
