"""Frame 20 of 50 is not a 20-step run: the lesson, and what it leaves on the page."""

from itertools import pairwise

import pytest
from gradio.utils import deep_hash

from core.images import BLANK
from core.metrics import psnr
from core.samplers import SAMPLERS
from demos.inversion import microscope, page
from demos.inversion.request import EditRequest, InvertRequest
from demos.inversion.run import edit
from demos.inversion.strides import DIGIT, LONG, SHORT, STRIDES, strides
from demos.runs.archive import Archive
from demos.runs.stream import streamed
from demos.views.numbers import noise_power
from demos.words import sentence, table
from tests.demos import finished, last

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def archive() -> Archive:
    """What stays of the lesson."""
    return last(streamed(strides()))[1]


def test_both_runs_are_on_one_timeline_from_noise_to_clean(archive):
    message = archive.message
    frames = message["frames"]
    assert len(frames) == message["total"] == LONG + SHORT + 1
    assert all(before["pos"] >= after["pos"] for before, after in pairwise(frames))
    end = frames[-1]["pictures"]
    assert BLANK not in end and len(set(end)) == 4


def test_the_figures_at_the_end_are_those_of_two_runs_from_one_noise(archive):
    session = archive.result
    model, noise = session.inversion.model, session.inversion.trajectory[-1]
    clean = model.pixels(session.x0)
    steps = {
        count: list(SAMPLERS["ddim"](model.denoiser("4"), noise, model.schedule.levels(count)))
        for count in (LONG, SHORT)
    }
    ends = {key: model.pixels(steps[n][-1].x_next) for key, n in (("many", LONG), ("few", SHORT))}
    kept = steps[LONG][SHORT]
    ends["kept"] = model.pixels(kept.x)
    key, values = archive.message["frames"][-1]["say"]
    assert key == "strides.end"
    for name, pixels in ends.items():
        assert values[name] == pytest.approx(psnr(pixels, clean), abs=0.01)
    assert values["kept"] < 15 and values["few"] > 20 and values["many"] > values["few"]
    assert values["share"] == pytest.approx(noise_power(kept.level, session.x0))


def test_the_controls_are_told_what_is_on_the_stage(archive):
    """A digit on stage while the controls say emoji, dog: that was the fault."""
    settings = dict(archive.message["settings"])
    assert settings.pop("lesson") == "strides"  # by which a link finds it
    assert settings == InvertRequest.of(**STRIDES).settings()
    assert (STRIDES["model"], STRIDES["digit"], STRIDES["label"]) == ("digits", DIGIT, str(DIGIT))
    counting = {"model", "source", "digit", "index", "label", "method", "steps", "seed"}
    assert set(STRIDES) == counting | {"invert_guidance"} == set(settings)
    first = next(page.stepped())
    assert first[2:] == tuple(STRIDES.values())
    assert list(STRIDES).index("source") < list(STRIDES).index("model")


def test_the_lesson_leaves_its_inversion_to_be_looked_at_and_edited(archive):
    """The microscope became an empty box."""
    session = page.session_of(archive)
    assert session is not None and session.request == InvertRequest.of(**STRIDES)
    assert len(session.off) == LONG + 1
    assert microscope.report(session).count("<svg") == 2
    request = EditRequest.of(session, strength=0.1)
    assert finished(edit(request)).edited is not None


def test_its_chip_says_that_it_is_a_digit():
    assert "digit" in table("en")["invert.chip.strides"]
    assert "数字" in table("zh")["invert.chip.strides"]


def test_it_is_told_in_every_language(archive):
    message = archive.message
    says = [message["title"], *(each["title"] for each in message["panels"])]
    says += [each["say"] for each in message["frames"]]
    for say in says:
        assert not isinstance(say, str) and sentence(say, "zh") != sentence(say)


def test_what_follows_from_a_run_hears_of_its_end():
    """The state changes with the first message, and again once the run has a result."""
    kept = [archive for _, archive in page.inverted(steps=2) if isinstance(archive, Archive)]
    assert len(kept) == 2 and deep_hash(kept[0]) != deep_hash(kept[1])
    assert kept[-1].message and kept[-1].result is not None
