"""The experiments: what each shows is what it says, and each is what `core` makes."""

import base64
import io
import re
from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw

from core.classifiers import read_digits, readable
from core.compositions import VIEWS
from core.metrics import psnr, rms
from core.mistakes import MISTAKES, predicted
from core.models import load
from core.samplers import SAMPLERS
from core.schedules import Schedule
from core.tapes import Frame, Tape
from demos.experiments.kinds import KINDS, PLACES
from demos.experiments.kinds.autoguidance import told
from demos.experiments.kinds.digits import RUNGS, SPREADS, best_blur
from demos.experiments.kinds.places import PAINTED, region
from demos.experiments.page import about_it, experiment, seconds
from demos.experiments.presets import PRESETS
from demos.experiments.request import ExperimentRequest
from demos.experiments.run import run
from demos.pictures.sources import test_digit as digit_of
from demos.words import LANGUAGES, sentence
from tests.demos import last, refused

FEW = {"steps": 6}


def drawing():
    """A drawn seven, as the pad sends it."""
    image = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(image).line([(70, 70), (210, 70), (120, 230)], fill=0, width=22)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return {"url": f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"}


def shown(**settings: Any) -> tuple[Tape, list[Any]]:
    """The tape of an experiment, and its frames."""
    tape, *frames = run(ExperimentRequest.of(**FEW | settings))
    assert isinstance(tape, Tape) and all(isinstance(each, Frame) for each in frames)
    return tape, frames


def guessed(frame):
    """The clean picture of a frame, as other tabs take it."""
    assert frame.picture is not None
    return frame.picture[1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", ["digits", "emoji"])
def test_every_experiment_has_its_frames_panels_and_sentences(kind, model):
    asked = {"kind": kind, "model": model, "drawing": drawing(), "count": 3, "repeats": 2}
    if model == "emoji" and kind in ("restoring", "ladder", "best", "autoguidance"):
        assert "choose the model digits" in refused(experiment, **FEW | asked)
        return
    tape, frames = shown(**asked)
    assert len(frames) == tape.total and tape.event == "experiment"
    keys = {panel.key for panel in tape.panels}
    assert all(set(frame.pictures) == keys for frame in frames)
    says = [tape.title, tape.axis.name, *(panel.title for panel in tape.panels)]
    says += [frame.say for frame in frames]
    assert all(sentence(each, language) for each in says for language in LANGUAGES)
    chinese = " ".join(re.sub("“.*?”", "", sentence(each, "zh")) for each in says)
    assert set(re.findall("[A-Za-z]{3,}", chinese)) <= {"DDPM", "DDIM", "RMS", "SNR", "log", model}
    calls = [frame.numbers["calls"] for frame in frames]
    assert calls == sorted(calls) and calls[-1] > 0
    assert not frames[-1].approximate, "the last frame is decoded in full"


@pytest.mark.slow
@pytest.mark.parametrize("bug", MISTAKES)
def test_both_runs_of_the_bug_lab_start_alike_and_end_as_far_apart_as_is_said(bug):
    _, frames = shown(kind="bugs", bug=bug, steps=12)
    assert len(frames) == (25 if bug == "clipped_inversion" else 13)
    first, end = frames[0].say, frames[-1].say
    if bug in ("no_noise", "last_noise", "clamped_x", "other_stride", "clipped_inversion"):
        assert first[-1][1]["rms"] == 0
    assert end[-1][1]["rms"] > 0.005
    assert end[0][0] == f"experiment.why.{bug}"


def test_what_the_network_predicts_is_what_is_said_of_it():
    _, frames = shown(kind="bugs", bug="other_type", steps=2)
    assert predicted(load("digits").denoiser("7")) == "v_prediction"
    said = "predicts v = α ε − σ x₀, and is read as if it were ε"
    assert said in sentence(frames[0].say)


def test_where_index_and_timestep_are_one_there_is_no_mistake(monkeypatch):
    model = load("digits")
    few = Schedule(model.schedule.alpha[:5], model.schedule.sigma[:5])
    monkeypatch.setattr(model, "schedule", few)
    _, frames = shown(kind="bugs", bug="index_for_t", steps=5)
    assert frames[-1].say[0] == ["experiment.same", {}] and frames[-1].say[-1][1]["rms"] == 0


@pytest.mark.parametrize(("asked", "calls"), [
    ({"kind": "bugs", "guidance": 2.0}, 24),  # two runs, two branches
    ({"kind": "bugs", "guidance": 1.0}, 12),
    ({"kind": "bugs", "bug": "clipped_inversion"}, 24),  # two runs, up and down
    ({"kind": "best", "batch": 3, "guidance": 1.0}, 18),
    ({"kind": "autoguidance", "batch": 2}, 60),  # of two pictures: 1 + 2 + 2 calls a step
    ({"kind": "poke", "guidance": 1.0}, 12),
    ({"kind": "anagram", "guidance": 1.0}, 12),
    ({"kind": "walk", "count": 3, "guidance": 1.0}, 36),
    ({"kind": "restoring", "model": "exact"}, 0),
])  # fmt: skip
def test_network_calls_are_those_of_all_runs(asked, calls):
    assert shown(**asked)[1][-1].numbers["calls"] == calls


def test_the_run_without_the_mistake_is_that_of_the_sampler():
    _, frames = shown(kind="bugs", bug="clamped_x", label="3", seed=4)
    model = load("digits")
    levels, noise = model.schedule.levels(6), model.noise(4)
    denoise = model.denoiser("3", guidance=2.0)
    *_, step = SAMPLERS["ddim"](denoise, noise, levels)
    torch.testing.assert_close(guessed(frames[-1]), model.displayable(step.x_next))


@pytest.mark.slow
def test_what_is_restored_is_measured_against_the_picture():
    _, frames = shown(kind="restoring", digit=3, steps=20)
    values = [frame.say[0][1] for frame in frames]
    clean = (digit_of(3, 0) + 1) / 2
    assert values[0]["many"] == pytest.approx(psnr((guessed(frames[0]) + 1) / 2, clean))
    assert values[0]["one"] > values[-1]["one"] and values[0]["blur"] > values[-1]["blur"]
    assert values[-1]["one"] > values[-1]["many"], "the mean has the least squared error"
    assert all(each["blur"] < each["one"] for each in values)
    keys = [frame.say[1][0] for frame in frames]
    expected = ["one" if each["one"] > each["many"] else "many" for each in values]
    assert keys == [f"experiment.restored.{each}" for each in expected]


def test_the_blur_is_the_best_of_all():
    x, pixels = torch.randn(1, 1, 28, 28) + digit_of(5, 1), (digit_of(5, 1) + 1) / 2
    blur, spread = best_blur(x, pixels)
    assert spread in SPREADS and blur.min() >= 0 and blur.max() <= 1
    assert psnr(blur, pixels) > psnr(((x + 1) / 2).clamp(0, 1), pixels)


@pytest.mark.slow
def test_low_rungs_keep_the_drawing():
    _, frames = shown(kind="ladder", drawing=drawing(), label="2", steps=20, guidance=3.0)
    assert len(frames) == len(RUNGS)
    ratios = [frame.say[0][1]["ratio"] for frame in frames]
    assert ratios[0] > ratios[-1] + 3
    assert "7" in sentence(frames[0].say) and "reads a 2" in sentence(frames[-1].say)


@pytest.mark.parametrize("place", [each for each in PLACES if each != PAINTED])
def test_what_is_known_is_kept_and_the_rest_is_not(place):
    _, frames = shown(kind="inpainting", place=place, repeats=1)
    clean, end = digit_of(7, 0), guessed(frames[-1])
    mask = region(place, None, clean).bool().expand_as(clean)
    assert 0.2 < mask.float().mean() < 0.55
    torch.testing.assert_close(end[~mask], clean[~mask])
    assert rms(end[mask] - clean[mask]) > 0.01
    assert frames[-1].say[0][1]["ratio"] == "inf"


@pytest.mark.slow
def test_an_anagram_is_read_in_both_views():
    _, frames = shown(kind="anagram", label="6", label_two="9", steps=25)
    end = guessed(frames[-1])
    read = [int(read_digits(each).argmax()) for each in (end, VIEWS["half turn"].look(end))]
    assert read == [6, 9]
    said = [part[1]["label"] for part in frames[-1].say if "label" in part[1]]
    assert said == ["6", "9"]


@pytest.mark.slow
def test_a_walk_begins_and_ends_with_the_pictures_of_its_seeds():
    _, frames = shown(kind="walk", count=4, seed=2, seed_two=5)
    model = load("digits")
    levels, denoise = model.schedule.levels(6), model.denoiser("7", guidance=2.0)
    for seed, frame in ((2, frames[0]), (5, frames[-1])):
        *_, step = SAMPLERS["ddim"](denoise, model.noise(seed), levels)
        wanted = model.displayable(step.x_next)
        torch.testing.assert_close(guessed(frame), wanted, atol=1e-4, rtol=0)
    spreads = [frame.say[1][1] for frame in frames]
    assert spreads[1]["line"] < 0.85 * spreads[1]["arc"]
    assert spreads[0]["line"] == pytest.approx(spreads[0]["arc"])


def test_a_circle_has_no_straight_line():
    tape, frames = shown(kind="walk", way="circle", count=4)
    assert [panel.key for panel in tape.panels] == ["noise", "x0"]
    assert [frame.pos for frame in frames] == [0, 0.25, 0.5, 0.75], "1 is the first again"


@pytest.mark.slow
def test_a_poke_is_measured_where_the_noise_is_the_same():
    _, frames = shown(kind="poke", place="left", seed_two=9)
    values = frames[-1].say[-1][1]
    assert 0 < values["share"] < 0.5 and values["rms"] > 0.01
    _, same = shown(kind="poke", seed_two=0)
    assert all(len(frame.say) == 1 for frame in same), "nothing is said of no difference"


@pytest.mark.slow
def test_the_best_is_the_one_that_the_classifier_is_surest_of():
    _, frames = shown(kind="best", batch=5, label="8", guidance=1.0)
    values = frames[-1].say[-1][1]
    chance = read_digits(guessed(frames[-1]))[0, 8].item()
    assert values["best"] == pytest.approx(chance, abs=1e-3) and values["best"] >= values["mean"]


@pytest.mark.slow
def test_autoguidance_starts_from_one_noise_and_says_what_it_did():
    _, frames = shown(kind="autoguidance", batch=4, label="8")
    values = frames[-1].say[-1][1]
    assert values["count"] == 4
    assert all(0 <= values[f"{key}_sure"] <= 4 for key in ("plain", "auto", "free"))
    assert 0 < values["plain_rms"] < 1
    _, unasked = shown(kind="autoguidance", batch=2, label="")
    assert unasked[-1].say[-1][0] == "experiment.auto.unasked"
    values = unasked[-1].say[1][1]
    assert values["plain_rms"] == values["free_rms"] != values["auto_rms"]


def test_what_is_said_of_guided_digits_is_measured():
    x = torch.stack([digit_of(3, 0)[0], digit_of(3, 1)[0]])
    pixels = (x + 1) / 2
    assert told(x)["rms"] == pytest.approx((pixels[0] - pixels[1]).square().mean().sqrt())
    assert told(x)["sure"] == int(readable(x).sum()) > 0
    assert told(torch.randn(4, 1, 28, 28))["sure"] == 0


# ---- what is asked for --------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "says"), [
    ({"model": "basic"}, "Model must be one of"),
    ({"kind": "anagram", "model": "emoji", "view": "negative"}, "another view than negative"),
    ({"kind": "poke", "place": "painted"}, "no picture to paint on"),
    ({"kind": "best", "label": ""}, "choose a label"),
    ({"kind": "autoguidance", "model": "exact"}, "no bad version"),
    ({"kind": "autoguidance", "guidance": 1.0}, "about guidance"),
    ({"bug": "other_scale", "guidance": 1.0}, "about guidance"),
    ({"bug": "other_type", "model": "exact"}, "no network"),
    ({"bug": "index_for_t", "model": "exact"}, "no network"),
    ({"kind": "nothing"}, "Experiment must be one of"),
    ({"kind": "inpainting", "place": "painted"}, "paint"),
    ({"kind": "ladder"}, "draw"),
])  # fmt: skip
def test_what_cannot_be_run_is_one_sentence(asked, says):
    sentence = refused(experiment, **asked)
    assert says in sentence and sentence.endswith(".")


def test_settings_hold_what_counts_and_no_more():
    settings = ExperimentRequest.of(kind="restoring").settings()
    assert set(settings) == {"kind", "model", "digit", "index", "steps", "seed"}
    settings = ExperimentRequest.of(kind="walk", model="emoji").settings()
    assert "prompt" in settings and "label" not in settings and "drawing" not in settings


@pytest.mark.slow
@pytest.mark.parametrize("key", PRESETS)
def test_every_chip_can_be_run(key):
    request = ExperimentRequest.of(**PRESETS[key])
    assert 0 < seconds(**request.settings()) < 30
    message, archive = last(experiment(**PRESETS[key] | {"steps": 3}))
    assert message["status"] == "done" and archive.picture is not None


def test_every_experiment_says_what_it_is_and_where_it_is_from():
    for language in LANGUAGES:
        texts = [sentence([about_it(kind).key, {}], language) for kind in KINDS]
        assert len(set(texts)) == len(KINDS) and all("**" in text for text in texts)
