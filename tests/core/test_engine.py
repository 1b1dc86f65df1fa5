"""Shared batches: the answers are those of runs alone, whoever else calls, and nobody starves."""

import os
import threading
import time
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from core import engine
from core.engine import ENGINE, FEW, ROWS, alone, shares
from core.features import inside, watched
from core.models import load
from core.samplers import SAMPLERS, seeded
from tests.core import normal

PATIENCE = 60  # seconds


class Waves:
    """A network of one line, told which calls it gets; the first of them waits for `go`."""

    def __init__(self, seconds=0.0, clock=None):
        self.seconds, self.clock = seconds, clock
        self.calls, self.modes, self.threads = [], [], []
        self.first, self.go = threading.Event(), threading.Event()
        self.go.set()

    @engine.shared
    def forward(self, x, t, condition=None, record=None):
        """t x, plus a condition; a list is told the calls that it was given to."""
        self.calls.append(len(x))
        self.modes.append(torch.is_grad_enabled())
        self.threads.append(threading.get_ident())
        self.first.set()
        assert self.go.wait(PATIENCE)
        if self.clock is not None:
            time.sleep(0.002)  # meanwhile all others have called
            self.clock[0] += self.seconds * len(x)
        if (x == 13).any():
            raise ValueError("thirteen")
        if record is not None:
            record.append(len(x))
        told = torch.as_tensor(t).view(-1, 1)
        return told * x + (0 if condition is None else condition)

    @engine.shared
    def backward(self, x, t, condition=None):
        """-t x: another network of the same model."""
        return -torch.as_tensor(t).view(-1, 1) * x


@pytest.fixture(autouse=True)
def one_slot(monkeypatch):
    """One batch at a time, and nothing left behind."""
    monkeypatch.setattr(ENGINE, "slots", 1)
    yield
    assert (ENGINE.waiting, ENGINE.callers, ENGINE._at_work) == (0, 0, 0)
    assert not ENGINE._given


def held(pool, network, rows=1):
    """A call that is at work until `go`."""
    network.go.clear()
    first = pool.submit(network.forward, torch.zeros(rows, 1), 1.0)
    assert network.first.wait(PATIENCE)
    return first


def until(count):
    """Wait until so many calls wait."""
    deadline = time.monotonic() + PATIENCE
    while ENGINE.waiting != count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def queued(pool, network, *calls):
    """The futures of calls that wait in this order."""
    found = []
    for call in calls:
        found.append(pool.submit(network.forward, *call))
        until(len(found))
    return found


# ---- what a batch is ----------------------------------------------------------------------------


def test_what_comes_meanwhile_is_one_batch_of_several_levels(pool):
    network = Waves()
    first = held(pool, network)
    x = [torch.full((2, 1), float(k)) for k in range(5)]
    conditions = [torch.full((2, 1), 100.0 * k) for k in range(5)]
    rest = queued(pool, network, *((x[k], float(k), conditions[k]) for k in range(5)))
    network.go.set()
    assert first.result().tolist() == [[0.0]]
    for k, each in enumerate(rest):
        assert each.result().tolist() == [[k * k + 100.0 * k]] * 2
    assert network.calls == [1, 10]


def test_two_networks_of_one_model_share_no_batch(pool):
    network, x = Waves(), torch.ones(2, 1)
    first = held(pool, network)
    [there] = queued(pool, network, (x, 3.0))
    back = pool.submit(network.backward, x, 3.0)
    until(2)
    network.go.set()
    first.result()
    assert (there.result() == 3).all() and (back.result() == -3).all()


def test_a_call_alone_is_the_plain_one(pool):
    network, x = Waves(), normal(3, 1)
    assert torch.equal(network.forward(x, 0.5), 0.5 * x)
    many = normal(40, 1)
    assert torch.equal(network.forward(many, 0.5), 0.5 * many)
    assert network.calls == [3, 16, 16, 8], "who comes meanwhile waits for one batch at most"


def test_another_shape_another_condition_and_another_model_are_other_batches(pool):
    network, other = Waves(), Waves()
    first = held(pool, network)
    column = torch.ones(1, 1)
    rest = queued(
        pool, network, (column, 1.0), (torch.ones(1, 2), 1.0), (column, 1.0, column), (column, 2.0)
    )
    rest.append(pool.submit(other.forward, column, 5.0))
    until(5)
    network.go.set()
    assert [each.result().flatten().tolist() for each in (first, *rest)] == [
        [0], [1], [1, 1], [2], [2], [5],
    ]  # fmt: skip
    assert sorted(network.calls) == [1, 1, 1, 2] and other.calls == [1]


