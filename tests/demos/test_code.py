"""The code of a run makes the run's picture: executed, and compared pixel by pixel."""

import ast
import contextlib
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.mistakes import MISTAKES
from core.tapes import Tape
from demos import CODES
from demos.exports.answer import KINDS, answered
from demos.exports.code import literal
from demos.inversion import run as inverting
from demos.sampling.code import core_code
from demos.sampling.request import SampleRequest
from demos.sampling.with_diffusers import diffusers_code
from demos.words import Refusal, sentence
from tests.demos import finished
from tests.demos.coded import EMOJI, answer, executed, same, stage

SAMPLES = (
    {},
    {"sampler": "ddpm", "steps": 20, "seed": 3},
    {"sampler": "heun", "steps": 6, "label": ""},
    {"sampler": "dpmpp_2m", "steps": 8},
    {"sampler": "dpmpp_2m_sde", "steps": 8, "eta": 0.3},
    {"sampler": "ddim", "steps": 10, "eta": 0.5},
    {"sampler": "ddpm", "steps": 10, "variance": "beta"},
    {"model": "digits-variance", "sampler": "ddpm", "steps": 6, "variance": "learned"},
    {"steps": 7, "spacing": "leading", "guidance": 1},
    {"steps": 10, "clip_x0": True, "guidance": 8, "show": "guidance split"},
    {"sampler": "unipc", "steps": 8, "batch": 5, "seed": 2**32 - 9},
    {"model": "exact", "steps": 6, "guidance": 1, "schedule": "cosine"},
    {"model": "exact", "steps": 5, "guidance": 1, "schedule": "drawn"},
    {"model": "basic", "sampler": "naive", "steps": 6, "label": "", "guidance": 1},
    EMOJI | {"steps": 5, "negative": "a cat, 'sketch'"},
    EMOJI | {"steps": 4, "show": "attention per word", "batch": 2},
    {"steps": 8, "start": 0.5},
    {"steps": 6, "guided_by": "classifier", "show": "classifier"},
    {"model": "exact", "steps": 4, "guided_by": "classifier"},
)
TRAININGS: tuple[dict[str, Any], ...] = (
    {"network": "basic", "noise": "uniform", "target": "sample", "steps": 10, "batch": 4},
    {"data": "one digit", "digit": 3, "network": "basic", "steps": 10, "batch": 4, "seed": 2},
)
NOISES = (
    {"frames": 5},
    {"model": "basic", "process": "closed form", "frames": 4},
    {"process": "Markov chain", "frames": 5, "digit": 2, "index": 7, "seed": 5},
    {"model": "emoji", "source": "scene", "frames": 3},
    {"source": "photograph", "photo": "rocket", "frames": 3},
    {"model": "emoji", "source": "photograph", "frames": 3},
    {"model": "emoji", "source": "scene", "frames": 4, "process": "Markov chain"},
    {"process": "another t", "source": "noise", "index": 2, "frames": 4},
    {"model": "emoji", "process": "another t", "source": "scene", "at": 300, "frames": 3},
    {"model": "emoji", "source": "noise", "frames": 3},
    {"model": "exact", "process": "another t", "frames": 3},
    {"model": "emoji", "source": "scene", "process": "autoencoder", "frames": 3},
    {
        "model": "emoji",
        "source": "photograph",
        "process": "autoencoder",
        "other": "red apple",
        "frames": 2,
    },
)
INVERSIONS = (
    {"steps": 4},
    {"steps": 3, "source": "library", "method": "edict", "invert_guidance": 2.0, "label": "3"},
    {"steps": 3, "method": "edit_friendly", "seed": 9},
    {"model": "emoji", "source": "scene", "steps": 3},
    {"model": "emoji", "source": "photograph", "photo": "coffee", "steps": 3},
    {"model": "emoji", "source": "library", "steps": 3, "prompt": "x"},
)
EDITS = (
    {"steps": 4, "target": "3", "guidance": 2.0, "mask": "automatic"},
    {"steps": 4, "strength": 0.0},
    {"model": "emoji", "source": "scene", "steps": 4, "target_prompt": "fox", "strength": 0.5},
    {"model": "emoji", "source": "scene", "steps": 4, "target_prompt": "fox", "negative": "cat"},
)
EXPERIMENTS = (
    *({"kind": "bugs", "bug": bug, "steps": 8} for bug in MISTAKES),
    {"kind": "bugs", "bug": "clipped_inversion", "model": "emoji", "steps": 3},
    {"kind": "restoring", "steps": 6, "digit": 3, "index": 2, "seed": 4},
    {"kind": "inpainting", "steps": 12, "repeats": 2, "place": "bottom", "label": ""},
    {"kind": "inpainting", "model": "emoji", "steps": 3, "place": "middle", "guidance": 3.0},
    {"kind": "anagram", "label": "6", "label_two": "9", "steps": 6, "view": "quarter turn"},
    {"kind": "hybrid", "model": "emoji", "steps": 3, "spread": 1.5, "guidance": 1.0},
    {"kind": "walk", "steps": 4, "count": 10, "seed": 3},
    {"kind": "walk", "steps": 4, "count": 5, "way": "circle", "guidance": 1.0},
    {"kind": "poke", "steps": 5, "place": "top", "seed_two": 8},
    {"kind": "best", "steps": 5, "batch": 4, "label": "2"},
)
RUNS = [
    (event, each)
    for event, table in zip(
        CODES, (NOISES, SAMPLES, INVERSIONS, EDITS, EXPERIMENTS, TRAININGS), strict=True
    )
    for each in table
]


