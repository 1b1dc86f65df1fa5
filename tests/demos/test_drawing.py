"""A drawn schedule on the page: the tab, its advice, configs in and out, the sampler."""

import base64
import json
import re
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch

from core.bridge import config_of, schedule_of
from core.data import mnist, signed
from core.drawn_schedules import DRAWN, START, drawn, parsed, placed
from core.noise import seeded
from core.schedules import SCHEDULES, linear
from demos.sampling.page import sample as sampled
from demos.sampling.page import taken
from demos.sampling.panels import ladder
from demos.sampling.request import SampleRequest
from demos.schedules.advice import advice
from demos.schedules.configs import config_points
from demos.schedules.exchange import (
    adopted,
    drawn_over_config,
    drawn_over_schedule,
    handed_over,
    saved,
)
from demos.schedules.live import digits
from demos.schedules.page import redrawn
from demos.schedules.page import schedule as answer
from demos.schedules.parameters import PARAMETERS, Parameters
from demos.schedules.request import ScheduleRequest
from demos.schedules.run import message
from demos.ui.drawing import drawing
from demos.words import sentence
from tests.demos import refused

STEEP = "alpha_bar: 0 0.9, 0.45 0.89, 0.5 0.06, 1 0.05"


def held(name, **given):
    """What a group of controls holds."""
    group = Parameters.read(schedule=name, **given)
    return [getattr(group, key) for key in Parameters.controls()]


def told(schedule, steps=10, spacing="trailing", language="en"):
    return [sentence(each, language) for each in advice(schedule, steps, spacing)]


# ---- the tab ------------------------------------------------------------------------------------


def test_a_drawing_is_a_schedule_of_the_tab_with_its_points_as_a_parameter():
    sent = message(ScheduleRequest.of(first=DRAWN, first_parameters={"points": STEEP}))
    assert sentence(sent["title"]) == (
        "your drawing and cosine: 10 steps, trailing · 4 points on alpha-bar"
    )
    frame = sent["frames"][-1]["numbers"]
    assert frame["first_alpha"] == pytest.approx(0.05**0.5, rel=1e-4)
    again = message(ScheduleRequest.of(**sent["settings"]))
    assert [each["pictures"] for each in again["frames"]] == [
        each["pictures"] for each in sent["frames"]
    ]


def test_both_sides_can_be_drawn_by_the_api():
    sent = json.loads(answer(DRAWN, DRAWN, second_parameters={"points": "log_snr: 0 9, 1 -9"}))
    assert sentence(sent["title"]).startswith("your drawing and your drawing (second)")
    assert sent["settings"]["second_parameters"] == {"points": "log_snr: 0 9, 1 -9"}


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ("alpha_bar: 0 0.5, 1 0.6", "alpha_bar falls by 1e-06 at least, got 0.5, 0.6."),
        ("sideways", "a drawing begins with alpha_bar or log_snr"),
        ("x" * 401, "at most 400 characters"),
        (7, "text"),
    ],
)
def test_what_is_no_drawing_is_refused_in_a_sentence(points, reason):
    for call in (
        lambda: answer(DRAWN, first_parameters={"points": points}),
        lambda: SampleRequest.of(model="exact", guidance=1, schedule=DRAWN, points=points),
    ):
        assert reason in refused(call)


def test_another_schedule_takes_no_points():
    assert "no parameter points" in refused(answer, "linear", first_parameters={"points": STEEP})


def test_the_menu_shows_the_drawing_and_hides_the_other_parameters():
    _, *parameters = adopted(DRAWN)
    shown = {key for key, each in zip(PARAMETERS, parameters, strict=True) if each["visible"]}
    assert shown == {"points"}
    assert dict(zip(PARAMETERS, parameters, strict=True))["points"]["value"] == START


def test_a_drawing_is_text_for_clients():
    with gr.Blocks():
        field = drawing(START, "schedule", "first")
    assert field.api_info() == {"type": "string"}
    assert field.preprocess(START) == field.postprocess(START) == START