def test_a_call_of_many_rows_gets_its_share_and_comes_back(pool):
    network = Waves()
    first = held(pool, network)
    large = torch.arange(40.0)[:, None] + 50
    small = [(torch.full((2, 1), 100.0 + k), 1.0) for k in range(6)]
    answers = queued(pool, network, (large, 2.0), *small)
    network.go.set()
    first.result()
    assert torch.equal(answers[0].result(), 2 * large)
    for each, (x, _) in zip(answers[1:], small, strict=True):
        assert torch.equal(each.result(), x)
    assert network.calls[:2] == [1, ROWS], "six others whole, and of the large one what is left"
    assert sum(network.calls) == 1 + 40 + 12 and len(network.calls) == 5


@given(some.lists(some.integers(1, 200), min_size=1, max_size=80), some.integers(1, 64))
def test_shares_are_full_and_fair(wanted, room):
    given_ = shares(wanted, room)
    assert sum(given_) == min(room, sum(wanted))
    assert all(0 <= each <= most for each, most in zip(given_, wanted, strict=True))
    first = next((k for k, each in enumerate(given_) if not each), len(wanted))
    assert not any(given_[first:]), "who came first is served first"
    assert all(
        each >= min(most, FEW) for each, most in zip(given_[:first][:-1], wanted, strict=False)
    )


# ---- what is computed alone ---------------------------------------------------------------------


def test_calls_with_gradients_or_a_record_are_alone_and_in_their_own_thread(pool):
    network = Waves()
    first, threads = held(pool, network), []

    def graded():
        threads.append(threading.get_ident())
        x = torch.ones(1, 1, requires_grad=True)
        network.forward(x, 3.0).sum().backward()
        return x.grad

    def recorded():
        threads.append(threading.get_ident())
        record = []
        network.forward(torch.ones(1, 1), 1.0, record=record)
        return record

    def looked_into():
        threads.append(threading.get_ident())
        with alone():
            return network.forward(torch.ones(1, 1), 1.0)

    answers = []
    for k, each in enumerate((graded, recorded, looked_into)):
        answers.append(pool.submit(each))
        until(k + 1)
    network.go.set()
    first.result()
    assert answers[0].result().tolist() == [[3.0]]
    assert answers[1].result() == [1]
    assert answers[2].result().tolist() == [[1.0]]
    assert network.calls == [1] * 4 and network.threads[1:] == threads


def test_others_are_not_seen_inside_of_a_network(pool):
    model: Any = load("digits", device="cpu")
    watched(model.network)
    level = model.schedule.levels(10)[3]

    def look():
        with inside() as seen, torch.no_grad():
            model.denoiser("3")(model.noise(1), level)
        return {name: each.clone() for name, each in seen.items()}

    expected = look()
    with torch.no_grad():
        others = [pool.submit(model.denoiser("5"), model.noise(k), level) for k in range(20)]
        found = [pool.submit(look) for _ in range(4)]
    for each in found:
        assert each.result().keys() == expected.keys()
        assert all(torch.equal(each.result()[name], expected[name]) for name in expected)
    assert all(each.result().x0.shape == (1, 1, 28, 28) for each in others)


# ---- what goes wrong ----------------------------------------------------------------------------


def test_an_error_is_that_of_its_own_call(pool):
    network = Waves()
    first = held(pool, network)
    rest = queued(
        pool, network, *((torch.full((1, 1), value), 1.0) for value in (12.0, 13.0, 14.0))
    )
    network.go.set()
    first.result()
    assert rest[0].result().item() == 12 and rest[2].result().item() == 14
    with pytest.raises(ValueError, match="thirteen"):
        rest[1].result()


def test_a_large_call_that_fails_fails_once(pool):
    network = Waves()
    first = held(pool, network)
    large = torch.zeros(60, 1)
    large[5] = 13
    answers = queued(pool, network, (large, 1.0), (torch.ones(1, 1), 1.0))
    network.go.set()
    first.result()
    with pytest.raises(ValueError, match="thirteen"):
        answers[0].result()
    assert answers[1].result().item() == 1