def test_all_events_that_make_a_picture_have_code():
    assert list(CODES) == ["noise", "sample", "invert", "edit", "experiment", "train"]


@pytest.mark.slow
@pytest.mark.parametrize(("event", "asked"), RUNS, ids=str)
def test_the_code_with_core_makes_the_picture_of_the_stage(event, asked, folder, monkeypatch):
    """Not one value of one pixel differs."""
    threads = str(torch.get_num_threads())  # sums depend on how many, and a training on sums
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    request = CODES[event].read(asked)
    source = CODES[event].core(request).script()
    assert "demos" not in source
    assert same(executed(source, folder, monkeypatch), stage(event, request))


# ---- what a learner typed -----------------------------------------------------------------------

HOSTILE = st.text(max_size=60) | st.sampled_from(
    ["'''", '"""', "\\", "a\nimport os", '")\nraise SystemExit("', "\u202e\u2028", "{x}", "\ud800"]
)


@given(HOSTILE)
@settings(derandomize=True, max_examples=300, deadline=None)
def test_text_stays_text(text):
    assert ast.literal_eval(literal(text)) == text and "\n" not in literal(text)


def choices(request):
    """Settings of every kind that a request may have."""
    drawn = {}
    for name, field in request.controls().items():
        values = [each for each in (field.default, *field.ends()) if each != ""]
        drawn[name] = st.sampled_from(values) if values else HOSTILE
    return st.fixed_dictionaries({}, optional=drawn | {"prompt": HOSTILE, "negative": HOSTILE})


@given(choices(SampleRequest))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_whatever_can_be_sampled_has_code_that_compiles(asked):
    kept, request = {}, SampleRequest.of()
    for name, value in asked.items():  # what goes together
        with contextlib.suppress(Refusal):
            request = SampleRequest.of(**kept, **{name: value})
            kept[name] = value
    kinds = [core_code]
    try:
        diffusers_code(request)
        kinds.append(diffusers_code)
    except Refusal as error:
        assert sentence(error.say, "zh")
    for kind in kinds:
        source = kind(request).script()
        tree = ast.parse(source)
        texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        assert request.guidance == 1 or request.guidance in texts
        if request.asked("prompt") and kind is core_code:
            assert not request.prompt or request.prompt in texts
        assert {type(node) for node in tree.body} <= ALLOWED, source


ALLOWED = {ast.Import, ast.ImportFrom, ast.Assign, ast.For, ast.With, ast.Expr, ast.FunctionDef}


@pytest.mark.parametrize(
    ("event", "asked", "said"),
    [
        ("noise", {"source": "upload"}, "my-picture.png"),
        ("invert", {"source": "drawing"}, "my-drawing.png"),
        ("edit", {"mask": "drawn"}, "my-mask.png"),
    ],
)
def test_a_picture_that_was_sent_is_a_file_that_the_text_names(
    event, asked, said, folder, monkeypatch
):
    digit = Image.new("L", (60, 60), 255)
    digit.paste(0, (25, 10, 34, 50))
    digit.save(folder / said)
    steps = {"frames": 3} if event == "noise" else {"steps": 2}
    writer = CODES[event]
    code = writer.core(writer.read(asked | steps))
    assert any(said in sentence(note) for note in code.notes)
    assert executed(code.script(), folder, monkeypatch).size == (28, 28)


# ---- the answer of the server -------------------------------------------------------------------


def test_an_edit_is_asked_for_with_the_settings_on_the_stage():
    tape = next(inverting.edit(edit_of({"steps": 3, "target": "3"})))
    assert isinstance(tape, Tape)
    told = answer(event="edit", settings=dict(tape.request), language="en")
    assert 'method.edit(inversion, "3"' in told["core"]["code"]
    assert told["diffusers"]["refused"] == ["code.refused.picture", {}]


def edit_of(asked):
    request = CODES["edit"].read(asked)
    session = finished(inverting.invert(request.session.request))
    return type(request).of(session=session, target=request.target)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (None, "Code is written for runs"),
        ("{", "Code is written for runs"),
        ("[]", "Code is written for runs"),
        ('{"event": "schedule", "settings": {}}', "Code is written for runs"),
        ('{"event": ["sample"], "settings": {}}', "Code is written for runs"),
        ('{"event": "sample", "settings": 3}', "Code is written for runs"),
        ('{"event": "sample", "settings": {"sleep": 3}}', "does not know: sleep"),
        ('{"event": "edit", "settings": {"sleep": 3}}', "does not know: sleep"),
        ('{"event": "sample", "settings": {"steps": 0}}', "1..1000"),
        ('{"event": "sample", "settings": {"model": "gone"}}', "gone"),
    ],
)
def test_bad_settings_are_one_sentence(asked, said):
    told = answered(asked, CODES)
    assert all(said in sentence(told[kind]["refused"]) for kind in KINDS)


def test_a_picture_that_the_sampler_sent_is_in_no_settings():
    told = answer(event="invert", settings={"source": "generated"}, language="en")
    assert "tab Sample" in sentence(told["core"]["refused"])
