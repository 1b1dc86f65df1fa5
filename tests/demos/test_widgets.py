"""What the tabs share of the page."""

import gradio as gr
import pytest

from demos import sampling
from demos.sampling.request import SampleRequest
from demos.ui.controls import away, control, update
from demos.ui.errors import language, shown
from demos.ui.recorded import Shared
from demos.ui.uploads import drawing_pad


def test_the_fields_of_the_sampler_are_judged_by_its_function_alone():
    with gr.Blocks() as blocks:
        sampling.build(Shared(gr.Tabs(), gr.State(), gr.State(), gr.State()))
    run = next(each for each in blocks.fns.values() if each.api_name == "sample")
    assert not run.preprocess  # one hop to another thread and back for each of 15 fields


def test_a_sentence_is_said_once_however_often_it_passes():
    def refuses():
        raise ValueError("steps must be 1 or more")

    twice = shown(shown(refuses))
    with pytest.raises(gr.Error) as caught:
        twice()
    assert caught.value.message == "Steps must be 1 or more."


def test_a_fault_is_said_too(capsys):
    with pytest.raises(gr.Error, match="the program has a fault here"):
        shown(lambda: {}["missing"])()
    assert "KeyError" in capsys.readouterr().err


def test_a_control_is_named_by_its_field():
    with gr.Blocks():
        steps = control(SampleRequest, "steps")
        show = control(SampleRequest, "show")
    assert steps.label.key == "steps.label" and steps.info.key == "sample.steps.info"
    assert (steps.minimum, steps.maximum, steps.value) == (1, 200, 50)
    assert [value for _, value in show.choices] == [
        "prediction", "guidance split", "update", "network"], "of digits"  # fmt: skip


def test_what_cannot_be_asked_for_is_greyed_out_with_the_reason():
    asked = SampleRequest.read(model="basic")
    closed = asked.closed()
    guidance = update(asked, "guidance", closed["guidance"])
    assert guidance["value"] == 1.0 and not guidance["interactive"]
    assert guidance["info"] == "The model basic has no guidance; use guidance 1."
    assert update(asked, "prompt", None) == gr.update(visible=False)
    assert update(asked, "prompt", None, away(drawing_pad()))["visible"] == "hidden"
    shows = update(SampleRequest.read(show="attention per word"), "show", None)
    assert shows["value"] == "prediction" and len(shows["choices"]) == 4


def test_without_a_page_the_language_is_english():
    assert language() == "en"
