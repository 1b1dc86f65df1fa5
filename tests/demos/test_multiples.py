"""Many runs at once: each picture is that of its run, each distance what it is called."""

import re
from html import unescape
from urllib.parse import parse_qsl

import pytest
import torch

from core.models import load
from demos.runs import links
from demos.sampling import multiples
from demos.sampling.multiples import NOISES, STEPS, Made, made
from demos.sampling.page import sample
from demos.sampling.request import ALL_SAMPLERS, SampleRequest
from tests.benchmarks.quality_digits import CARD
from tests.demos import refused

FEW = {"steps": 6, "guidance": 1.0}


def run(requests):
    return [each for each in made(requests) if each is not None]


def the_race(**settings):
    requests = multiples.race_runs(SampleRequest.of(**FEW | settings))
    return requests, run(requests)


@pytest.fixture(scope="module")
def entered():
    return the_race()


def read(html):
    """The requests that the pictures of a report open, in its order."""
    found = []
    for href in re.findall(r'<a class="run-link" href="\?([^"]+)"', html):
        texts = dict(parse_qsl(unescape(href), keep_blank_values=True))
        assert texts.pop(links.TAB) == "sample"
        found += links.asked(links.parsed(texts, (SampleRequest,)), (SampleRequest,))
    return found


def test_the_table_asks_for_all_kinds_of_noise_and_steps_and_else_for_the_same():
    request = SampleRequest.of(label="3", seed=8, batch=4, sampler="ddpm", show="guidance split")
    requests = multiples.eta_runs(request)
    noise = [(each.eta, each.variance) for each in requests[: len(NOISES)]]
    assert noise == [(0.0, "posterior"), (0.2, "posterior"), (0.5, "posterior"),
                     (1.0, "posterior"), (None, "beta")]  # fmt: skip
    assert [each.steps for each in requests[:: len(NOISES)]] == list(STEPS)
    assert {(e.label, e.seed, e.batch, e.sampler) for e in requests} == {("3", 8, 1, "ddim")}


def test_a_picture_is_that_of_its_run_and_opens_it():
    requests = [SampleRequest.of(**FEW, seed=3, eta=0.5), SampleRequest.of(**FEW, variance="beta")]
    found = run(requests)
    for request, each in zip(requests, found, strict=True):
        *_, (_, archive) = sample(**request.settings())
        pixels = load("digits").pixels(archive.picture[1])
        torch.testing.assert_close(each.pixels, pixels.float())
        shown = multiples.picture(requests, found, each.run)
        assert [kept.settings() for kept in read(shown)] == [request.settings()]


def test_the_table_fills_column_by_column_and_says_what_it_has_measured():
    requests = multiples.eta_runs(SampleRequest.of(guidance=1.0))
    grey = torch.linspace(0, 1, len(requests))
    found = [Made(k, grey[k].expand(1, 1, 28, 28), 9) for k in range(len(requests))]
    for count in (0, 7, len(requests)):
        html = multiples.eta_table(requests, found[:count])
        shown = [each.settings() for each in read(html)]
        by_row = [requests[k] for row in range(5) for k in range(row, count, 5)]
        assert shown == [each.settings() for each in by_row]
        assert html.count('class="blank"') == len(requests) - count
        assert ("moves by" in html) == (count == len(requests))
    apart = float(grey[25] - grey[10]), float(grey[29] - grey[14])
    assert "moves by {:.3g} (RMS; black 0, white 1) with η 0, and by {:.3g}".format(*apart) in html
    figures = multiples.frechet(requests[0])
    cells = re.findall(r"<span>([\d.]+)</span></td>", html)
    keys = [f"{name}, S {count}" for name in NOISES for count in STEPS]
    expected = [f"{figures[key]:.2f}" for key in keys if key in figures]
    assert cells == expected


def test_the_figures_are_those_of_the_weights_that_ship():
    figures = multiples.frechet(SampleRequest.of())
    assert figures["weights"] == CARD.digest()
    assert {f"{name}, S {count}" for name in NOISES for count in STEPS[:4]} <= set(figures)


@pytest.mark.parametrize(
    "other", [{"spacing": "leading"}, {"clip_x0": True}, {"model": "exact", "schedule": "cosine"}]
)
def test_nothing_is_called_measured_that_was_not(other):
    assert multiples.frechet(SampleRequest.of(**other)) == {}
    html = multiples.eta_table(multiples.eta_runs(SampleRequest.of(**other)), [])
    assert "Fréchet" not in html


@pytest.mark.slow
def test_all_samplers_race_with_the_calls_of_the_run(entered):
    requests, found = entered
    assert [each.sampler for each in requests[1:]] == list(ALL_SAMPLERS)
    for each in found[1:]:
        assert each.calls <= FEW["steps"] + 2, requests[each.run].sampler  # PNDM warms up
    guided = multiples.race_runs(SampleRequest.of(steps=6, sampler="heun"))
    assert {each.sampler: each.steps for each in guided[1:]}["ddim"] == 12


@pytest.mark.slow
def test_what_stands_for_the_exact_solution_is_near_to_it(entered):
    requests, found = entered
    [finer] = run([multiples.alike(requests[0], sampler="heun", steps=2 * multiples.FINE)])
    off = finer.apart(found[0])
    follows = [e for e in found[1:] if not requests[e.run].adds_noise()]
    assert off < min(each.apart(found[0]) for each in follows) / 5


@pytest.mark.slow
def test_more_calls_come_nearer(entered):
    requests, found = entered
    after = the_race(steps=24)[1]
    for before, later in zip(found[1:], after[1:], strict=True):
        if not requests[before.run].adds_noise():
            assert later.apart(after[0]) < before.apart(found[0]), requests[before.run].sampler


@pytest.mark.slow
def test_the_race_is_told_by_distance_and_what_draws_noise_has_none(entered):
    requests, found = entered
    html = multiples.race(requests, found)
    shown = read(html)
    assert (shown[0].sampler, shown[0].steps) == ("heun", multiples.FINE)
    apart = [float(each) for each in re.findall(r">RMS ([\d.e-]+)<", html)]
    draws = [each.sampler for each in shown[1 + len(apart) :]]
    assert apart == sorted(apart) and html.count(">draws fresh noise<") == len(draws)
    assert set(draws) == {"ddpm", "euler_ancestral", "dpmpp_2m_sde", "lcm"}
    assert multiples.race(requests, []).count("<img") == 0


def test_a_model_of_another_noise_is_refused_or_races_without_what_draws():
    basic = SampleRequest.of(model="basic", label="", guidance=1.0)
    assert "uniform noise" in refused(multiples.eta_runs, basic)
    entered = {each.sampler for each in multiples.race_runs(basic)}
    assert not entered & {"ddpm", "euler_ancestral", "dpmpp_2m_sde", "lcm"} and "ddim" in entered
