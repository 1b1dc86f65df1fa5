"""What the tabs share."""

import gradio as gr
import pytest

from demos import checks, sampling
from demos.widgets import Shared


def test_the_fields_of_the_sampler_are_judged_by_its_function_alone():
    with gr.Blocks() as blocks:
        sampling.build(Shared(gr.Tabs(), gr.State()))
    run = next(each for each in blocks.fns.values() if each.api_name == "sample")
    assert not run.preprocess  # one hop to another thread and back for each of 15 fields


def test_a_sentence_is_said_once_however_often_it_passes():
    def refuses():
        raise ValueError("steps must be 1 or more")

    twice = checks.shown(checks.shown(refuses))
    with pytest.raises(gr.Error) as caught:
        twice()
    assert caught.value.message == "Steps must be 1 or more."


def test_a_fault_is_said_too(capsys):
    with pytest.raises(gr.Error, match="the program has a fault here"):
        checks.shown(lambda: {}["missing"])()
    assert "KeyError" in capsys.readouterr().err
