"""Round trips with every method on real digits."""

from functools import cache
from itertools import pairwise

import pytest

from core.data import mnist, signed
from core.inversion import INVERSIONS, finish
from core.metrics import mse
from core.models import load
from tests.benchmarks.quality_inversion import returned

pytestmark = pytest.mark.slow


@cache
def inverted(name, guidance=1.0, steps=50):
    """Two digits, four where a method only comes near, and inverts at guidance 1, its best."""
    near = name == "ddim"
    model, up = load("digits", device="cpu"), 1.0 if near else guidance
    images, labels = (part[: 4 if near else 2] for part in mnist("test"))
    prompts = [str(label) for label in labels.tolist()]
    method = INVERSIONS[name]
    return finish(method.invert(model, signed(images), prompts, steps=steps, guidance=up))


@cache
def ratio(name, guidance=1.0, steps=50):
    """PSNR of the round trip in dB, averaged."""
    return returned(inverted(name, guidance, steps), guidance)


def test_at_50_steps_the_reconstruction_cannot_be_told_from_the_picture():
    errors = []
    for steps in (10, 50):
        inversion = inverted("ddim", 1.0, steps)
        back = finish(INVERSIONS["ddim"].edit(inversion, inversion.prompt))
        pixels = inversion.model.pixels
        errors.append(mse(pixels(back), pixels(inversion.trajectory[0])))
    assert errors[1] < errors[0] / 3 and errors[1] < 5e-4


def test_ddim_gets_better_with_the_steps_and_worse_with_guidance():
    ratios = [ratio("ddim", steps=steps) for steps in (10, 20, 50, 100)]
    assert all(more > fewer for fewer, more in pairwise(ratios)) and ratios[2] > 30
    assert ratio("ddim", 7.5) < 20


@pytest.mark.parametrize("guidance", [1.0, 7.5])
@pytest.mark.parametrize("name", ["residual", "edit_friendly"])
def test_stored_residuals_reconstruct(name, guidance):
    assert ratio(name, guidance) > 60


@pytest.mark.parametrize("name", ["edict", "belm"])
def test_reversible_rules_reconstruct(name):
    assert ratio(name) > 55 and ratio(name, 7.5) > 40


def test_anderson_reconstructs():
    assert ratio("anderson") > 45
