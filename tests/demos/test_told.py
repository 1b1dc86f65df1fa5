"""The noise tab: a picture that stays at its level while the network is told another timestep."""

from itertools import pairwise

import pytest
import torch

from core.metrics import rms
from core.models import load
from core.tapes import Frame
from demos.forward.page import noise
from demos.forward.request import TOLD, NoiseRequest
from demos.forward.run import run
from demos.forward.told import halves
from demos.pictures.sources import random_pixels
from demos.words import sentence
from tests.demos import last, refused


def told(**settings):
    return last(noise(process=TOLD, **settings))[0]


def frames_of(**settings):
    shown = run(NoiseRequest.of(process=TOLD, **settings))
    return [each for each in shown if isinstance(each, Frame)]


def test_the_picture_stays_and_the_frames_go_over_what_is_told():
    message = told(frames=10, at=300)
    symbols = [panel["symbol"] for panel in message["panels"]]
    assert symbols == ["xₜ", "ε̂(t′)", "xₜ − ε̂", "xₜ − ε̂"]
    times = [frame["numbers"]["t"] for frame in message["frames"]]
    assert times == sorted({*range(99, 1000, 100), 300})
    assert len({frame["pictures"][0] for frame in message["frames"] if frame["pictures"][0]}) == 1
    here = message["frames"][times.index(300)]["text"]
    assert here.startswith("Told the truth, t = 300: what is left")
    assert message["frames"][0]["text"].startswith("Told t′ = 99, where x is at t = 300:")
    title = sentence(message["title"])
    assert title.endswith("told another t than 300, Gaussian noise · 10 frames")


def test_what_is_left_is_the_picture_less_the_noise_seen():
    model = load("digits")
    frames = frames_of(source="noise", frames=5, seed=3)
    level, x0 = model.schedule.level(500), random_pixels(1, 28, 28, 0)
    x = level.alpha * x0 + level.sigma * model.draw(3)(x0)
    levels = {each.t: each for each in [*model.schedule.levels(5)[:-1], level]}
    for frame, t in zip(frames, sorted(levels), strict=True):
        with torch.no_grad():
            rest = x - model.denoiser()(x, levels[t]).eps
        centre, border = halves(rest)
        assert frame.numbers["ratio"] == pytest.approx(centre / border, rel=1e-5)


def test_in_pure_noise_what_is_left_leaves_the_middle_as_t_grows():
    """Told that little is left to do, the network works at the middle, where digits are."""
    ratios = [frame.numbers["ratio"] for frame in frames_of(source="noise", at=999, frames=20)]
    assert ratios[0] > 0.75 and ratios[-1] < 0.5
    assert sum(later < sooner for sooner, later in pairwise(ratios)) >= 13


def test_the_middle_and_the_border_of_a_picture():
    x = torch.ones(1, 1, 28, 28)
    x[..., 7:21, 7:21] = 3
    assert halves(x) == (3, 1) and rms(x) == pytest.approx(3**0.5)


def test_latents_can_be_told_another_t_and_their_rest_is_decoded():
    message = told(model="emoji", source="scene", frames=3)
    assert len(message["frames"]) == 4 and all(message["frames"][-1]["pictures"][1:])


@pytest.mark.parametrize(("settings", "said"), [
    ({"model": "basic"}, "The model basic is told no timestep"),
    ({"source": "photograph"}, "The network of digits sees pictures of its own size alone"),
    ({"at": 1000}, "Stays at t must be a whole number"),
    ({"source": "drawing"}, "draw a digit first"),
])  # fmt: skip
def test_bad_input_is_one_sentence(settings, said):
    assert said in refused(told, **settings)


def test_a_picture_of_noise_is_its_number():
    one, other = (random_pixels(1, 28, 28, index) for index in (0, 1))
    assert one.equal(random_pixels(1, 28, 28, 0)) and not one.equal(other)
    assert one.abs().max() <= 1 and one.std().item() == pytest.approx(3**-0.5, abs=0.03)
