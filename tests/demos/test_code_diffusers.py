"""A run as code with diffusers alone: the same picture, or the reason why there is none."""

import pytest

from demos.exports.code import imported
from demos.sampling.request import SampleRequest
from demos.sampling.with_diffusers import diffusers_code
from demos.words import Refusal
from tests.demos import refused
from tests.demos.coded import EMOJI, apart, executed, stage

DIFFUSERS = 1  # of 255 levels, at most; the digits below come out equal


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
    ({"model": "digits-variance", "steps": 10, "sampler": "ddpm"}, DIFFUSERS),
    ({"model": "digits-variance", "steps": 8, "sampler": "ddim", "guidance": 1}, DIFFUSERS),
    ({"model": "digits-variance", "steps": 8, "sampler": "dpmpp_2m"}, DIFFUSERS),
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
        ({"start": 0.5}, "code.refused.start"),
        ({"guided_by": "classifier"}, "code.refused.classifier"),
        ({"sampler": "ddpm", "variance": "beta"}, "code.refused.variance"),
        ({"model": "digits-variance", "sampler": "heun"}, "code.refused.faint"),
        (
            {"model": "digits-variance", "sampler": "ddpm", "variance": "learned"},
            "code.refused.variance",
        ),
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
