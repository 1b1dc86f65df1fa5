"""How good the digit model is.

labels     share of 1,000 digits (50 DDIM steps, guidance 2) that the classifier reads as asked
inversion  round-trip mean squared error of 64 test digits at S = 10, 20, 50, 100 steps
table      Frechet distance on standardised classifier features, n = 1,000, for five kinds of
           noise and six step counts, beside the distance of two real samples of that size
"""

from __future__ import annotations

import shutil
from typing import Any

import torch
from torch import Tensor

from core.classifiers import digit_features, read_digits
from core.data import mnist, signed
from core.denoisers import Denoiser
from core.inversion import INVERSIONS, finish
from core.metrics import frechet, mse
from core.models import Model, load
from core.samplers import SAMPLERS, seeded
from tests.benchmarks.quality import ROOT, Card, table

CARD = Card("digits", "unet/*.safetensors")
PARTS = ROOT / "checkpoints/quality"
COUNT, BATCH = 1000, 10  # small batches stay in the cache of a CPU
ASKED = [str(label) for label in range(BATCH)]  # a label for each row of a batch
NOISES = {
    "eta 0": {"eta": 0.0},
    "eta 0.2": {"eta": 0.2},
    "eta 0.5": {"eta": 0.5},
    "eta 1": {"eta": 1.0},
    "sigma-hat": {"variance": "beta"},
}
STEPS = (5, 10, 20, 50, 100, 1000)


def generated(
    steps: int, guidance: float, options: dict, card: Card = CARD
) -> tuple[Tensor, Tensor]:
    """1,000 digits by DDIM of a model, 100 of each label, and their labels.

    An interrupted run goes on after the last batch that it has left in `PARTS`.
    """
    model = load(card.name, device="cpu")
    denoise = model.denoiser(ASKED, guidance=guidance)
    said = " ".join(f"{option} {value}" for option, value in options.items())
    parts = PARTS / card.digest() / f"{card.name}, guidance {guidance:g}, S {steps}, {said}"
    parts.mkdir(parents=True, exist_ok=True)
    batches = []
    for first in range(0, COUNT, BATCH):
        part = parts / f"{first}.pt"
        if not part.exists():
            torch.save(batch(model, denoise, steps, first, **options), part.with_suffix(".tmp"))
            part.with_suffix(".tmp").rename(part)
        batches.append(torch.load(part))
    shutil.rmtree(parts)
    return torch.cat(batches), torch.arange(COUNT) % BATCH


def batch(model: Model, denoise: Denoiser, steps: int, seed: int, **options: Any) -> Tensor:
    """Ten digits by DDIM, of the labels that are `ASKED`."""
    levels, noise = model.schedule.levels(steps), seeded(seed, BATCH)
    x = model.start(noise, levels[0], BATCH)
    for step in SAMPLERS["ddim"](denoise, x, levels, noise=noise, **options):
        x = step.x_next
    return x.clamp(-1, 1)


def label_accuracy() -> float:
    """Share of generated digits that are read as their label."""
    pictures, labels = generated(50, 2.0, {})
    return (read_digits(pictures).argmax(1) == labels).double().mean().item()


def classifier_accuracy() -> float:
    """Share of the test set that the classifier reads right."""
    images, labels = mnist("test")
    return (read_digits(signed(images)).argmax(1) == labels).double().mean().item()


def round_trip(steps: int) -> float:
    """Mean squared error in [0, 1] after inverting and reconstructing 64 test digits."""
    model = load("digits", device="cpu")
    images, labels = (part[:64] for part in mnist("test"))
    x0 = signed(images)
    prompts = [str(label) for label in labels.tolist()]
    method = INVERSIONS["ddim"]
    inversion = finish(method.invert(model, x0, prompts, steps=steps))
    back = finish(method.edit(inversion, prompts))
    return mse(model.pixels(back), model.pixels(x0))


def features(x: Tensor) -> Tensor:
    """Classifier features, each divided by its spread over the real test set."""
    real = digit_features(signed(mnist("test")[0]))
    return digit_features(x) / real.std(0).clamp(min=1e-3)


def real_features() -> Tensor:
    """Standardised features of the first 1,000 test digits."""
    return features(signed(mnist("test")[0][:COUNT]))


def distance(steps: int, options: dict, card: Card = CARD) -> float:
    """Frechet distance of digits that a model has generated (guidance 1) to real ones."""
    return frechet(features(generated(steps, 1.0, options, card)[0]), real_features())


def floor() -> float:
    """Frechet distance of 1,000 other real digits to the real ones."""
    return frechet(features(signed(mnist("test")[0][COUNT : 2 * COUNT])), real_features())


def labels_section() -> str:
    """The label accuracy."""
    read = CARD.remembered("classifier accuracy", classifier_accuracy)
    asked = CARD.remembered("label accuracy", label_accuracy)
    return (
        f"The shipped classifier reads {read:.2%} of the 10,000 test digits; it reads {asked:.1%} "
        f"of {COUNT} generated digits (50 DDIM steps, guidance 2) as the label asked for."
    )


def inversion_section() -> str:
    """The round-trip errors."""
    steps = (10, 20, 50, 100)
    cells = [CARD.remembered(f"round trip {s}", lambda s=s: round_trip(s)) for s in steps]
    return table(
        ["steps", *(f"S = {s}" for s in steps)], [["MSE", *(f"{cell:.2e}" for cell in cells)]]
    )


def table_section() -> str:
    """The Frechet table, measured column by column and written after each."""
    base = CARD.remembered("floor", floor)
    for count in range(1, len(STEPS) + 1):
        for name, options in NOISES.items():
            steps = STEPS[count - 1]
            CARD.remembered(f"{name}, S {steps}", lambda s=steps, o=options: distance(s, o))
        head = ["noise", *(f"S = {s}" for s in STEPS[:count])]
        rows = [
            [name, *(f"{CARD.stored()[f'{name}, S {s}']:.2f}" for s in STEPS[:count])]
            for name in NOISES
        ]
        text = f"{table(head, rows)}\n\nReal against real digits at n = {COUNT}: {base:.2f}."
        CARD.write("table", text)
    return text


SECTIONS = {"labels": labels_section, "inversion": inversion_section, "table": table_section}
