"""The code of a run makes the run's picture: executed, and compared pixel by pixel."""

import ast
import base64
import contextlib
import io
import json
import os
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient
from PIL import Image

from core.tapes import Tape
from demos import TABS
from demos.exports.answer import KINDS, answered
from demos.exports.code import imported, literal
from demos.forward import run as noising
from demos.inversion import run as inverting
from demos.sampling import run as sampling
from demos.sampling.code import core_code
from demos.sampling.request import SampleRequest
from demos.sampling.with_diffusers import diffusers_code
from demos.words import Refusal, sentence
from tests.demos import finished, refused
from tests.server import ROOT

WRITERS = {event: each for tab in TABS for event, each in getattr(tab, "CODES", {}).items()}
PROMPT = "dog face on a blue background"
EMOJI = {"model": "emoji", "prompt": PROMPT, "guidance": 3.0}
DIFFUSERS = 1  # of 255 levels, at most; the digits below come out equal


def opened(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def shown(run, panel):
    """The picture that a run ends with, in the panel of this key."""
    *_, frame = (each for each in run)
    picture = frame.pictures[panel]
    return opened(picture() if callable(picture) else picture)


def stage(event, request):
    """The picture on the stage when the run is over."""
    if event == "sample":
        return shown(sampling.run(request), "x_t" if request.show == "prediction" else "x0")
    if event == "noise":
        latents = request.card.space == "latents"
        return shown(noising.run(request), "decoded" if latents else "x_t")
    if event == "invert":
        return shown(inverting.invert(request), "back")
    session = finished(inverting.invert(request.session.request))
    asked = {name: getattr(request, name) for name in type(request).controls()}
    return shown(inverting.edit(type(request).of(**{**asked, "session": session})), "edit")


def executed(source, folder, monkeypatch):
    """The picture that the code makes, in a namespace of its own; it is the one it saves."""
    monkeypatch.chdir(folder)
    names = {}
    exec(compile(source, "snippet", "exec"), names)
    assert same(Image.open("picture.png"), names["picture"])
    return names["picture"]


def levels(picture):
    return np.asarray(picture.convert("RGB")).astype(int)


def same(one, other):
    return np.array_equal(levels(one), levels(other))


def apart(one, other):
    assert one.size == other.size
    return int(abs(levels(one) - levels(other)).max())


@pytest.fixture
def folder(tmp_path):
    """A folder as that of Stepwise, in which a picture may be saved."""
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    return tmp_path


SAMPLES = (
    {},
    {"sampler": "ddpm", "steps": 20, "seed": 3},
    {"sampler": "heun", "steps": 6, "label": ""},
    {"sampler": "dpmpp_2m", "steps": 8},
    {"sampler": "dpmpp_2m_sde", "steps": 8, "eta": 0.3},
    {"sampler": "ddim", "steps": 10, "eta": 0.5},
    {"sampler": "ddpm", "steps": 10, "variance": "beta"},
    {"steps": 7, "spacing": "leading", "guidance": 1},
    {"steps": 10, "clip_x0": True, "guidance": 8, "show": "guidance split"},
    {"sampler": "unipc", "steps": 8, "batch": 5, "seed": 2**32 - 9},
    {"model": "exact", "steps": 6, "guidance": 1, "schedule": "cosine"},
    {"model": "exact", "steps": 5, "guidance": 1, "schedule": "drawn"},
    {"model": "basic", "sampler": "naive", "steps": 6, "label": "", "guidance": 1},
    EMOJI | {"steps": 5, "negative": "a cat, 'sketch'"},
    EMOJI | {"steps": 4, "show": "attention per word", "batch": 2},
)
NOISES = (
    {"frames": 5},
    {"model": "basic", "process": "closed form", "frames": 4},
    {"process": "Markov chain", "frames": 5, "digit": 2, "index": 7, "seed": 5},
    {"model": "emoji", "source": "scene", "frames": 3},
    {"source": "photograph", "photo": "rocket", "frames": 3},
    {"model": "emoji", "source": "photograph", "frames": 3},
    {"model": "emoji", "source": "scene", "frames": 4, "process": "Markov chain"},
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
)
RUNS = [
    (event, each)
    for event, table in zip(WRITERS, (NOISES, SAMPLES, INVERSIONS, EDITS), strict=True)
    for each in table
]


def test_all_events_that_make_a_picture_have_code():
    assert list(WRITERS) == ["noise", "sample", "invert", "edit"]


@pytest.mark.parametrize(("event", "asked"), RUNS, ids=str)
def test_the_code_with_core_makes_the_picture_of_the_stage(event, asked, folder, monkeypatch):
    """Not one value of one pixel differs."""
    request = WRITERS[event].read(asked)
    source = WRITERS[event].core(request).script()
    assert "demos" not in source
    assert same(executed(source, folder, monkeypatch), stage(event, request))


ALONE = (
    ({}, 0),
    ({"steps": 30, "sampler": "ddpm", "batch": 3}, 0),
    ({"steps": 20, "eta": 0.5, "guidance": 1}, 0),
    ({"steps": 7, "spacing": "leading", "eta": 0.2, "clip_x0": True}, 0),
    ({"steps": 9, "spacing": "linspace", "sampler": "euler", "label": ""}, 0),
    ({"steps": 6, "sampler": "heun", "spacing": "linspace"}, 0),
    ({"steps": 6, "sampler": "heun", "spacing": "leading", "seed": 4}, 0),
    ({"steps": 9, "sampler": "dpmpp_2m", "spacing": "leading"}, 0),
    ({"steps": 20, "sampler": "dpmpp_2m_sde", "seed": 2}, 0),
    (EMOJI | {"steps": 7, "sampler": "dpmpp_2m", "negative": "cat's \\ face"}, DIFFUSERS),
    (EMOJI | {"steps": 5, "sampler": "ddpm", "batch": 2, "spacing": "leading"}, DIFFUSERS),
    (EMOJI | {"steps": 6, "spacing": "linspace", "guidance": 1}, DIFFUSERS),
)


@pytest.mark.slow
@pytest.mark.parametrize(("asked", "most"), ALONE, ids=str)
def test_diffusers_alone_makes_the_same_picture(asked, most, folder, monkeypatch):
    """Digits come out equal, value by value; of emoji a value differs by 1 of 255 at most."""
    request = SampleRequest.of(**asked)
    source = diffusers_code(request).script()
    roots = {line.split()[1].partition(".")[0] for line in source.splitlines() if "import" in line}
    assert "core" not in roots and "demos" not in roots
    assert apart(executed(source, folder, monkeypatch), stage("sample", request)) <= most


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 30, 333, 999, 1000])
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
@pytest.mark.parametrize("sampler", ["ddim", "heun", "dpmpp_2m"])
def test_the_schedulers_visit_our_timesteps(sampler, spacing, steps, folder, monkeypatch):
    from core.models import load

    request = SampleRequest.of(sampler=sampler, spacing=spacing, steps=steps)
    monkeypatch.chdir(folder)
    cells = diffusers_code(request).cells
    names = {}
    exec(f"{imported([cells[0].imports])}\n{cells[0].source}", names)
    found = names["scheduler"].timesteps.tolist()
    visited = list(dict.fromkeys(map(int, found)))  # Heun's are there twice
    assert visited == load("digits").schedule.timesteps(steps, spacing)


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ({"model": "exact"}, "code.refused.exact"),
        ({"model": "basic", "label": "", "guidance": 1}, "code.refused.network"),
        ({"sampler": "pndm"}, "code.refused.sampler"),
        ({"sampler": "ddpm", "variance": "beta"}, "code.refused.variance"),
        ({"steps": 30, "eta": 0.5}, "code.refused.eta"),
        ({"steps": 30, "clip_x0": True}, "code.refused.clip"),
        ({"sampler": "heun", "clip_x0": True}, "code.refused.clip"),
        (EMOJI | {"guidance": 0.5}, "code.refused.guidance"),
    ],
)
def test_where_diffusers_cannot_it_is_said_why(asked, key):
    with pytest.raises(Refusal) as refusal:
        diffusers_code(SampleRequest.of(**asked))
    assert refusal.value.say[0] == key


