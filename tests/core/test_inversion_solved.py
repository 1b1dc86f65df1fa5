"""Methods that solve for something, on the text-to-image model: a fixed point, or a fitted text.

Apart from the others, since the tests of a file run one after the other. The bars are as there.
"""

import pytest

from core.inversion import INVERSIONS
from core.metrics import neighbour_correlation
from tests.benchmarks.quality_inversion import PATIENT, found_again, returned
from tests.core.emoji_trips import COUNT, inverted, ratio

pytestmark = pytest.mark.slow


def test_the_noise_is_gaussian_where_the_steps_are_solved():
    """That of DDIM itself is too quiet with this model: a spread of 0.8."""
    spreads = []
    for name in ("ddim", "anderson"):
        noise = inverted(name, 1.0, 8, 50).trajectory[-1]
        assert noise.mean().abs() < 0.05 and neighbour_correlation(noise) < 0.15
        spreads.append(noise.std())
    assert 0.75 < spreads[0] < 0.9 < spreads[1] < 1.15


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


def test_null_text_beats_ddim_under_guidance():
    """The fit differs from picture to picture: fewer than eight would be a draw of lots."""
    fitted, guided, free = (
        ratio(name, guidance, 20, count=8)
        for name, guidance in (("null_text", 7.5), ("ddim", 7.5), ("ddim", 1.0))
    )
    assert fitted > max(guided + 6, free - 3)
