"""Edits in closed form on exact denoisers, and masks."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from core.denoisers import Gaussian, Prediction
from core.inversion import INVERSIONS, difference_mask, finish
from tests.core import Toy, gaussian, normal
from tests.core.mixtures import ANY_MODEL, WAYS, round_trip


@pytest.mark.parametrize("k", [50, 40, 25, 10])
@pytest.mark.parametrize("name", ["fixed_point", "residual"])
def test_an_edit_between_gaussians_is_a_shift(name, k):
    """x0 + (mu' - mu) (1 - prod g_i), g_i = (s^2 + k_i k_(i-1)) / (s^2 + k_i^2)."""
    method = INVERSIONS[name]
    if name == "fixed_point":
        method = replace(method, iterations=60, tolerance=1e-15)
    model, x0 = gaussian(), 0.3 + 0.5 * normal(4, 1, 4, 4)
    inversion = finish(method.invert(model, x0, "0.3", **WAYS))
    moved = finish(method.edit(inversion, "-0.8", strength=k / 50)) - x0
    kappas = [level.sigma / level.alpha for level in inversion.levels]
    gain = math.prod(
        (0.25 + low * high) / (0.25 + high**2) for low, high in list(pairwise(kappas))[:k]
    )
    expected = model.schedule.final.alpha * (-1.1) * (1 - gain)
    assert (moved - expected).abs().max() < 1e-10
    published = {50: -1.059525, 40: -0.988174, 25: -0.770507, 10: -0.370149}
    assert expected == pytest.approx(published[k], abs=2e-6)


@pytest.mark.parametrize("k, published", [(50, -1.497181), (30, -1.421164)])
def test_an_edit_friendly_edit_between_gaussians_is_a_shift(k, published):
    model, x0 = gaussian(0.7), 0.7 + 0.5 * normal(4, 1, 4, 4)
    inversion = finish(INVERSIONS["edit_friendly"].invert(model, x0, "0.7", **WAYS))
    moved = finish(INVERSIONS["edit_friendly"].edit(inversion, "-0.8", strength=k / 50)) - x0
    assert moved.std() < 1e-12
    assert moved.mean().item() == pytest.approx(published, abs=2e-6)


class Factors:
    """Two independent halves: content, which no prompt mentions, and a class."""

    cost = 0

    def __init__(self, mean):
        self.parts = Gaussian(0.1, 0.6), Gaussian(mean, 0.4)

    def __call__(self, x, level) -> Prediction:
        halves = zip(self.parts, x.chunk(2, dim=-1), strict=True)
        seen = [part(half, level) for part, half in halves]
        x0, eps = (torch.cat([getattr(s, part) for s in seen], dim=-1) for part in ("x0", "eps"))
        return Prediction(x0, eps)


@pytest.mark.parametrize("guidance", [1, 5])
@pytest.mark.parametrize("name", ["residual", "edit_friendly", "belm"])
def test_exact_methods_keep_what_the_prompt_does_not_mention(name, guidance):
    model = Toy(lambda prompt: Factors(float(prompt or 0)))
    x0 = normal(4, 1, 4, 8)
    method = INVERSIONS[name]
    inversion = finish(method.invert(model, x0, "1", guidance=guidance, **WAYS))
    edited = finish(method.edit(inversion, "-1", strength=0.8))
    kept, changed = (edited - x0).abs().chunk(2, dim=-1)
    assert kept.max() < (1e-10 if name == "belm" else 1e-12)
    assert changed.min() > 0.1


@pytest.mark.parametrize("label, std, ratio", [("ddim_current", 1, 2), ("ddim", 1, 4)])
def test_orders_of_the_round_trip(label, std, ratio):
    """Euler's rule errs by O(1/N), the target label by O(1/N^2) on data of unit spread."""
    x0 = normal(4, 1, 4, 4)
    errors = [
        round_trip(INVERSIONS[label], gaussian(0.0, std), x0, steps=steps) for steps in (100, 200)
    ]
    assert errors[0] / errors[1] == pytest.approx(ratio, abs=0.3)


# ---- masks --------------------------------------------------------------------------------------


def test_the_mask_covers_what_the_prompts_disagree_on():
    model = Toy(lambda prompt: Factors(float(prompt or 0)))
    mask = difference_mask(model, normal(2, 1, 4, 8), "1", "-1", limit=0.5)
    assert mask.shape == (2, 1, 4, 8)
    kept, changed = mask.chunk(2, dim=-1)
    assert kept.max() == 0 and changed.min() == 1
    assert difference_mask(model, normal(2, 1, 4, 8), "1", "1").max() == 0


@pytest.mark.parametrize("ways", [{"maps": 0}, {"limit": 0}, {"strength": 2}])
def test_masks_that_cannot_be(ways):
    with pytest.raises(ValueError, match="must be"):
        difference_mask(gaussian(), normal(1, 1, 4, 4), "1", "0", **ways)


@pytest.mark.parametrize("name", ANY_MODEL)
def test_outside_of_the_mask_the_picture_stays(name):
    method, x0 = INVERSIONS[name], normal(2, 1, 4, 4)
    mask = torch.zeros(1, 1, 4, 4).double()
    mask[..., 2:] = 1
    inversion = finish(method.invert(gaussian(), x0, "0.3", **WAYS))
    edited = finish(method.edit(inversion, "-0.8", strength=0.8, mask=mask))
    kept, changed = (edited - x0).abs().chunk(2, dim=-1)
    assert kept.max() == 0 and changed.min() > 0.01