def test_what_the_browser_noises_is_what_the_server_noises():
    texts = re.findall(r'data-\w+="([^"]*)"', digits())
    pictures = np.frombuffer(base64.b64decode(texts[0]), np.uint8).reshape(10, 28, 28)
    noise = np.frombuffer(base64.b64decode(texts[1]), np.float32).reshape(28, 28)
    images, labels = mnist("test")
    for digit in (0, 7):
        first = images[(labels == digit).nonzero()[0]]
        assert (pictures[digit] == first[0, 0].numpy()).all()
        assert (noise == seeded(0, 1)(signed(first))[0, 0].numpy()).all()


# ---- what is worth knowing ----------------------------------------------------------------------


def test_the_advice_of_a_steep_drawing():
    assert told(drawn(1000, STEEP)) == [
        "Terminal SNR is 0.0526, above 0: at the last timestep the picture is still there at "
        "0.224 of its scale, while a run starts from noise alone.",
        "8 of 10 steps are wasted: each changes alpha-bar by less than 0.01, a tenth of an even "
        "step.",
        "The step from 499 to 399 alone changes alpha-bar by 0.832, 8.32 times an even step.",
        "Already at t = 0 noise is 10 % of the variance: a run ends by removing all of it in one "
        "step.",
    ]


def test_a_drawing_without_faults_is_told_its_end_alone():
    even = drawn(1000, "alpha_bar: 0 0.999, 1 0")
    assert told(even) == [
        "Terminal SNR is 0: the last timestep is noise alone, and a run starts from noise alone."
    ]


def test_the_figures_of_the_advice_are_those_of_the_run():
    schedule = drawn(1000, STEEP)
    levels = schedule.levels(10)
    falls = [b.alpha**2 - a.alpha**2 for a, b in pairwise(levels)]
    said = told(schedule)
    assert f"{sum(fall < 0.01 for fall in falls)} of 10 steps" in said[1]
    assert f"alpha-bar by {max(falls):.3g}," in said[2]
    assert all("噪声" in each or "步" in each for each in told(schedule, language="zh"))


def test_advice_stands_below_a_drawing_alone():
    rest = ["alpha_bar", 10, "trailing", 3]
    sent, first, second = redrawn(*held(DRAWN), *held("cosine"), *rest)
    assert sent["status"] == "done" and first.startswith("<ul><li") and second == ""


# ---- configs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["drawn", "linear", "cosine", "digits"])
def test_a_saved_config_is_the_same_schedule(name):
    text = saved(*held(name), "leading")
    config = json.loads(text)
    group = Parameters.at_first(name)
    sent = message(ScheduleRequest.of(first=name, second=name))
    assert config["_class_name"] == "DDIMScheduler" and config["timestep_spacing"] == "leading"
    read = schedule_of(config)
    alphas = [frame["numbers"]["first_alpha"] for frame in sent["frames"]]
    for frame, alpha in zip(sent["frames"], alphas, strict=True):
        assert float(read.alpha[int(frame["numbers"]["t"])]) == pytest.approx(alpha, rel=1e-4)
    assert group.schedule == name


@pytest.mark.parametrize("name", ["karras", "geometric", "flow"])
def test_what_diffusers_holds_not_as_betas_is_refused(name):
    assert f"{name} has no config" in refused(saved, *held(name), "trailing")


def test_a_config_becomes_points_and_says_how_close_they_come():
    *updates, html = drawn_over_config({"_class_name": "DDPMScheduler"})
    menu, *parameters = updates
    points = dict(zip(PARAMETERS, parameters, strict=True))["points"]["value"]
    assert menu["value"] == DRAWN and points == placed(linear())[0]
    error = float((drawn(1000, points).alpha_bar - linear().alpha_bar).abs().max())
    assert "12 points on the curve of DDPMScheduler" in html and f"{error:.3g} at most" in html


def test_a_config_that_ends_in_a_level_is_told_that_the_drawing_does_not():
    _, say = config_points({"_class_name": "DDIMScheduler", "set_alpha_to_one": False})
    assert "end in the level of a timestep" in sentence(say)
    assert "end in" not in sentence(config_points({"_class_name": "DDIMScheduler"})[1])


