"""Calls through replicas: the same pictures, also where a replica dies, and a plain end."""

import asyncio
import threading
import time
from typing import Any

import pytest
import torch

from core.engine import ENGINE, Call, Engine, alone, answered_by
from core.models import MODELS, add_folder, load
from core.remote import cluster as sending
from core.remote import replicas as answering
from core.remote.calls import packed, question_of, unpacked
from core.remote.cluster import LOST, TOGETHER, TRIES, Cluster, Lost
from core.remote.replicas import Replica
from tests.core import normal
from tests.core.test_engine import Waves, runs, sampled

PATIENCE = 60  # seconds


class InTurn:
    """A transport to replicas of this process, one after the other; the dead ones lose calls.

    One that is known to be dead is asked again only where there is no other, as in a router.
    """

    def __init__(self, *places):
        self.places, self.dead, self.known, self.messages = places, set(), set(), []

    async def __call__(self, questions):
        places = [each for each in self.places if each not in self.known] or self.places
        place = places[len(self.messages) % len(places)]
        self.messages.append(len(questions))
        async for reply in place.answers(questions):
            if place in self.dead:
                break
            yield reply
        if place in self.dead:
            self.known.add(place)
            raise Lost("dead")


@pytest.fixture
def started(monkeypatch):
    """Makes a cluster of a transport; all calls are answered by it until the end of the test."""
    made = []

    def start(transport, **options):
        monkeypatch.setattr(sending, "PAUSE", 0.001)
        made.append(Cluster(transport, **options))
        answered_by(made[-1])
        return made[-1]

    yield start
    answered_by(ENGINE)
    for each in made:
        each.close()


@pytest.fixture
def pair():
    """Two replicas, each with an engine of its own."""
    return Replica(Engine()), Replica(Engine())


def digits() -> Any:
    return load("digits", device="cpu")


def called(t: Any = 500.0, rows=2):
    """A network call of the digit model."""
    with torch.no_grad():
        return digits().forward(normal(rows, 1, 28, 28), t, torch.arange(rows))


def call(model, x=None, t=500.0, condition=None, **asked):
    x = normal(2, *model.shape) if x is None else x
    return Call(type(model).forward.__wrapped__, model, x, t, condition, asked)


# ---- which calls travel -------------------------------------------------------------------------


def test_a_plain_call_travels_with_its_model_by_name():
    found = question_of(call(digits(), condition=torch.tensor([7, 10])))
    assert found is not None
    assert (found.model, found.dtype, found.t) == ("digits", "float32", 500.0)
    assert torch.equal(unpacked(found.x), normal(2, 1, 28, 28))
    assert found.condition and unpacked(found.condition).tolist() == [7, 10]
    emoji: Any = load("emoji", device="cpu")
    text = torch.cat([emoji.embed("a dog"), emoji.embed("")])
    assert question_of(call(emoji, condition=text)) and question_of(call(load("basic")))


def test_calls_that_are_looked_into_or_asked_for_more_stay():
    x, emoji = normal(2, 1, 28, 28), load("emoji", device="cpu")
    assert question_of(call(digits(), x.requires_grad_())) is None
    assert question_of(call(emoji, condition=normal(2, 4, 8).requires_grad_())) is None
    assert question_of(call(emoji, record=[])) is None
    assert question_of(call(emoji, guidance=3.0)) is None
    with alone():
        assert question_of(call(digits())) is None
    with torch.no_grad():
        assert question_of(call(digits(), x)), "nobody asks for its gradient"


def test_models_that_a_replica_cannot_know_stay(plain, tmp_path, monkeypatch):
    waves = Waves()
    assert question_of(Call(Waves.forward.__wrapped__, waves, normal(1, 1), 1.0, None, {})) is None
    name = add_folder(plain)
    try:
        assert question_of(call(load(name))) is None, "a folder of this machine"
    finally:
        del MODELS[name]
    model, card = digits(), digits().card
    monkeypatch.setitem(MODELS, "digits", MODELS["basic"])
    assert question_of(call(model)) is None, "another model has its name"
    monkeypatch.setitem(MODELS, "digits", card)
    other = Call(lambda *given: given[1], model, normal(1, 1, 28, 28), 1.0, None, {})
    assert question_of(other) is None, "not its network call"


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64]
)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4)])
def test_a_tensor_arrives_as_it_was_sent(dtype, shape):
    x = (10 * normal(*shape, 2)[..., 0]).to(dtype)  # not contiguous
    found = unpacked(packed(x))
    assert torch.equal(found, x) and found.dtype == x.dtype and found.shape == x.shape


# ---- answers ------------------------------------------------------------------------------------


def test_runs_through_replicas_are_those_of_runs_alone(pool, pair, started):
    asked = [each for each in runs() if each[0] != "emoji"][:8]
    expected = [sampled(*each) for each in asked]
    transport, before = InTurn(*pair), ENGINE.sizes.copy()
    started(transport)
    found = [each.result() for each in [pool.submit(sampled, *each) for each in asked]]
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= 1e-4
    assert before == ENGINE.sizes, "nothing was computed here"
    assert all(each.engine.sizes for each in pair) and max(transport.messages) <= TOGETHER


