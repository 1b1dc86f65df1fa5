"""The Train tab: what its frames say is so, the same again goes on, and one trains at a time."""

import io
import threading
import time
from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw

from core.archives import packed
from core.classifiers import read_digits, readable
from core.data import mnist, signed
from core.models import MODELS, load
from core.tapes import Frame, Tape
from core.training.plans import moments
from demos.runs.archive import Archive
from demos.training import kept
from demos.training.data import name_of
from demos.training.drawn import smoothed, ticks
from demos.training.kept import TRAININGS, Line, Trainings, waited
from demos.training.page import train
from demos.training.presets import PRESETS
from demos.training.request import DATA, TrainRequest
from demos.training.run import of_cleanest, run
from demos.training.taken import use
from demos.words import LANGUAGES, Refusal, percent, sentence
from tests.demos import refused
from tests.demos.coded import answer

FEW = {"steps": 10, "batch": 4}
BASIC: dict[str, Any] = {"network": "basic", "noise": "uniform", "target": "sample"}


def sent(content, folder, name):
    path = folder / name
    path.write_bytes(content)
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}, "orig_name": name}


def png(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def beyond(tmp_path):
    """A drawing and a zip, as the page sends them."""
    dots = Image.new("L", (280, 280), 255)
    for k in range(8):
        ImageDraw.Draw(dots).ellipse([30 * k, 30 * k, 30 * k + 20, 30 * k + 20], fill=0)
    colours = ((20 * k, 255 - 20 * k, 90) for k in range(12))
    files = {f"{k}.png": png(Image.new("RGB", (40, 30), c)) for k, c in enumerate(colours)}
    files["broken.png"] = b"no picture"
    return {
        "drawing": sent(png(dots), tmp_path, "dots.png"),
        "folder": sent(packed(files), tmp_path, "pictures.zip"),
    }


def trained(request, name="") -> list[Any]:
    """The tape of a training, then its frames."""
    return list(run(request, name or name_of(request)))


def shown(**settings):
    """The tape of a training and its frames."""
    tape, *frames = trained(TrainRequest.of(**FEW | settings))
    assert isinstance(tape, Tape) and all(isinstance(each, Frame) for each in frames)
    return tape, frames


@pytest.mark.slow
@pytest.mark.parametrize("data", DATA)
def test_everything_can_be_trained_on(data, beyond):
    asked = {"data": data, "network": "basic", "noise": "uniform", "target": "sample", **beyond}
    tape, frames = shown(**asked)
    assert len(frames) == tape.total == len(moments(10)) and tape.event == "train"
    keys = {panel.key for panel in tape.panels}
    assert all(set(frame.pictures) == keys for frame in frames)
    places = [frame.pos for frame in frames]
    assert places == sorted(places) == list(tape.axis.ticks) and places[-1] == 1
    says = [tape.title, tape.axis.name, *tape.axis.ends, *(panel.title for panel in tape.panels)]
    says += [each for frame in frames for each in (frame.say, *frame.doubts)]
    assert all(sentence(each, language) for each in says for language in LANGUAGES)
    doubts = [sentence(each) for each in frames[0].doubts]
    assert any("1 file cannot be read" in each for each in doubts) == (data == "own pictures")
    assert any("none is held out" in each for each in doubts) == (data == "own pictures")


@pytest.mark.slow
def test_what_is_said_of_the_samples_is_what_the_classifier_reads():
    request = TrainRequest.of(steps=40, batch=32, data="one digit", digit=1, **BASIC)
    *_, last = trained(request)
    snapshot = TRAININGS.of(name_of(request), request.data).seen[-1]
    assert f"{readable(snapshot.samples).sum()} of 16 samples count as a digit" in sentence(
        last.say
    )
    assert "Step 40 of 40" in sentence(last.say)


def test_noise_cannot_be_read_and_digits_can():
    noise = torch.randn(16, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert (read_digits(noise.clamp(-1, 1)).amax(1) >= 0.8).sum() > 8, "a classifier is no judge"
    assert not readable(noise).any()
    assert readable(signed(mnist("test")[0][:100])).sum() >= 97


@pytest.mark.slow
def test_a_training_that_is_stopped_goes_on_and_one_that_is_done_is_there_at_once():
    settings = {"data": "two moons", "steps": 40, "seed": 77}
    whole = [each.say for each in shown(**settings, rate=2e-3)[1]]
    request = TrainRequest.of(**FEW | settings, rate=2e-3)
    other = name_of(request) + "again"
    first: Any = run(request, other)
    seen = [next(first) for _ in range(5)]  # the tape and four frames
    first.close()
    _, *rest = trained(request, other)
    assert [each.say for each in rest] == whole
    assert [each.pictures for each in rest[:4]] == [each.pictures for each in seen[1:]]
    begun = time.monotonic()
    assert len(trained(request, other)) == 1 + len(whole)
    assert time.monotonic() - begun < 5, "nothing is trained again"


@pytest.mark.slow
def test_two_who_ask_for_the_same_share_one_training():
    request = TrainRequest.of(**FEW, data="two moons", seed=21)
    name, found = name_of(request), {}

    def learner(number):
        frames = [each for each in run(request, name) if isinstance(each, Frame)]
        found[number] = [each.say for each in frames]

    threads = [threading.Thread(target=learner, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1] and len(found[0]) == len(moments(10))
    assert len(TRAININGS.of(name, "two moons").seen) == len(moments(10))


def test_the_same_settings_are_the_same_training_and_others_another(beyond):
    names = {name_of(TrainRequest.of(**each)) for each in PRESETS.values()}
    assert len(names) == len(PRESETS)
    own = TrainRequest.of(data="own pictures", **beyond)
    renamed = {**beyond["folder"], "orig_name": "others.zip"}
    assert name_of(own) == name_of(TrainRequest.of(data="own pictures", folder=renamed))


@pytest.mark.slow
def test_the_loss_over_the_noise_levels_is_another_look_at_the_same_training():
    settings = {"data": "two moons", "seed": 8}
    steps, levels = (TrainRequest.of(**FEW | settings, show=show) for show in ("steps", "levels"))
    assert name_of(steps) == name_of(levels)
    first, second = trained(steps)[1:], trained(levels)[1:]
    assert [each.pictures["samples"] for each in first] == [
        each.pictures["samples"] for each in second
    ]
    assert all(
        a.pictures["loss"] != b.pictures["loss"] for a, b in zip(first, second, strict=True)
    )
    snapshot = TRAININGS.of(name_of(steps), "two moons").seen[-1]
    share = percent(of_cleanest(snapshot.bound))
    assert f"of the bound on the likelihood {share}." in sentence(second[-1].say)
    assert of_cleanest([1.0, 3.0, float("inf")]) == 0.25


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"target": "epsilon", "noise": "flow"}, "the last level is noise alone, where ε says"),
        ({"target": "epsilon", "noise": "uniform"}, "the last level is noise alone"),
        ({"data": "own pictures"}, "upload a zip with 10 to 2,000"),
        ({"data": "drawing"}, "There are no points yet"),
        ({"data": "cats"}, "Train on must be one of digits, one digit, swiss roll"),
        ({"steps": 5}, "Steps must be a whole number in 10..20000"),
        ({"rate": 1}, "Learning rate must be"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(asked, says):
    assert says in refused(train, **asked)


def test_one_trains_at_a_time_in_the_order_in_which_they_came(monkeypatch):
    monkeypatch.setattr(kept, "QUIET", 0.0)
    line, order, told = Line(), [], []
    started = threading.Event()

    def learner(number):
        with line.joined() as ahead:
            for nothing in waited(ahead, lambda count: told.append((number, count))):
                assert nothing is None
            order.append(number)
            started.set()
            time.sleep(0.3)

    threads = []
    for number in range(3):
        threads.append(threading.Thread(target=learner, args=(number,)))
        threads[-1].start()
        started.wait()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2]
    assert (1, 1) in told and (2, 2) in told and (2, 1) in told


def test_the_oldest_trainings_are_forgotten_with_their_folders():
    trainings = Trainings()
    first = trainings.of("0", "digits")
    for number in range(1, 9):
        trainings.of(str(number), "digits")
    assert trainings.found("0") is None and not first.folder.exists()
    assert trainings.found("8") is not None


@pytest.mark.slow
def test_a_trained_model_is_one_of_the_learners_models():
    from demos.sampling.request import SampleRequest
    from demos.sampling.run import run as sampled

    settings = {"network": "basic", "noise": "uniform", "target": "sample", "seed": 5}
    shown(**settings)
    name = name_of(TrainRequest.of(**FEW | settings))
    names = use(Archive("run", result=name), ["trained-before"])
    assert names == ["trained-before", f"trained-{name[:5]}"]
    assert names[-1] not in list(MODELS)
    request = SampleRequest.of(model=names[-1], steps=3, label="", guidance=1.0)
    last: Any = list(sampled(request))[-1]
    snapshot = TRAININGS.of(name, "digits").seen[-1]
    assert load(names[-1]).shape == snapshot.samples.shape[1:] and last.pictures
    refused = {"refused": ["code.refused.private", {}]}
    assert answer(event="sample", settings=request.settings())["core"] == refused
    with pytest.raises(Refusal):
        SampleRequest.of(model="trained-nothing", steps=3)


def test_nothing_can_be_taken_away_before_a_training():
    for archive in (None, "recorded", Archive("run", result="nothing")):
        with pytest.raises(Refusal):
            use(archive, [])


def test_a_curve_begins_where_its_first_value_is_and_has_round_ticks():
    assert [each for _, each in smoothed([(0, 2.0), (1, 2.0)])] == pytest.approx([2, 2])
    assert ticks(0.04, 1.2) == [0.05, 0.1, 0.2, 0.5, 1.0]
    assert ticks(0.002, 3.0) == [0.01, 0.1, 1.0]
