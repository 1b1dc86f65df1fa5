"""The microscope, on Gaussians in closed form and on real runs."""

import html as markup
import json
import math
import re
from dataclasses import replace
from typing import Any

import pytest

from core.inversion import INVERSIONS, finish
from core.metrics import rms
from core.paths import ROOT
from demos.inversion import microscope, page
from demos.inversion.request import InvertRequest
from demos.inversion.run import invert
from demos.views.charts import FONT, WIDTH
from demos.views.numbers import noise_power, noise_share, percent
from demos.words import said, sentence
from tests.core import gaussian, normal
from tests.demos import finished, last, refused


def session_of(method="ddim", **ways):
    """What an inversion of a digit in 6 steps leaves."""
    return finished(invert(InvertRequest.of(method=method, steps=6, **ways)))


def sayings(html):
    """All that is said, as keys and values."""
    return [json.loads(markup.unescape(each)) for each in re.findall(r' data-say="(.*?)"', html)]


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
    session = session_of()
    assert len(session.off) == 7 and session.off[0] == 0
    told: Any = microscope.where(session)
    (key, values), *_ = told
    assert key == "microscope.between" and 0 < values["then"] < values["there"] <= 1
    assert values["worst"] == max(session.off)
    assert sentence(told).startswith("The error arises between ")
    exact = session_of("residual")
    worst = {"steps": 6, "worst": max(exact.off)}
    assert microscope.where(exact) == said("microscope.stays", **worst)
    assert microscope.where(session_of("sdedit")) == said("microscope.sdedit")


def test_the_error_arises_where_the_distance_grows():
    """A way back that leaves at one level and keeps its distance, of 4 levels."""
    session = finished(invert(InvertRequest.of(steps=4)))
    share = noise_power(session.inversion.levels[2], session.x0)
    (key, values), after = microscope.where(replace(session, off=[0, 0, 0.5, 0.5, 0.5]))
    assert key == "microscope.at" and values == {"there": share, "then": share, "worst": 0.5}
    assert after == said("microscope.after")
    grown = microscope.where(replace(session, off=[0, 0, 0, 0, 0.5]))
    assert [key for key, _ in grown] == ["microscope.at"]


def test_the_noise_where_it_arises_is_a_share_of_the_power():
    """With the power that this digit has, which is not 1."""
    session = finished(invert(InvertRequest.of(steps=4)))
    level, power = session.inversion.levels[2], session.x0.square().mean().item()
    share = level.sigma**2 / (level.alpha**2 * power + level.sigma**2)
    told: Any = microscope.where(replace(session, off=[0, 0, 0.5, 0.5, 0.5]))
    assert told[0][1]["there"] == pytest.approx(share)
    assert abs(share - noise_share(level)) > 0.005
    assert f"arises at {percent(share)} noise" in sentence(told)


def test_noise_that_is_none_is_called_so():
    noise = normal(1, 4, 16, 16)
    assert microscope.judged(noise) is None
    told: Any = microscope.judged(3 * noise)
    key, values = told
    assert key == "microscope.no_noise" and values["spread"] == pytest.approx(3, rel=0.1)
    assert microscope.judged((noise + noise.roll(1, -1)) / 2**0.5) is not None


def test_the_report_shows_errors_spectrum_and_noise_check():
    session = session_of()
    html = microscope.report(session)
    assert html.count("<svg") == 2 and "correlation of neighbours" in html
    looked = finish(microscope.look(session.inversion))
    measured = microscope.report(session, looked)
    assert measured.count("polyline") == html.count("polyline") + 3
    assert "Residual: what one DDIM step" in measured and "nan" not in measured


def test_every_step_can_be_measured_from_the_page():
    assert last(page.measured("recorded")).count("polyline") == 6
    assert "Invert a picture first" in refused(page.measured, None)


def test_every_column_and_line_of_the_noise_check_has_a_header():
    table = microscope.report(session_of()).split("<table")[1]
    columns = re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', table)
    assert columns == ["figure", "inverted noise", "one draw of true noise", "expected"]
    assert len(re.findall(r'<th scope="row"[^>]*>[^<]+</th>', table)) == 3


def test_all_that_is_said_is_said_in_chinese_too():
    session = session_of()
    html = microscope.report(session, finish(microscope.look(session.inversion)))
    texts = [sentence(say, "zh") for say in sayings(html)]
    assert len(texts) > 20
    for text in texts:
        assert not re.search(r"[A-Za-z]{2}", re.sub("DDIM|log-SNR|RMS", "", text)), text
    unsaid = re.sub(r'<[^>]*data-say="[^>]*>[^<]*', "", html)
    assert not re.search(r"[A-Za-z]", re.sub("<[^>]*>", "", unsaid)), "said in no language"
    assert html.count(" aria-label=") == html.count(" data-say-aria-label=") == 3


def test_a_text_of_a_chart_has_14_px_at_least_and_none_is_smaller_by_itself():
    """The style sheet gives a chart, which is 340 units wide, this width at least."""
    style = (ROOT / "assets/ui/css/inversion.css").read_text(encoding="utf-8")
    (least,) = re.findall(r"\.microscope svg {[^}]*min-width: (\d+)px", style)
    assert FONT * int(least) / WIDTH >= 14
    assert "font-size" not in microscope.report(session_of())


def test_what_is_not_there_is_drawn_at_the_foot_of_the_axis():
    assert microscope.drawn([0.0, 1.0, 1e-20]) == [math.log10(microscope.LEAST), 0, -8]