def test_a_level_for_each_row_travels_too(pair, started):
    t = torch.tensor([10.0, 900.0])
    expected = called(t)
    started(InTurn(*pair))
    assert torch.allclose(called(t), expected, atol=1e-5)


def test_calls_of_one_moment_travel_together_and_in_several_messages(pool, pair, started):
    transport, held = InTurn(*pair), threading.Event()
    cluster = started(transport)
    cluster._loop.call_soon_threadsafe(held.wait)
    answers = [pool.submit(called, 100.0 * k) for k in range(2 * TOGETHER + 1)]
    deadline = time.monotonic() + PATIENCE
    while len(cluster._waiting) < len(answers):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    held.set()
    found = [each.result() for each in answers]
    assert transport.messages == [TOGETHER, TOGETHER, 1]
    answered_by(ENGINE)
    for k, each in enumerate(found):
        assert torch.allclose(each, called(100.0 * k), atol=1e-5), "each gets its own"


def test_an_answer_does_not_wait_for_the_others_of_its_message(pool, pair, started):
    going, messages = threading.Event(), []

    async def slow(questions):
        messages.append(questions)
        found = [each async for each in pair[0].answers(questions)]
        for place, reply in sorted(found, key=lambda each: questions[each[0]].t):
            yield place, reply
            while not going.is_set():
                await asyncio.sleep(0.001)

    held = threading.Event()
    cluster = started(slow)
    cluster._loop.call_soon_threadsafe(held.wait)
    first, second = pool.submit(called, 1.0), pool.submit(called, 2.0)
    while len(cluster._waiting) < 2:
        time.sleep(0.001)
    held.set()
    assert first.result(PATIENCE).shape == (2, 1, 28, 28)
    assert called(0.0).shape == (2, 1, 28, 28), "who comes later is let in"
    assert not second.done() and len(messages) == 2
    going.set()
    assert second.result(PATIENCE).shape == (2, 1, 28, 28)


def test_what_a_network_raises_reaches_whoever_called(pair, started):
    started(InTurn(*pair))
    with pytest.raises(RuntimeError, match="IndexError"), torch.no_grad():
        digits().forward(normal(1, 1, 28, 28), 5.0, torch.tensor([99]))
    assert called().shape == (2, 1, 28, 28)


def test_a_model_that_a_replica_cannot_load_is_computed_here(pair, started, monkeypatch):
    def refusing(*given, **named):
        raise ValueError("its weights are not here")

    expected, transport = called(), InTurn(*pair)
    cluster = started(transport)
    model, x = digits(), normal(2, 1, 28, 28)
    monkeypatch.setattr(answering, "load", refusing)
    with torch.no_grad():
        found = [model.forward(x, 500.0, torch.arange(2)) for _ in range(3)]
    assert all(torch.equal(each, expected) for each in found)
    assert transport.messages == [1] and cluster.unloaded == {"digits"}, "it is asked once"


# ---- what is lost -------------------------------------------------------------------------------


def test_a_run_goes_on_where_a_replica_dies(pool, pair, started):
    asked = [each for each in runs() if each[0] == "digits"][:6]
    expected = [sampled(*each) for each in asked]
    transport = InTurn(*pair)
    started(transport)
    answers = [pool.submit(sampled, *each) for each in asked]
    deadline = time.monotonic() + PATIENCE
    while len(transport.messages) < 10:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    transport.dead.add(pair[0])
    for each, other in zip(answers, expected, strict=True):
        assert (each.result() - other).abs().max() <= 1e-4


def test_what_has_come_of_a_message_is_kept_and_the_rest_is_sent_again(pool, pair, started):
    messages = []

    async def cut(questions):
        messages.append(sorted(each.t for each in questions))
        async for reply in pair[0].answers(questions):
            yield reply
            if len(messages) == 1:
                return  # as a stream that ends early

    held = threading.Event()
    cluster = started(cut)
    cluster._loop.call_soon_threadsafe(held.wait)
    answers = [pool.submit(called, 100.0 * k) for k in range(3)]
    while len(cluster._waiting) < 3:
        time.sleep(0.001)
    held.set()
    found = [each.result(PATIENCE) for each in answers]
    assert sum(map(len, messages[1:])) == 2
    answered_by(ENGINE)
    assert all(torch.allclose(x, called(100.0 * k), atol=1e-5) for k, x in enumerate(found))


def test_where_all_are_lost_one_sentence_says_so(pair, started):
    transport = InTurn(*pair)
    transport.dead.update(pair)
    started(transport)
    with pytest.raises(ValueError, match=f"^{LOST}$") as caught:
        called()
    assert len(transport.messages) == TRIES and isinstance(caught.value.__cause__, Lost)


def test_a_replica_that_is_silent_is_waited_for_so_long_and_no_longer(started):
    async def silent(questions):
        await asyncio.sleep(PATIENCE)
        yield 0, packed(torch.zeros(1))

    started(silent, patience=0.2)
    begun = time.monotonic()
    with pytest.raises(ValueError, match=LOST):
        called()
    assert time.monotonic() - begun < PATIENCE / 2