def test_an_interrupt_leaves_the_engine_free(monkeypatch):
    def interrupted(timeout=None):
        raise KeyboardInterrupt

    network = Waves()
    monkeypatch.setattr(network.go, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        network.forward(torch.ones(1, 1), 1.0)
    assert Waves().forward(torch.ones(1, 1), 2.0).item() == 2


def test_parts_of_failing_calls_in_several_slots_leave_nobody_waiting(pool, monkeypatch):
    monkeypatch.setattr(ENGINE, "slots", 3)
    network = Waves()

    def learner(k):
        x = torch.ones(30 + k, 1)
        if k % 3 == 0:
            x[k] = 13
        try:
            return network.forward(x, 2.0).sum().item()
        except ValueError:
            return "thirteen"

    for _ in range(20):
        found = list(pool.map(learner, range(24)))
        assert found == ["thirteen" if k % 3 == 0 else 2.0 * (30 + k) for k in range(24)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_waits_for_no_call_of_its_parent(pool):
    network = Waves()
    first = held(pool, network)
    child = os.fork()
    if child == 0:
        network.go = threading.Event()
        network.go.set()
        os._exit(int(network.forward(torch.ones(1, 1), 2.0).item()))
    deadline = time.monotonic() + PATIENCE
    ended, status = os.waitpid(child, os.WNOHANG)
    while not ended and time.monotonic() < deadline:
        time.sleep(0.01)
        ended, status = os.waitpid(child, os.WNOHANG)
    network.go.set()
    first.result()
    assert ended and os.waitstatus_to_exitcode(status) == 2


# ---- whose turn it is ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("learners", "costs"), [((6, 2), (1, 1)), ((6, 2), (1, 8)), ((3, 3), (5, 1))]
)
def test_models_share_the_time_in_the_ratio_of_their_learners(pool, monkeypatch, learners, costs):
    """Not of their costs: the clock is that of the networks, a row of theirs its unit."""
    clock, ends, together = [0.0], 800.0, threading.Barrier(sum(learners))
    monkeypatch.setattr(engine.time, "perf_counter", lambda: clock[0])
    models = [Waves(cost, clock) for cost in costs]

    def learner(k):
        together.wait(PATIENCE)
        while clock[0] < ends:
            models[k].forward(torch.ones(FEW, 1), 1.0)

    monkeypatch.setattr(ENGINE, "rows", FEW)  # a call is a batch: the time is that of the call
    runs = [pool.submit(learner, k) for k in (0, 1) for _ in range(learners[k])]
    for run in runs:
        run.result()
    spent = [sum(model.calls) * cost for model, cost in zip(models, costs, strict=True)]
    share = spent[0] / sum(spent)
    assert share == pytest.approx(learners[0] / sum(learners), abs=0.1)


# ---- real networks ------------------------------------------------------------------------------


def runs():
    """Thirty runs that differ in all that a learner can choose."""
    for k in range(30):
        name = ("digits", "digits", "basic", "emoji", "digits-variance")[k % 5]
        card = load(name, device="cpu").card
        asked = {"label": str(k % 10), "text": "a dog on a blue background", "none": ""}
        sampler = ("ddim", "ddpm", "heun", "euler")[k % 4] if name == "digits" else "ddim"
        options = {"eta": (0.0, 0.5, 1.0)[k % 3]} if name in ("digits", "emoji") else {}
        guidance = 1.0 if card.condition == "none" else (1.0, 2.0, 5.0)[k % 3]
        batch = 20 if k == 7 else 1 + k % 3
        yield name, asked[card.condition], sampler, options, guidance, 4 + k % 7, batch, k


def sampled(name, asked, sampler, options, guidance, steps, batch, seed):
    model, noise = load(name, device="cpu"), seeded(seed, batch)
    levels = model.schedule.levels(steps)
    x = model.start(noise, levels[0], batch)
    denoise = model.denoiser(asked, guidance=guidance)
    options = options if sampler == "ddim" else {}
    for step in SAMPLERS[sampler](denoise, x, levels, noise=noise, **options):
        x = step.x_next
    return x


@pytest.mark.slow
@pytest.mark.parametrize("slots", [1, 3])
def test_thirty_runs_at_once_are_those_of_runs_alone(pool, monkeypatch, slots):
    monkeypatch.setattr(ENGINE, "slots", slots)
    asked = [*runs()]
    expected = [sampled(*each) for each in asked]
    before = ENGINE.sizes.copy()
    found = [each.result() for each in [pool.submit(sampled, *each) for each in asked]]
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= 1e-4
    shared_ = {rows for rows in ENGINE.sizes if ENGINE.sizes[rows] > before[rows]}
    assert max(shared_) >= ROWS - 2, "they did share batches"
