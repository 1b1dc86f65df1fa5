"""Round trips with every method on the text-to-image model, against the VAE's own D(E(x))."""

from functools import cache

import pytest

from tests.benchmarks.quality_emoji import reconstruction

pytestmark = pytest.mark.slow


@cache
def ratio(name, guidance=1.0, steps=50):
    return reconstruction(name, guidance, count=4, steps=steps)[0]


def test_ddim_gets_better_with_the_steps_and_worse_with_guidance():
    ratios = [ratio("ddim", steps=steps) for steps in (20, 50, 100)]
    assert ratios == sorted(ratios) and ratios[1] > 30
    assert ratio("ddim", 7.5) < min(20, ratios[1])


@pytest.mark.parametrize("guidance", [1.0, 7.5])
@pytest.mark.parametrize("name", ["residual", "edit_friendly", "prompt_to_prompt"])
def test_stored_residuals_reconstruct(name, guidance):
    assert ratio(name, guidance) > 60


@pytest.mark.parametrize("name", ["edict", "belm"])
def test_reversible_rules_reconstruct(name):
    assert ratio(name) > 55 and ratio(name, 7.5) > 40


def test_anderson_reconstructs():
    assert ratio("anderson") > 45 and ratio("anderson", 7.5) > ratio("ddim", 7.5) + 8


def test_a_negative_prompt_takes_guidance_out():
    assert ratio("negative_prompt", 7.5) == pytest.approx(ratio("ddim"), abs=1e-3)


def test_null_text_beats_ddim_under_guidance():
    assert ratio("null_text", 7.5) > ratio("ddim", 7.5) + 6
