"""An exact mixture of Gaussians, draws of it, and round trips: what tests of inversions share."""

from typing import Any

from core.denoisers import Prediction, from_x0
from core.inversion import INVERSIONS, finish
from core.metrics import rms
from tests.core import Toy, normal

WAYS: Any = {"steps": 50, "spacing": "leading"}
ANY_MODEL = [name for name, method in INVERSIONS.items() if not method.needs_text]


class Mixture:
    """The exact denoiser of a mixture of Gaussians N(mean_k, 0.3^2) with equal weights."""

    cost = 0

    def __init__(self, means):
        self.means = means

    def __call__(self, x, level) -> Prediction:
        variance = level.alpha**2 * 0.09 + level.sigma**2
        away = x.flatten(1)[:, None] - level.alpha * self.means
        weights = (-away.square().sum(2) / (2 * variance)).softmax(1)[..., None]
        x0 = (weights * (self.means + level.alpha * 0.09 * away / variance)).sum(1)
        return from_x0(x, level, x0.view(x.shape))


MEANS = 0.7 * normal(6, 16, seed=1)
PARTS = {"": MEANS, "left": MEANS[:3], "right": MEANS[3:]}


def mixture():
    return Toy(lambda prompt: Mixture(PARTS[prompt]))


def draws():
    """Draws of the mixture's left part."""
    return (MEANS[[0, 1, 2, 0]] + 0.3 * normal(4, 16, seed=2)).view(4, 1, 4, 4)


def round_trip(method, model, x0, prompt="", guidance=1.0, **ways):
    inversion = finish(method.invert(model, x0, prompt, guidance=guidance, **{**WAYS, **ways}))
    return rms(finish(method.edit(inversion, prompt)) - x0)
