"""The code of a run makes the run's picture: executed, and compared pixel by pixel."""

import ast
import base64
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
from tests.demos import refused
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


def finished(run):
    while True:
        try:
            next(run)
        except StopIteration as stop:
            return stop.value


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
    {"model": "basic", "sampler": "naive", "steps": 6, "label": "", "guidance": 1},
    EMOJI | {"steps": 5, "negative": "a cat, 'sketch'"},
    EMOJI | {"steps": 4, "show": "attention per word", "batch": 2},
)
NOISES = (
    {"frames": 5},
    {"model": "basic", "process": "closed form", "frames": 4},
    {"process": "Markov chain", "frames": 5, "digit": 2, "index": 7, "seed": 5},
    {"model": "emoji", "source": "scene", "frames": 3},
    {"model": "emoji", "source": "scene", "frames": 4, "process": "Markov chain"},
)
INVERSIONS = (
    {"steps": 4},
    {"steps": 3, "source": "library", "method": "edict", "invert_guidance": 2.0, "label": "3"},
    {"steps": 3, "method": "edit_friendly", "seed": 9},
    {"model": "emoji", "source": "scene", "steps": 3},
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