def test_a_config_without_a_class_is_read():
    _, say = config_points(config_of(linear()))
    assert sentence(say).startswith("12 points on the curve of the config")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (None, "one JSON object"),
        ("{}", "one JSON object"),
        ([1], "one JSON object"),
        ({}, "needs trained_betas"),
        ({"_class_name": "EDMEulerScheduler"}, "labels them by sigma"),
        ({"_class_name": "UNet2DModel"}, "must be a scheduler of diffusers"),
        ({"_class_name": ["x"]}, "must be a scheduler of diffusers"),
    ],
)
def test_what_is_no_config_is_one_sentence(config, reason):
    assert reason in refused(drawn_over_config, config)


def test_a_saved_drawing_is_opened_with_its_own_points():
    config = json.loads(saved(*held(DRAWN, points=STEEP), "trailing"))
    points, say = config_points(config)
    assert points == STEEP
    assert sentence(say) == "The 4 points of the drawing that this config was saved from."


@pytest.mark.parametrize("points", [START, "alpha_bar: 0 0.9, 1 0.95", "no drawing", 7])
def test_points_that_are_not_those_of_the_betas_do_not_count(points):
    config = json.loads(saved(*held(DRAWN, points=STEEP), "trailing")) | {"drawn_points": points}
    _, say = config_points(config)
    assert "on the curve of DDIMScheduler" in sentence(say)


def test_diffusers_leaves_the_points_aside():
    from diffusers import DDIMScheduler

    config = json.loads(saved(*held(DRAWN, points=STEEP), "linspace"))
    theirs: Any = DDIMScheduler.from_config(config)
    ours = drawn(1000, STEEP)
    assert float((theirs.alphas_cumprod.double() - ours.alpha_bar).abs().max()) < 1e-6
    theirs.set_timesteps(8)
    assert theirs.timesteps.tolist() == ours.timesteps(8, "linspace")


def test_any_schedule_of_the_menu_is_drawn_over():
    for name in (*SCHEDULES, "emoji"):
        *_, html = drawn_over_schedule(name)
        assert "points on the curve of" in html


# ---- the sampler --------------------------------------------------------------------------------


def test_the_sampler_runs_through_the_points():
    request = SampleRequest.of(
        model="exact", guidance=1, schedule=DRAWN, points=STEEP, steps=4, label="3"
    )
    levels = ladder(OWN, request)
    assert [level.alpha for level in levels] == [
        level.alpha for level in drawn(1000, STEEP).levels(4)
    ]
    assert request.settings()["points"] == STEEP
    assert "· schedule drawn" in sentence(request.title())
    assert "through 4 points" in sentence(request.title())


OWN: Any = SimpleNamespace(schedule=linear())  # a model, as far as its levels go


def test_points_count_only_where_the_schedule_is_drawn():
    request = SampleRequest.of(points="no drawing at all")
    assert "points" not in request.settings()
    assert torch.equal(OWN.schedule.alpha, linear().alpha)
    assert ladder(OWN, request) == linear().levels(50)


def test_a_trained_model_keeps_its_schedule():
    assert "own schedule" in refused(sampled, schedule=DRAWN)


def test_the_first_schedule_is_handed_to_the_sampler():
    (settings, _), _ = handed_over(*held(DRAWN, points=STEEP), 7, "linspace", 4)
    assert settings == {
        "model": "exact", "guidance": 1.0, "schedule": DRAWN, "points": STEEP,
        "label": "4", "steps": 7, "spacing": "linspace",
    }  # fmt: skip
    names = list(SampleRequest.controls())
    values: dict[str, Any] = dict(zip(names, taken(names, (settings, 0.0)), strict=True))
    assert {key: values[key] for key in settings} == settings and values["eta"] == ""
    (settings, _), _ = handed_over(*held("cosine"), 7, "linspace", 4)
    assert settings["schedule"] == "cosine" and "points" not in settings


@pytest.mark.parametrize(("name", "given"), [("cosine", {"s": 0.02}), ("digits", {})])
def test_what_the_sampler_cannot_name_is_refused(name, given):
    told = refused(handed_over, *held(name, **given), 7, "linspace", 4)
    assert "draw over it first" in told and parsed(START)
