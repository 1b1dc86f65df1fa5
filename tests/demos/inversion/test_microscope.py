"""The microscope of the last tab, on Gaussians in closed form and on real runs."""

import math

import pytest

from core.inversion import INVERSIONS, finish
from core.metrics import rms
from demos import inversion, microscope
from demos.inverting import invert
from demos.views.numbers import noise_share, percent
from tests.core import gaussian, normal


def run(method="ddim", **ways):
    *_, (_, session) = invert(steps=6, method=method, **ways)
    return session


def test_what_a_step_takes_for_granted_is_that_of_the_formula():
    """Of unit Gaussian data eps = sigma x at every level, so both figures can be written out."""
    x0 = normal(2, 1, 4, 4)
    method = INVERSIONS["ddim"]
    done = finish(method.invert(gaussian(0.0, 1.0), x0, "0", steps=8))
    looked = finish(microscope.look(done))
    path, levels = done.trajectory, done.levels
    eps = [level.sigma * x for level, x in zip(levels, path, strict=True)]
    assert looked.moved == pytest.approx([rms(eps[i] - eps[i - 1]) for i in range(2, 9)])
    for i, missed in enumerate(looked.missed, start=1):
        kept = levels[i].alpha * levels[i - 1].alpha + levels[i].sigma * levels[i - 1].sigma
        assert missed == pytest.approx(rms(path[i - 1] - kept * path[i]), abs=1e-12)
    assert looked.added[-1] == pytest.approx(looked.missed[-1])
    # A linear flow has one direction for every picture: all misses point the same way.
    assert looked.added[0] == pytest.approx(sum(looked.missed), rel=0.02)


def test_residuals_of_a_solved_fixed_point_vanish():
    x0 = normal(2, 1, 4, 4)
    found = {}
    for name in ("ddim", "anderson"):
        done = finish(INVERSIONS[name].invert(gaussian(0.0, 1.0), x0, "0", steps=8))
        found[name] = max(finish(microscope.look(done)).missed)
    assert found["anderson"] < found["ddim"] / 100


def test_the_report_says_where_the_error_arises():
    session = run()
    assert len(session.off) == 7 and session.off[0] == 0
    said = microscope.where(session.inversion, session.off)
    assert said.startswith("The error arises ") and " noise: there" in said
    exact = run("residual")
    assert "stays on the way up at all 6 levels" in microscope.where(exact.inversion, exact.off)
    random = run("sdedit")
    assert "inverts nothing" in microscope.where(random.inversion, random.off)


def test_the_error_arises_where_the_distance_grows():
    """A way back that leaves at one level and keeps its distance, of 4 levels."""
    done = finish(INVERSIONS["ddim"].invert(gaussian(0.0, 1.0), normal(2, 1, 4, 4), "0", steps=4))
    share = percent(noise_share(done.levels[2]))
    said = microscope.where(done, [0, 0, 0.5, 0.5, 0.5])
    assert f"arises at {share} noise" in said and said.endswith("it hardly grows.")
    assert "hardly" not in microscope.where(done, [0, 0, 0, 0, 0.5])


def test_noise_that_is_none_is_called_so():
    noise = normal(1, 4, 16, 16)
    assert microscope.judged(noise) == ""
    assert "its spread is" in microscope.judged(3 * noise)
    assert "not noise" in microscope.judged((noise + noise.roll(1, -1)) / 2**0.5)


def test_the_report_shows_errors_spectrum_and_noise_check():
    session = run()
    html = microscope.report(session.inversion, session.off)
    assert html.count("<svg") == 2 and "correlation of neighbours" in html
    *_, measured = inversion.measured(session)
    assert measured.count("polyline") == html.count("polyline") + 3
    assert "Residual: what one DDIM step" in measured and "nan" not in measured
    with pytest.raises(ValueError, match="invert a picture first"):
        list(inversion.measured(None))


def test_what_is_not_there_is_drawn_at_the_foot_of_the_axis():
    assert microscope.drawn([0.0, 1.0, 1e-20]) == [math.log10(microscope.LEAST), 0, -8]
