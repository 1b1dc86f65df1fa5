"""What the tabs share."""

import gradio as gr

from demos import sampling
from demos.widgets import Shared


def test_the_fields_of_the_sampler_are_judged_by_its_function_alone():
    with gr.Blocks() as blocks:
        sampling.build(Shared(gr.Tabs(), gr.State()))
    run = next(each for each in blocks.fns.values() if each.api_name == "sample")
    assert not run.preprocess  # one hop to another thread and back for each of 15 fields
