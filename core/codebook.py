"""The shipped autoencoder whose latents are words of a codebook; `core.training.vq` trains it."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from core.files import shipped
from core.models.folder import STEMS, weight_files
from core.models.parts import CONFIG, built, filled

FOLDER = "assets/models/emoji-vq"


class Codebook:
    """A VQ-VAE of pictures; van den Oord et al. 2017, https://arxiv.org/abs/1711.00937.

    Where a VAE keeps the numbers h = E(x) of each place, this keeps the index of the nearest of
    K words e_1 .. e_K.

    Attributes:
        words: e, (K, C).
    """

    def __init__(self, network: Any) -> None:
        """Take the parts of a diffusers VQModel."""
        self.network, self.words = network, network.quantize.embedding.weight

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """h = E(x) before the codebook: (B, 3, H, W) in [-1, 1] to (B, C, H / 4, W / 4)."""
        return self.network.encode(x).latents

    def codes(self, h: Tensor) -> Tensor:
        """k = argmin_k |h - e_k| at each place: (B, C, h, w) to indices (B, h, w)."""
        rows = h.movedim(1, -1)
        nearest = torch.cdist(rows.flatten(0, -2), self.words).argmin(1)
        return nearest.view(rows.shape[:-1])

    def latents(self, codes: Tensor) -> Tensor:
        """e_k of indices k: (B, h, w) to (B, C, h, w)."""
        return self.words[codes].movedim(-1, 1)

    @torch.no_grad()
    def decode(self, e: Tensor) -> Tensor:
        """D(e): latents (B, C, h, w) to pictures (B, 3, 4 h, 4 w), about [-1, 1]."""
        return self.network.decode(e, force_not_quantize=True, return_dict=False)[0]


@cache
def emoji_codebook() -> Codebook:
    """That of the emoji pictures, of 64 pixels. ValueError where its files are broken."""
    folder = shipped(FOLDER)
    network = built("vq", folder, folder.json(CONFIG))
    return Codebook(filled(network, folder, weight_files(folder, STEMS["vae"])))
