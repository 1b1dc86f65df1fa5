"""Round trips with every method on real digits."""

from functools import cache
from itertools import pairwise

import pytest

from core.data import mnist, signed
from core.inversion import INVERSIONS, finish
from core.metrics import psnr
from core.models import load

pytestmark = pytest.mark.slow


@cache
def ratio(name, guidance=1.0, steps=50):
    """PSNR of the round trip in dB, averaged over two digits.

    Methods that correct nothing invert at guidance 1, which is the best they can do.
    """
    model, method = load("digits", device="cpu"), INVERSIONS[name]
    images, labels = (part[:2] for part in mnist("test"))
    x0, prompts = signed(images), [str(label) for label in labels.tolist()]
    up = 1.0 if name == "ddim" else guidance
    inversion = finish(method.invert(model, x0, prompts, steps=steps, guidance=up))
    back = finish(method.edit(inversion, prompts, guidance=guidance))
    pairs = zip(model.pixels(back), model.pixels(x0), strict=True)
    return sum(psnr(a, b) for a, b in pairs) / len(x0)


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
