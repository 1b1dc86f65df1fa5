"""A class on one server: what a monitor sees of it, and learners who leave in the middle."""

import contextlib
import json
import socket
import threading
import uuid

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.attacks import serving, waited
from tests.server import Stream

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of this file alone: its counts are those of these tests."""
    with serving(tmp_path_factory.mktemp("class")) as running:
        assert waited(60, lambda: httpx.get(f"{running.address}/readyz").status_code == 200)
        yield running


def counts(server):
    """What /metrics says, by the names of the samples and their labels."""
    text = server.http.get("/metrics").text
    return {
        (sample.name.removeprefix("stepwise_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def together(server, count, **settings):
    """The last messages of so many learners who press Run at once."""
    finals = [{}] * count

    def learner(k):
        data = server.values("sample", **settings, seed=k)
        finals[k] = list(Stream(server.address, "sample", data))[-1]

    threads = [threading.Thread(target=learner, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return finals


# ---- what a monitor sees ------------------------------------------------------------------------


def test_a_server_that_is_up_says_so(server):
    assert server.http.get("/healthz").text == "alive\n"
    assert server.http.get("/readyz").text == "ready\n"


def test_counts_follow_the_runs_and_have_no_word_of_a_learner(server):
    together(server, 1, model="emoji", steps=1)  # a model tries its network when it is loaded
    before = counts(server)
    finals = together(server, 6, model="emoji", prompt="zebra on a secret background", steps=10)
    assert all(final["success"] for final in finals)
    after = counts(server)
    rows = after["batch_rows_sum",] - before["batch_rows_sum",]
    batches = after["batch_rows_count",] - before["batch_rows_count",]
    assert rows == 6 * 10 * 2, "two branches of guidance"
    assert batches < 6 * 10, "some were computed together"
    first = "first_frame_seconds_count"
    assert after[first,] - before[first,] == 6
    assert after["runs", "runs", "at work"] == after["runs", "runs", "waiting"] == 0
    assert after["calls",] == after["calls_waiting",] == 0
    text = server.http.get("/metrics").text
    assert "zebra" not in text and "secret" not in text


# ---- learners who leave -------------------------------------------------------------------------


@pytest.mark.parametrize("leaves", ["cancels", "closes the page"])
def test_who_leaves_frees_the_place_and_slows_nobody(server, leaves):
    """At another step each; those who close the page close its heartbeat, as a browser does."""

    def learner(k):
        session = uuid.uuid4().hex
        with contextlib.ExitStack() as stack:
            client = stack.enter_context(httpx.Client(base_url=server.address, timeout=60))
            page = client.stream("GET", f"/gradio_api/heartbeat/{session}")
            stack.enter_context(page)
            data = server.values("sample", steps=1000, seed=k)
            stream = Stream(server.address, "sample", data, session)
            for count, message in enumerate(stream):
                if message["msg"] == "process_generating" and count > k:
                    break
            if leaves == "cancels":
                cancelled(server, stream)
            stream.http.close()

    learners = [threading.Thread(target=learner, args=(k,)) for k in range(10)]
    for thread in learners:
        thread.start()
    assert all(final["success"] for final in together(server, 2, steps=20))
    for thread in learners:
        thread.join()
    assert waited(3, lambda: not counts(server)["calls",]), "within a step, and a busy machine"
    assert waited(3, lambda: not counts(server)["runs", "runs", "at work"])
    (alone,) = together(server, 1, steps=20)
    assert alone["success"]


def test_who_stalls_frees_the_place_and_hears_of_it_later(server):
    """The page stays open, but takes nothing more: more than the sockets hold is on its way."""
    narrow = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)]
    with contextlib.ExitStack() as stack:
        answers = []
        for k in range(3):
            data = server.values("sample", model="exact", steps=1000, batch=16, seed=k)
            stream = Stream(server.address, "sample", data)
            transport = httpx.HTTPTransport(socket_options=narrow)
            client = httpx.Client(transport=transport, base_url=server.address, timeout=60)
            stack.enter_context(client)
            stream.http.close()
            address = f"/gradio_api/queue/data?session_hash={stream.session}"
            parts = stack.enter_context(client.stream("GET", address)).iter_raw()
            answers.append(parts)
            for _ in range(10 + k):
                next(parts)
        (alone,) = together(server, 1, steps=20)
        assert alone["success"]
        assert waited(
            40, lambda: not any(lane(server)) and not counts(server)["runs", "runs", "at work"]
        )
        for parts in answers:
            *_, last, close = b"".join(parts).strip().split(b"\n\n")
            last, close = (json.loads(each.removeprefix(b"data:")) for each in (last, close))
            assert close["msg"] == "close_stream" and not last["success"]
            assert "Nobody read the answers" in last["output"]["error"]


# ---- the line -----------------------------------------------------------------------------------


def test_a_run_in_line_knows_its_place(server):
    """Long runs: two are at work, the others wait; who has none has no place."""

    def ahead(session):
        answer = server.http.get("/line", params={"session_hash": session})
        assert answer.status_code == 200
        return answer.json()["ahead"]

    data = server.values("sample", steps=1000, batch=16)
    streams = []
    for k in range(5):
        streams.append(Stream(server.address, "sample", data))
        threading.Thread(target=swallowed, args=(streams[-1],), daemon=True).start()
        at_work = min(k + 1, 2), max(0, k - 1)
        assert waited(10, lambda at_work=at_work: lane(server) == at_work)
    sessions = [stream.session for stream in streams]
    assert [ahead(each) for each in sessions] == [None, None, 0, 1, 2]
    assert ahead("of nobody") is None and ahead("") is None
    cancelled(server, streams[0])
    assert waited(10, lambda: [ahead(each) for each in sessions[2:]] == [None, 0, 1])
    for stream in streams[1:]:
        cancelled(server, stream)
    assert waited(10, lambda: lane(server) == (0, 0))


def lane(server):
    """Long runs at work and waiting."""
    found = counts(server)
    return found["runs", "long runs", "at work"], found["runs", "long runs", "waiting"]


def cancelled(server, stream):
    """Stop a run over a connection of its own: the other one ends with it."""
    body = {**stream.body, "event_id": stream.event}
    assert server.http.post("/gradio_api/cancel", json=body).is_success


def swallowed(stream):
    """Read what a run sends, until it ends or is cancelled."""
    with contextlib.suppress(httpx.HTTPError, json.JSONDecodeError):
        list(stream)
