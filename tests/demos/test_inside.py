"""What this server changes in Gradio: its queue and its sessions, without a network."""

import asyncio
from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest
from fastapi import HTTPException, Request
from gradio.data_classes import CancelBody, PredictBodyInternal
from gradio.queueing import Queue
from gradio.routes import App
from gradio.server_messages import ProcessCompletedMessage, ProcessStartsMessage
from gradio.state_holder import SessionState, StateHolder

from demos.ui.server.inside import Inside
from demos.ui.server.launch import GuardedApp
from demos.ui.server.names import Names
from demos.ui.server.queue import LONG, RUN, UNREAD, Mailbox
from demos.ui.server.refusals import Refused
from demos.ui.server.sessions import ALL_BYTES, SESSION_BYTES, Sessions
from demos.ui.server.work import HEAVY, seconds_of, takes


@takes(lambda seconds, **_: seconds)
def run(seconds, more=0):
    yield seconds


class Weighty:
    """Something that a run leaves behind."""

    def __init__(self, nbytes):
        self.nbytes = nbytes


@pytest.fixture
def inside():
    with gr.Blocks() as blocks:
        seconds, more, state = gr.Number(0), gr.Number(0), gr.State()
        gr.Button().click(run, [seconds, more], state, api_name="run")
    found = Inside(blocks)
    Sessions(found.busy).set_blocks(blocks)
    return found


def push(inside, seconds, session="me", language="en"):
    body = PredictBodyInternal(data=[seconds, 0], fn_index=0, session_hash=session)
    cookie = b"stepwise_language=" + language.encode()
    request = Request({"type": "http", "headers": [(b"cookie", cookie)]})
    return asyncio.run(inside.queue.push(body, request, None))


def test_what_is_changed_is_still_where_it_was():
    """Fails when a Gradio of another version has moved one of these."""
    changed: dict[type, list[str]] = {
        Queue: [
            "push",
            "get_events",
            "send_message",
            "broadcast_estimations",
            "compute_analytics_summary",
            "start",
            "clean_events",
        ],
        StateHolder: ["__getitem__", "update", "set_blocks"],
        SessionState: ["__setitem__", "_update_config", "_update_value_in_config"],
    }
    for owner, names in changed.items():
        missing: list[str] = [
            name for name in names if not isinstance(getattr(owner, name), Callable)
        ]
        assert not missing, (owner, missing)


def test_the_queue_looks_less_often_for_clicks_while_something_runs(inside):
    queue = inside.queue
    idle = queue.sleep_when_free
    queue.active_jobs = [None, []]
    assert queue.sleep_when_free == idle
    queue.active_jobs = [None, ["an event"]]
    assert idle < queue.sleep_when_free <= 0.02


def test_runs_wait_in_the_lane_of_their_length(inside):
    push(inside, 1)
    push(inside, HEAVY + 1)
    lanes = inside.queue.event_queue_per_concurrency_id
    assert [len(lanes[lane].queue) for lane in (RUN, LONG)] == [1, 1]
    with pytest.raises(HTTPException, match="1 of your runs"):
        push(inside, HEAVY + 1)
    with pytest.raises(HTTPException, match="您有 1 次运行"):
        push(inside, HEAVY + 1, language="zh")
    push(inside, HEAVY + 1, "another")


def test_who_is_already_in_line_is_not_told_of_every_newcomer(inside):
    for name in ("first", "second", "third"):
        push(inside, 1, name)
    inside.queue.broadcast_estimations(RUN)  # as Gradio does whenever a run starts
    boxes = inside.queue.pending_messages_per_session
    found = [[message.rank for message in drained(boxes[name])] for name in ("first", "third")]
    assert found == [[0, 0], [0, 2]], "its place in the line of small events, and in its own"


