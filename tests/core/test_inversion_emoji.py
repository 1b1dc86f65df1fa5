"""Round trips with every method on the text-to-image model, against the VAE's own D(E(x)).

The bars are those of exact arithmetic where a method is exact; of the others they were set once,
below the figures of this model. Those of all 16 pictures are in its card. Methods that solve for
something are in `test_inversion_solved.py`.
"""

import pytest

from core.inversion import INVERSIONS, finish
from core.metrics import rms
from tests.benchmarks.quality_inversion import likeness
from tests.core.emoji_trips import COUNT, inverted, ratio

pytestmark = pytest.mark.slow


def test_ddim_gets_better_with_the_steps_and_worse_with_guidance():
    ratios = [ratio("ddim", steps=steps) for steps in (20, 50, 100)]
    assert ratios == sorted(ratios) and ratios[1] > 30
    assert ratio("ddim", 7.5) < min(20, ratios[1])


@pytest.mark.parametrize("guidance", [1.0, 7.5])
@pytest.mark.parametrize("name", ["residual", "edit_friendly", "prompt_to_prompt"])
def test_stored_residuals_reconstruct(name, guidance):
    inversion = inverted(name, guidance, COUNT, 50)
    back = finish(INVERSIONS[name].edit(inversion, inversion.prompt, guidance=guidance))
    assert rms(back - inversion.trajectory[0]) < 1e-4
    assert likeness(inversion, back) > 60


@pytest.mark.parametrize("name", ["edict", "belm"])
def test_reversible_rules_reconstruct(name):
    assert ratio(name) > 55 and ratio(name, 7.5) > 40


@pytest.mark.parametrize("guidance", [0.0, 3.0, 7.5])
def test_a_negative_prompt_takes_guidance_out(guidance):
    ddim, negative = (inverted(name, 1.0, COUNT, 50) for name in ("ddim", "negative_prompt"))
    plain = finish(INVERSIONS["ddim"].edit(ddim, ddim.prompt))
    back = finish(INVERSIONS["negative_prompt"].edit(negative, ddim.prompt, guidance=guidance))
    assert (back - plain).abs().max() < 1e-4
