"""What the tabs share."""

from typing import Any

import gradio as gr

from demos.widgets import queued


def test_the_queue_looks_less_often_for_clicks_while_something_runs():
    with gr.Blocks() as blocks:
        gr.HTML()
    queue: Any = queued(blocks)._queue
    idle = queue.sleep_when_free
    queue.active_jobs = [None, []]
    assert queue.sleep_when_free == idle
    queue.active_jobs = [None, ["an event"]]
    assert idle < queue.sleep_when_free <= 0.02
