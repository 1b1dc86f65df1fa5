"""How good the classifier of noisy digits is, and what guidance by it does.

accuracy   share of the 10,000 test digits that it reads right, over the timestep
scale      share of 500 generated digits (20 DDIM steps) that the classifier of clean digits reads
           as asked, over the scale, for both kinds of guidance
"""

from __future__ import annotations

import torch

from core.classifiers import noisy_digit_classifier, read_digits
from core.data import mnist, signed
from core.denoisers import Denoiser
from core.models import load, reads_labels
from core.noise import seeded
from core.samplers import SAMPLERS
from core.schedules import linear
from tests.benchmarks.quality import Card, table

CARD = Card("noisy-digit-classifier", "model.safetensors", "../digits/unet/*.safetensors")
TIMES = (0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 999)
SCALES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
COUNT, BATCH, STEPS = 500, 10, 20
KINDS = {"classifier-free": False, "classifier": True}


@torch.no_grad()
def accuracy(t: int) -> float:
    """Share of the test set that is read right at a timestep."""
    schedule, (images, labels) = linear(), mnist("test")
    generator = torch.Generator().manual_seed(t)
    right = 0
    for rows in torch.arange(len(labels)).split(500):
        x0 = signed(images[rows])
        eps = torch.randn(x0.shape, generator=generator)
        x = schedule.alpha[t].to(x0) * x0 + schedule.sigma[t].to(x0) * eps
        read = noisy_digit_classifier()(x, torch.tensor([t]))
        right += int((read.argmax(1) == labels[rows]).sum())
    return right / len(labels)


def guided(label: int, scale: float, classified: bool) -> Denoiser:
    """The digit model's denoiser of a label, by one kind of guidance."""
    model = load("digits", device="cpu")
    if classified and reads_labels(model):
        return model.classifier_guided(str(label), scale)
    return model.denoiser(str(label), guidance=scale)


def read_as_asked(scale: float, classified: bool) -> float:
    """Share of generated digits that are read as their label."""
    model, right = load("digits", device="cpu"), 0
    levels = model.schedule.levels(STEPS)
    for first in range(0, COUNT, BATCH):
        label, noise = first // BATCH % 10, seeded(first, BATCH)
        x = model.start(noise, levels[0], BATCH)
        for step in SAMPLERS["ddim"](guided(label, scale, classified), x, levels):
            x = step.x_next
        right += int((read_digits(x.clamp(-1, 1)).argmax(1) == label).sum())
    return right / COUNT


def accuracy_section() -> str:
    """The accuracy over t."""
    cells = [CARD.remembered(f"accuracy {t}", lambda t=t: accuracy(t)) for t in TIMES]
    return table(["t", *map(str, TIMES)], [["read right", *(f"{cell:.1%}" for cell in cells)]])


def scale_section() -> str:
    """Both kinds of guidance over the scale."""
    rows = []
    for name, classified in KINDS.items():
        cells = [
            CARD.remembered(f"{name} {s}", lambda s=s, c=classified: read_as_asked(s, c))
            for s in SCALES
        ]
        rows.append([name, *(f"{cell:.1%}" for cell in cells)])
    return table(["guidance", *(f"w = {scale:g}" for scale in SCALES)], rows)


SECTIONS = {"accuracy": accuracy_section, "scale": scale_section}
