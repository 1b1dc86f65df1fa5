"""Round trips with every method on the text-to-image model, against the VAE's own D(E(x)).

The bars are those of exact arithmetic where a method is exact; of the others they were set once,
below the figures of this model. Those of all 16 pictures are in its card.
"""

from functools import cache

import pytest

from core.inversion import INVERSIONS, finish
from core.metrics import neighbour_correlation, rms
from tests.benchmarks.quality_inversion import PATIENT, found_again, held_out, returned

pytestmark = pytest.mark.slow
COUNT = 2
inverted = cache(held_out)


@cache
def ratio(name, guidance=1.0, steps=50, count=COUNT):
    """PSNR of the round trip, in dB."""
    return returned(inverted(name, guidance, count, steps), guidance)


def test_ddim_gets_better_with_the_steps_and_worse_with_guidance():
    ratios = [ratio("ddim", steps=steps) for steps in (20, 50, 100)]
    assert ratios == sorted(ratios) and ratios[1] > 30
    assert ratio("ddim", 7.5) < min(20, ratios[1])


def test_the_noise_is_gaussian_where_the_steps_are_solved():
    """That of DDIM itself is too quiet with this model: a spread of 0.8."""
    spreads = []
    for name in ("ddim", "anderson"):
        noise = inverted(name, 1.0, 8, 50).trajectory[-1]
        assert noise.mean().abs() < 0.05 and neighbour_correlation(noise) < 0.15
        spreads.append(noise.std())
    assert 0.75 < spreads[0] < 0.9 < spreads[1] < 1.15


@pytest.mark.parametrize("guidance", [1.0, 7.5])
@pytest.mark.parametrize("name", ["residual", "edit_friendly", "prompt_to_prompt"])
def test_stored_residuals_reconstruct(name, guidance):
    inversion = inverted(name, guidance, COUNT, 50)
    back = finish(INVERSIONS[name].edit(inversion, inversion.prompt, guidance=guidance))
    assert rms(back - inversion.trajectory[0]) < 1e-4
    assert ratio(name, guidance) > 60


@pytest.mark.parametrize("name", ["edict", "belm"])
def test_reversible_rules_reconstruct(name):
    assert ratio(name) > 55 and ratio(name, 7.5) > 40


def test_anderson_reconstructs():
    assert ratio("anderson") > 45 and ratio("anderson", 7.5) > ratio("ddim", 7.5) + 8


def test_what_anderson_leaves_can_be_stored():
    """The way down of the residual method along Anderson's way up."""
    inversion = inverted("anderson", 7.5, COUNT, 50)
    assert returned(inversion, 7.5, way="residual") > 60


def test_the_noise_of_a_sample_is_found_again_where_the_last_step_keeps_it():
    """The step to the clean level itself is the prediction, which forgets part of the noise."""
    assert found_again(PATIENT, clean=False) < 1e-3
    missed = [found_again(INVERSIONS[name], clean=True) for name in ("ddim", "anderson")]
    assert missed[1] < missed[0] / 2
    assert 0.05 < found_again(PATIENT, clean=True) < missed[0] / 2


@pytest.mark.parametrize("guidance", [0.0, 3.0, 7.5])
def test_a_negative_prompt_takes_guidance_out(guidance):
    ddim, negative = (inverted(name, 1.0, COUNT, 50) for name in ("ddim", "negative_prompt"))
    plain = finish(INVERSIONS["ddim"].edit(ddim, ddim.prompt))
    back = finish(INVERSIONS["negative_prompt"].edit(negative, ddim.prompt, guidance=guidance))
    assert (back - plain).abs().max() < 1e-4


def test_null_text_beats_ddim_under_guidance():
    """The fit differs from picture to picture: fewer than eight would be a draw of lots."""
    fitted, guided, free = (
        ratio(name, guidance, 20, count=8)
        for name, guidance in (("null_text", 7.5), ("ddim", 7.5), ("ddim", 1.0))
    )
    assert fitted > max(guided + 6, free - 3)