def test_a_model_that_was_not_tried_has_no_diffusers_code():
    from core.models import SD

    assert "it was not tried" in refused(diffusers_code, SampleRequest.of(model=SD))


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
    writer = WRITERS[event]
    code = writer.core(writer.read(asked | steps))
    assert any(said in sentence(note) for note in code.notes)
    assert executed(code.script(), folder, monkeypatch).size == (28, 28)


# ---- the answer of the server -------------------------------------------------------------------


def answer(**asked):
    return answered(json.dumps(asked), WRITERS)


def test_an_edit_is_asked_for_with_the_settings_on_the_stage():
    tape = next(inverting.edit(edit_of({"steps": 3, "target": "3"})))
    assert isinstance(tape, Tape)
    told = answer(event="edit", settings=dict(tape.request), language="en")
    assert 'method.edit(inversion, "3"' in told["core"]["code"]
    assert told["diffusers"]["refused"] == ["code.refused.picture", {}]


def edit_of(asked):
    request = WRITERS["edit"].read(asked)
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
    told = answered(asked, WRITERS)
    assert all(said in sentence(told[kind]["refused"]) for kind in KINDS)


def test_a_picture_that_the_sampler_sent_is_in_no_settings():
    told = answer(event="invert", settings={"source": "generated"}, language="en")
    assert "tab Sample" in sentence(told["core"]["refused"])