def test_a_run_is_ended_once_whose_answers_pile_up(inside):
    push(inside, 1)
    (event,) = inside.queue.event_ids_to_events.values()
    for _ in range(UNREAD + 50):
        inside.queue.send_message(event, ProcessStartsMessage(eta=None))
    messages = drained(inside.queue.pending_messages_per_session["me"])
    ends = [message for message in messages if isinstance(message, ProcessCompletedMessage)]
    assert len(messages) <= UNREAD + 2 and not event.alive
    assert ends == messages[-1:] and "Nobody read the answers" in ends[0].output["error"]


def test_answers_are_read_where_some_are_taken_or_none_is_there():
    mailbox = Mailbox()
    assert mailbox.is_read()
    for message in "ab":
        mailbox.put_nowait(message)
    assert not mailbox.is_read()
    assert mailbox.get_nowait() == "a"
    assert mailbox.is_read() and not mailbox.is_read()
    assert mailbox.get_nowait() == "b"
    assert mailbox.is_read() and mailbox.is_read()


def drained(mailbox):
    return [mailbox.get_nowait() for _ in range(mailbox.qsize())]


def test_long_runs_wait_for_somebody_to_listen(inside):
    queue = inside.queue
    push(inside, HEAVY + 1, "silent")
    push(inside, HEAVY + 1, "heard")
    assert queue.get_events() is None
    with inside.heard("heard"):
        events, _, lane = queue.get_events()
    assert events[0].session_hash == "heard" and lane == LONG


def test_the_work_of_a_run_is_that_of_its_arguments():
    assert seconds_of(run, [3.0]) == 3
    assert seconds_of(run, ["many"]) == 0  # it will end at once
    assert seconds_of(lambda: None, []) is None


def test_the_largest_sessions_forget_first(inside):
    holder = inside.blocks.state_holder
    state = next(key for key, block in inside.blocks.blocks.items() if isinstance(block, gr.State))
    holder["small"][state] = Weighty(1000)
    for number in range(ALL_BYTES // SESSION_BYTES + 1):
        holder[f"large {number}"][state] = Weighty(SESSION_BYTES)
    assert holder["small"][state].nbytes == 1000
    assert sum(session.nbytes for session in holder.session_data.values()) <= ALL_BYTES
    holder["huge"][state] = Weighty(SESSION_BYTES + 1)
    assert holder["huge"][state] is None


def test_a_session_with_an_open_page_is_never_forgotten(inside):
    holder = inside.blocks.state_holder
    holder.capacity = 10
    with inside.here("mine"):
        assert holder["mine"]
        for number in range(50):
            assert holder[f"other {number}"]
        assert "mine" in holder and len(holder.session_data) <= 11


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"fn_index": 7, "data": []}, "no event"),
        ({"fn_index": True, "data": []}, "no event"),
        ({"fn_index": 0, "data": [1]}, "a list of 2 values"),
        ({"fn_index": 0, "data": [1, 2], "trigger_id": 10**9}, "trigger_id"),
    ],
)
def test_calls_are_judged_before_they_wait(inside, body, said):
    with pytest.raises(Refused, match=said):
        inside.judge(body)


def routes(app: Any):
    """All routes of an app, also those of routers within it."""
    for each in app.routes:
        inner = getattr(each, "original_router", None)
        yield from routes(inner) if inner else [each]


def test_a_run_that_is_stopped_as_it_ends_is_no_error(inside, tmp_path):
    """Gradio's own routes: both look for the run, wait for its end, and delete it."""
    app = App.create_app(inside.blocks, app=GuardedApp(inside, Names([]), tmp_path))
    closing = asyncio.Event()

    (cancel,) = (each.endpoint for each in routes(app) if each.path.endswith("/cancel"))

    async def frames():
        try:
            yield 1
        finally:
            await closing.wait()

    async def both():
        app.iterators["one"] = run = frames()
        await anext(run)
        body = CancelBody(session_hash="me", fn_index=0, event_id="one")
        stops = [asyncio.create_task(cancel(body)) for _ in range(2)]
        await asyncio.sleep(0.05)
        closing.set()
        return await asyncio.gather(*stops)

    assert asyncio.run(both()) == [{"success": True}] * 2 and not app.iterators
