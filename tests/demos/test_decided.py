"""When is it decided: branches of a run, what is said of them, and the curve over the frames."""

import pytest
import torch

from core.endings import variance_map
from core.models import load
from core.noise import seeded
from core.samplers import SAMPLERS
from demos.sampling.closer import decided_here, decided_over, seconds_here
from demos.sampling.decided import (
    COUNT,
    Decided,
    calls,
    curve,
    decided,
    report,
    settled,
    spaced,
    verdict,
)
from demos.sampling.page import sample
from demos.sampling.request import SampleRequest
from demos.ui.runner import OPENS_WITH
from demos.ui.sections import requested
from demos.words import Refusal, sentence

ANY = {"label": "", "guidance": 1.0, "steps": 12}


def found(frames, **settings):
    request = SampleRequest.of(**ANY | settings)
    return request, [each for each in decided(request, frames) if each is not None]


@pytest.mark.slow
def test_late_frames_are_decided_and_early_ones_are_not():
    request, [first, late, end] = found([0, 10, 12])
    assert first.spread > 5 * late.spread > 0 and end.spread == 0
    assert first.most[1] < COUNT and late.most[1] == end.most[1] == COUNT
    assert late.most[0] == end.most[0]
    assert first.pixels.shape == (COUNT, 1, 28, 28)
    assert float(first.pixels.min()) >= 0 and float(first.pixels.max()) <= 1
    assert first.share > late.share > end.share == 0
    assert end.level.sigma == 0 and request.steps == end.frame


def test_the_finished_frame_is_the_picture_of_the_run():
    *_, (_, archive) = sample(**ANY)
    _, [end] = found([12])
    pixels = load("digits").pixels(archive.picture[1])
    torch.testing.assert_close(end.pixels, pixels.expand(COUNT, -1, -1, -1))


@pytest.mark.slow
def test_a_branch_starts_where_the_run_was_and_not_with_the_noise_of_its_seed():
    """With the noise of its own seed a frame would be noised by what it is made of."""
    model, noise = load("digits"), seeded(0, 1)
    levels = model.schedule.levels(12)
    steps = list(SAMPLERS["ddim"](model.denoiser(""), model.start(noise, levels[0]), levels))
    rows = steps[5].x.repeat(COUNT, 1, 1, 1)
    ends = {}
    for seed in (0, 2**31):
        drawn = seeded(seed, COUNT)
        *_, step = SAMPLERS["ddpm"](model.denoiser(""), rows, levels[5:], noise=drawn)
        ends[seed] = model.pixels(step.x_next)
    _, [fifth] = found([5])
    torch.testing.assert_close(fifth.pixels, ends[2**31], atol=1e-4, rtol=0)
    assert float((fifth.pixels - ends[0]).abs().max()) > 0.5


@pytest.mark.slow
def test_of_a_batch_the_first_picture_is_branched():
    _, [alone] = found([6])
    _, [batch] = found([6], batch=3, show="guidance split", guidance=1.5, label="")
    _, [guided] = found([6], guidance=1.5)
    torch.testing.assert_close(batch.pixels, guided.pixels)
    assert not torch.allclose(alone.pixels, guided.pixels)


def made(hits, frame=0, read=True):
    pixels = torch.zeros(COUNT, 1, 4, 4)
    pixels[: COUNT // 2] = 1
    readings = ["3"] * hits + ["8"] * (COUNT - hits) if read else []
    return Decided(frame, load("digits").schedule.levels(12)[frame], 0.5, pixels, readings)


def test_what_is_said_is_what_was_counted():
    assert sentence(verdict(made(10))) == "The classifier reads 10 of 16 as 3."
    assert sentence(verdict(made(5))) == "The classifier reads 11 of 16 as 8."
    assert "No classifier ships" in sentence(verdict(made(0, read=False)))
    assert made(10).spread == pytest.approx(0.5)
    assert variance_map(made(10).pixels).max() == 0.25
    request = SampleRequest.of(**ANY)
    html = report(request, made(10, frame=4))
    assert "16 endings from step 5 of 12" in html and html.count("<img") == 3
    assert "standard deviation of 0.5 over all places" in html
    assert "finished picture" in report(request, made(16, frame=12))


def test_settled_is_the_frame_from_which_on_all_agree():
    request = SampleRequest.of(**ANY)
    several = [made(9, 0), made(16, 3), made(15, 6), made(16, 9), made(16, 12)]
    assert sentence(settled(request, several)).startswith("From step 10 on (50 % noise) all")
    assert settled(request, [made(9, 0), made(16, 12)]) == [], "the end is no step"
    assert "All endings" in sentence(settled(request, [made(16, 0), made(16, 6)]))
    html = curve(request, several, 8)
    assert "5 of 8 frames" in html and html.count("<polyline") == 2
    unread = curve(request, [made(0, 0, read=False), made(0, 3, read=False)], 8)
    assert unread.count("<polyline") == 1 and "read as the same" not in unread


@pytest.mark.parametrize("steps, frames", [
    (1, [0, 1]), (3, [0, 1, 2, 3]), (50, [0, 7, 14, 21, 29, 36, 43, 50]),
])  # fmt: skip
def test_frames_of_a_run_are_evenly_spaced_and_end_with_it(steps, frames):
    assert spaced(SampleRequest.of(steps=steps)) == frames


@pytest.mark.slow
def test_what_is_on_the_page_is_what_is_branched():
    *_, (_, archive) = sample(steps=6)
    shown = [each for each in decided_here(archive, 4) if isinstance(each, str)]
    assert len(shown) == 1 and "from step 5 of 6" in shown[0]
    curves = [each for each in decided_over(archive) if isinstance(each, str)]
    assert len(curves) == 7 and "7 of 7 frames" in curves[-1]
    assert requested(SampleRequest, OPENS_WITH) == SampleRequest.of()
    assert calls(SampleRequest.of(steps=6), [4]) == 2 * (6 + COUNT * 2)
    assert seconds_here(archive, 0) > seconds_here(archive, 5) > 0


def test_what_cannot_be_branched_says_why():
    run = sample(steps=6)
    _, unfinished = next(run)
    run.close()
    for archive in (None, unfinished):
        with pytest.raises(Refusal, match="Let a run finish first"):
            next(decided_here(archive, 0))
    *_, (_, archive) = sample(steps=3)
    for frame in (4, -1, "x"):
        with pytest.raises(Refusal):
            next(decided_here(archive, frame))
    *_, (_, basic) = sample(steps=2, model="basic", label="", guidance=1.0)
    with pytest.raises(Refusal, match="uniform noise"):
        next(decided_here(basic, 0))
