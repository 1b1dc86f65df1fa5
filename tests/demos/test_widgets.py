"""What the tabs share."""

from typing import Any

import gradio as gr

from demos import sampling
from demos.widgets import Shared, queued


def test_the_queue_looks_less_often_for_clicks_while_something_runs():
    with gr.Blocks() as blocks:
        gr.HTML()
    queue: Any = queued(blocks)._queue
    idle = queue.sleep_when_free
    queue.active_jobs = [None, []]
    assert queue.sleep_when_free == idle
    queue.active_jobs = [None, ["an event"]]
    assert idle < queue.sleep_when_free <= 0.02


def test_the_fields_of_the_sampler_are_judged_by_its_function_alone():
    with gr.Blocks() as blocks:
        sampling.build(Shared(gr.Tabs(), gr.State()))
    run = next(each for each in blocks.fns.values() if each.api_name == "sample")
    assert not run.preprocess  # one hop to another thread and back for each of 15 fields
