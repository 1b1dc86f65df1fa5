"""How good the digit model with a learned variance is, beside the same with fixed ones.

bits       the bound on the likelihood of 64 test digits in bits per dimension, by steps
table      Frechet distance of 1,000 digits by DDPM as in quality_digits, by steps
"""

from __future__ import annotations

from core.data import mnist, signed
from core.likelihood import prior, terms
from core.models import load
from core.noise import seeded
from core.samplers import VARIANCES
from tests.benchmarks.quality import Card, table
from tests.benchmarks.quality_digits import distance

NAME = "digits-variance"
CARD = Card(NAME, "unet/*.safetensors")
COUNT = 64
BOUND, STEPS = (5, 10, 20, 50, 100, 1000), (5, 10, 20, 50)
OPTIONS = {
    "posterior": {"eta": 1.0},
    "beta": {"variance": "beta"},
    "learned": {"variance": "learned"},
}


def bits(steps: int) -> list[float]:
    """Bits per dimension of test digits, told their label, with each variance."""
    model = load(NAME, device="cpu")
    images, labels = (part[:COUNT] for part in mnist("test"))
    x0, denoise = signed(images), model.denoiser([str(each) for each in labels.tolist()])
    each = terms(denoise, model.schedule, x0, seeded(0, COUNT), VARIANCES, steps)
    rest = prior(model.schedule, x0).mean().item()
    return [sum(column) + rest for column in zip(*each, strict=True)]


def bits_section() -> str:
    """The bound, by steps and variance."""
    found = {steps: CARD.remembered(f"bits {steps}", lambda s=steps: bits(s)) for steps in BOUND}
    rows = [
        [name, *(f"{found[steps][k]:.3f}" for steps in BOUND)] for k, name in enumerate(VARIANCES)
    ]
    return table(["variance", *(f"S = {steps}" for steps in BOUND)], rows)


def table_section() -> str:
    """The Frechet distances, measured column by column and written after each."""
    text = ""
    for count in range(1, len(STEPS) + 1):
        rows = [
            [name, *(f"{cell(name, steps):.2f}" for steps in STEPS[:count])] for name in VARIANCES
        ]
        text = table(["variance", *(f"S = {steps}" for steps in STEPS[:count])], rows)
        CARD.write("table", text)
    return text


def cell(name: str, steps: int) -> float:
    """The distance with a variance."""
    return CARD.remembered(f"{name}, S {steps}", lambda: distance(steps, OPTIONS[name], CARD))


SECTIONS = {"bits": bits_section, "table": table_section}
