"""What autoguidance does to digits, beside classifier-free guidance.

scale      of 500 generated digits (20 DDIM steps, each asked for its label), over the scale: the
           share that the classifier reads as asked, and the Frechet distance on standardised
           classifier features to the first 500 test digits
"""

from __future__ import annotations

from typing import Any

import torch

from core.classifiers import read_digits
from core.metrics import frechet
from core.models import load
from tests.benchmarks.quality import Card, table
from tests.benchmarks.quality_digits import ASKED, BATCH, batch, features, real_features

CARD = Card("digits-early", "model.safetensors", "../digits/unet/*.safetensors")
SCALES = (1.0, 1.5, 2.0, 3.0, 4.0)
COUNT, STEPS = 500, 20
KINDS = ("autoguidance", "classifier-free")


def measured(kind: str, scale: float) -> list[float]:
    """Read as asked, and the Frechet distance."""
    model: Any = load("digits", device="cpu")
    auto = kind == "autoguidance"
    denoise = model.autoguided(ASKED, scale) if auto else model.denoiser(ASKED, guidance=scale)
    found = torch.cat([batch(model, denoise, STEPS, seed) for seed in range(0, COUNT, BATCH)])
    labels = torch.arange(COUNT) % len(ASKED)
    read = (read_digits(found).argmax(1) == labels).double().mean().item()
    return [read, frechet(features(found), real_features()[:COUNT])]


def scale_section() -> str:
    """Both kinds of guidance over the scale."""
    rows = []
    for kind in KINDS:
        cells = [
            CARD.remembered(f"{kind} {s}", lambda s=s, k=kind: measured(k, s)) for s in SCALES
        ]
        rows.append([f"{kind}, read as asked", *(f"{read:.1%}" for read, _ in cells)])
        rows.append([f"{kind}, Frechet distance", *(f"{far:.2f}" for _, far in cells)])
    return table(["guidance", *(f"w = {scale:g}" for scale in SCALES)], rows)


SECTIONS = {"scale": scale_section}