# ---- notebooks ----------------------------------------------------------------------------------


def test_a_notebook_is_valid_and_speaks_the_language_of_the_page():
    hostile = "*a* [b](http://x) `c` <img src=x>\n# d"
    for language, text in (("en", "The finished picture"), ("zh", "完成的图片")):
        settings = {"model": "emoji", "prompt": hostile, "steps": 2}
        told = answer(event="sample", settings=settings, language=language)
        for kind in KINDS:
            notebook = nbformat.reads(told[kind]["notebook"], as_version=4)
            nbformat.validate(notebook)
            cells = [each.source for each in notebook.cells if each.cell_type == "markdown"]
            assert any(text in each for each in cells)
            assert "<img" not in cells[0].partition("    {")[0].replace("\\<", "")
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    ast.parse(cell.source)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_notebook_runs_in_a_clean_kernel_and_shows_the_picture(kind, folder):
    """And the file that it is runs nowhere else: its kernel knows nothing but the folder."""
    asked = {"steps": 5, "label": "3"}
    told = answer(event="sample", settings=asked, language="en")[kind]
    (folder / "core").symlink_to(ROOT / "core")
    notebook = nbformat.reads(told["notebook"], as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    pictures = [
        Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"])))
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    shown, strip = pictures
    assert shown.size == (280, 280) and strip.size[0] == 3 * 28
    small = shown.resize((28, 28), Image.Resampling.NEAREST)
    assert same(small.resize(shown.size, Image.Resampling.NEAREST), shown)
    assert same(small, stage("sample", SampleRequest.of(**asked)))


def test_the_script_runs_alone(folder):
    """In a process that has nothing but the folder."""
    request = SampleRequest.of(steps=3)
    (folder / "core").symlink_to(ROOT / "core")
    (folder / "run.py").write_text(core_code(request).script(), "utf-8")
    run = subprocess.run(
        [sys.executable, "run.py"], cwd=folder, capture_output=True, text=True, env=quiet()
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert same(Image.open(folder / "picture.png"), stage("sample", request))


def quiet():
    return {name: each for name, each in os.environ.items() if name != "PYTHONPATH"}
