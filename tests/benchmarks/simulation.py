"""Learners who press Run, as a discrete-event simulation: who waits where, and for how long.

A run of some steps goes through stations, each of which serves one after the other. The event loop
takes the click; the network answers one call a step, in batches that are shared as in
core/engine.py; Python makes a frame of the answer; at most 8 times a second the event loop sends
what is new, and the line to the learners carries its bytes. As many runs are at work in a process
as its queue allows, others stand in line, and whoever finds the line full is turned away.

What holds for any such system is what the tests compare with: the utilisation law and the bound
by the busiest station (Denning & Buzen 1978, https://doi.org/10.1145/356733.356735), Little's law
(Little 1961, https://doi.org/10.1287/opre.9.3.383), and the mean wait of Poisson arrivals for a
constant service (Pollaczek 1930, Khinchine 1932).
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

from core.engine import ROWS, shares
from demos.runs.stream import PERIOD
from demos.ui.server.queue import AT_WORK, RUN, WAITING
from tests.benchmarks.stations import Action, Clock, Station


@dataclass(frozen=True)
class Costs:
    """What a server spends, in seconds, and sends, in bytes.

    Attributes:
        launch: of Python for a call of the network, however many rows it has.
        call, row: of the network besides, for a call and for each row in it.
        join: of the event loop for a click, also one that is turned away.
        run: of the event loop for a run besides, to its end.
        message: of the event loop for a message with frames.
        prepare, step: of the run's own thread, to begin and for each step.
        wait: that a run spends on timers before its first step, occupying nothing.
        frame: bytes of a frame; the last message has all of them once more.
    """

    row: float
    launch: float = 0.0
    call: float = 0.0
    join: float = 0.0
    run: float = 0.0
    message: float = 0.0
    prepare: float = 0.0
    step: float = 0.0
    wait: float = 0.0
    frame: float = 0.0


@dataclass(frozen=True)
class Site:
    """Where a page is served.

    Attributes:
        costs: of one process.
        processes: that share the learners by chance, as a hash of a cookie does.
        one_core: whether network and Python of a process take turns on one core.
        rows: of a batch at most.
        at_work, waiting: runs of a process.
        uplink: bytes a second, of all processes together.
    """

    costs: Costs
    processes: int = 1
    one_core: bool = False
    rows: int = ROWS
    at_work: int = AT_WORK[RUN]
    waiting: int = WAITING[RUN]
    uplink: float = inf


class Network:
    """Answers the calls of all runs of a process, one batch at a time, see core/engine.py."""

    def __init__(self, python: Station, compute: Station, costs: Costs, rows: int) -> None:
        """At rest. Python launches a batch of at most so many rows, which is then computed."""
        self.python, self.compute, self.costs, self.rows = python, compute, costs, rows
        self.waiting: list[tuple[int, Action]] = []  # rows that are missing, and what follows
        self.at_work = False
        self.batches = self.computed = 0

    def call(self, rows: int, then: Action) -> None:
        """Compute so many rows together with those of others."""
        self.waiting.append((rows, then))
        if not self.at_work:
            self._start()

    def _start(self) -> None:
        """Who came first is first, with others of a few rows; who is not done comes back last."""
        given = shares([rows for rows, _ in self.waiting], self.rows)
        pairs = [*zip(self.waiting, given, strict=True)]
        batch = [(rows - part, then) for (rows, then), part in pairs if part]
        self.waiting = [each for each, part in pairs if not part]
        self.waiting += [(left, then) for left, then in batch if left]
        done = [then for left, then in batch if not left]
        self.at_work, self.batches = True, self.batches + 1
        self.computed += sum(given)
        seconds = self.costs.call + self.costs.row * sum(given)
        compute = partial(self.compute.ask, seconds, partial(self._end, done))
        self.python.ask(self.costs.launch, compute)

    def _end(self, done: Sequence[Action]) -> None:
        self.at_work = False
        if self.waiting:  # those that are answered now have not called again
            self._start()
        for then in done:
            then()


@dataclass
class Run:
    """One press of Run: what it asks for, and when what came of it, infinity while it did not."""

    asked: float
    steps: int = 20
    rows: int = 2
    began: float = inf
    first: float = inf
    done: float = inf
    turned_away: bool = False
    frames: int = 0  # that are made
    sent: int = 0
    last: float = -inf  # when a message left


class Process:
    """One process that serves the page."""

    def __init__(self, clock: Clock, site: Site, uplink: Station) -> None:
        """With nobody in it."""
        self.clock, self.site, self.costs, self.uplink = clock, site, site.costs, uplink
        self.python = Station(clock)
        self.compute = self.python if site.one_core else Station(clock)
        self.network = Network(self.python, self.compute, site.costs, site.rows)
        self.line: deque[Run] = deque()
        self.at_work = self.most = 0  # runs, and the most that were at work or in line

    def press(self, run: Run) -> None:
        """A click arrives."""
        self.work(self.costs.join, lambda: self._admit(run))

    def work(self, seconds: float, then: Action = lambda: None) -> None:
        """Let Python work, one thread at a time."""
        self.python.ask(seconds, then)

    def _admit(self, run: Run) -> None:
        if self.at_work < self.site.at_work:
            self._start(run)
        elif len(self.line) < self.site.waiting:
            self.line.append(run)
        else:
            run.turned_away = True
        self.most = max(self.most, self.at_work + len(self.line))

    def _start(self, run: Run) -> None:
        self.at_work += 1
        prepare = self.costs.run + self.costs.prepare
        self.clock.after(self.costs.wait, lambda: self.work(prepare, lambda: self._begin(run)))

    def _begin(self, run: Run) -> None:
        run.began = self.clock.now
        self._step(run)

    def _step(self, run: Run) -> None:
        made = partial(self.work, self.costs.step, partial(self._made, run))
        self.network.call(run.rows, made)

    def _made(self, run: Run) -> None:
        run.frames += 1
        if run.frames == run.steps:
            self.work(self.costs.message, lambda: self._end(run))
        elif self.clock.now - run.last < PERIOD:
            self._step(run)
        else:
            run.last = self.clock.now
            self.work(self.costs.message, lambda: self._send(run))

    def _send(self, run: Run) -> None:
        fresh, run.sent = run.frames - run.sent, run.frames
        self.uplink.ask(fresh * self._seconds, lambda: self._seen(run))
        self._step(run)

    def _end(self, run: Run) -> None:
        self.uplink.ask(run.steps * self._seconds, lambda: self._seen(run, ended=True))
        self.at_work -= 1
        if self.line:
            self._start(self.line.popleft())

    @property
    def _seconds(self) -> float:
        return self.costs.frame / self.site.uplink

    def _seen(self, run: Run, ended: bool = False) -> None:
        run.first = min(run.first, self.clock.now)
        if ended:
            run.done = self.clock.now


@dataclass
class Outcome:
    """What came of a simulation: its runs, its stations, and how long it took."""

    runs: list[Run]
    processes: list[Process]
    uplink: Station
    seconds: float = 0.0

    def use(self) -> dict[str, float]:
        """The share of the time that each kind of station was busy, where it was busiest."""
        busy = {
            "network": max(each.compute.busy for each in self.processes),
            "Python": max(each.python.busy for each in self.processes),
            "bytes out": self.uplink.busy,
        }
        return {name: each / self.seconds for name, each in busy.items()}


def simulated(
    site: Site, presses: Sequence[tuple[int, float]], steps: int = 20, rows: int = 2, seed: int = 0
) -> Outcome:
    """Let learners press Run.

    Args:
        site: where.
        presses: learners by their number, and the seconds when they press.
        steps: of each run, a frame each.
        rows: of each of its network calls.
        seed: of which process a learner comes to.

    Returns:
        What came of it, the runs in the order of `presses`.
    """
    clock, chance = Clock(), random.Random(seed)
    uplink = Station(clock)
    processes = [Process(clock, site, uplink) for _ in range(site.processes)]
    places: dict[int, Process] = {}
    runs = [Run(when, steps, rows) for _, when in presses]
    for (learner, when), run in zip(presses, runs, strict=True):
        place = places.setdefault(learner, chance.choice(processes))
        clock.after(when, lambda place=place, run=run: place.press(run))
    clock.run()
    return Outcome(runs, processes, uplink, clock.now)


def hall(learners: int, seed: int = 0, within: float = 1.0) -> list[tuple[int, float]]:
    """Everybody presses Run once within some seconds."""
    chance = random.Random(seed)
    return [(learner, chance.uniform(0, within)) for learner in range(learners)]


def steady(
    learners: int, seconds: float, seed: int = 0, period: float = 120.0
) -> list[tuple[int, float]]:
    """Everybody presses Run once in each period, at a moment of its own."""
    chance = random.Random(seed)
    first = [chance.uniform(0, period) for _ in range(learners)]
    rounds = range(int(seconds // period) + 1)
    presses = [(learner, when + k * period) for k in rounds for learner, when in enumerate(first)]
    return [press for press in presses if press[1] < seconds]
