"""The page of schedules: its event, its controls, and their words."""

import inspect
import json
from typing import Any

import gradio as gr
import pytest

from demos.schedules.page import at_first, explored, typed
from demos.schedules.page import schedule as answer
from demos.schedules.parameters import PARAMETERS, Parameters, offered
from demos.views.charts import QUANTITIES
from demos.words import sentence, table
from tests.demos.test_schedules import RANGES, compared


def controls_of(first, second, *shared):
    """What the controls of the page hold: both groups, then what is shared."""
    groups = (Parameters.at_first(name) for name in (first, second))
    values = [getattr(group, name) for group in groups for name in Parameters.controls()]
    return [*values, *shared]


def test_the_event_takes_the_arguments_that_it_took():
    taken = {name: each.default for name, each in inspect.signature(answer).parameters.items()}
    assert taken == {
        "first": "linear",
        "second": "cosine",
        "quantity": "alpha_bar",
        "steps": 10,
        "spacing": "trailing",
        "digit": 3,
        "first_parameters": None,
        "second_parameters": None,
    }
    sent = json.loads(answer("cosine", "flow", steps=3))
    assert sent["status"] == "done" and sent["settings"]["steps"] == 3


def test_the_event_answers_with_one_text():
    with gr.Blocks() as blocks:
        gr.api(typed(answer), api_name="schedule")
    info: Any = blocks.get_api_info()
    described = info["named_endpoints"]["/schedule"]
    assert [each["type"]["type"] for each in described["returns"]] == ["string"]
    types = {each["parameter_name"]: each["type"] for each in described["parameters"]}
    assert types["steps"] == {"type": "integer"} and "object" in str(types["first_parameters"])


def test_the_controls_draw_what_the_event_answers():
    held = controls_of("linear", "karras", "snr", 5, "linspace", 2)
    drawn, sent = explored(*held), compared("linear", "karras", "snr", 5, "linspace", 2)
    for name in ("title", "chart", "ticks", "curve"):
        assert drawn[name] == sent[name]
    assert drawn["settings"]["second_parameters"] == {
        "sigma_min": 0.002,
        "sigma_max": 80.0,
        "rho": 7.0,
    }
    held[2] = 0.05  # beta at t = T - 1 of the first
    assert "linear: beta_end = 0.05" in sentence(explored(*held)["title"])


def test_every_start_lies_on_its_slider():
    for name in offered():
        start = Parameters.at_first(name)
        for key, field in RANGES.items():
            if start.asked(key):
                low, high = field.slider or (field.low, field.high)
                assert low <= getattr(start, key) <= high, (name, key)


def test_reset_brings_back_the_first_comparison():
    values = at_first()
    assert len(values) == len(controls_of("linear", "cosine", 1, 2, 3, 4))
    assert [each["value"] for each in values if isinstance(each, dict)] == controls_of(
        "linear", "cosine"
    )
    assert values[-4:] == ["alpha_bar", 10, "trailing", 3]


def test_every_parameter_has_words_in_both_languages():
    for language in ("en", "zh"):
        for key in PARAMETERS:
            assert table(language)[f"schedule.{key}.label"]
            assert table(language)[f"schedule.{key}.info"]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_curve_of_a_model_can_be_drawn(quantity):
    assert 'class="chart"' in compared("digits", "flow", quantity=quantity)["chart"]
