"""What a server spends for a class, measured at an app that was started for it, see scale.py.

All costs are processor time of a thread: what waits for a core is not in it, nor what clients on
the same machine take. That of the event loop is read from /proc, which Linux alone has, over
classes of several sizes, and divided among runs and messages by least squares; that of the
network and of a run's own thread is measured in a process without a server.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import torch

from core.engine import ENGINE, ROWS, Call
from core.models import load
from core.samplers import seeded
from demos.runs.stream import streamed
from demos.sampling.request import SampleRequest
from demos.sampling.run import run
from tests.attacks import Server, waited
from tests.benchmarks.classroom import ALONE, DIGITS, HEAVY, STEPS, Client, body_of, together
from tests.benchmarks.simulation import Costs, Site, simulated

TICK = os.sysconf("SC_CLK_TCK")
WORK = ((30, 2, 8), (30, 30, 1), (100, 2, 2), (8, 60, 1), (1, 20, 20))  # learners, steps, rounds
REPEATS, ASKED, REFUSED, OPEN, IDLE = 15, 300, 200, 1000, 30


def network() -> tuple[float, float]:
    """Processor seconds of a call of the network, and of each row in it, in one thread."""
    model: Any = load("digits", device="cpu")
    level, branch = model.schedule.levels(STEPS)[0], model.denoiser("7")
    seconds: dict[int, list[float]] = {2: [], ROWS: []}
    for _ in range(REPEATS):
        for rows, found in seconds.items():
            x, condition = model.start(seeded(0, rows), level, rows), branch.rows(rows)
            begun = time.thread_time()
            with torch.no_grad():
                for _ in range(4):
                    branch.forward(x, level.t, condition)
            found.append((time.thread_time() - begun) / 4)
    few, many = median(seconds[2]), median(seconds[ROWS])
    row = (many - few) / (ROWS - 2)
    return few - 2 * row, row


def thread() -> tuple[float, float]:
    """Processor seconds of a run's own thread without the network: to begin, and of a step."""
    spent, answer = 0.0, ENGINE.answer

    def timed(call: Call) -> torch.Tensor:
        nonlocal spent
        begun = time.thread_time()
        answered = answer(call)
        spent += time.thread_time() - begun
        return answered

    ENGINE.answer = timed
    found: dict[int, list[float]] = {2: [], 2 * STEPS: []}
    for _ in range(REPEATS):
        for steps, seconds in found.items():
            settings: dict[str, Any] = {**SampleRequest.defaults(), **DIGITS[1], "steps": steps}
            spent, begun = 0.0, time.thread_time()
            for _ in streamed(run(SampleRequest(**settings))):
                pass
            seconds.append(time.thread_time() - begun - spent)
    few, many = (median(seconds[1:]) for seconds in found.values())
    step = (many - few) / (2 * STEPS - 2)
    return max(0.0, few - 2 * step), step


def apart(function: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    """What a function measures in a process of its own, with one thread."""
    with ProcessPoolExecutor(1, get_context("spawn"), torch.set_num_threads, (1,)) as bare:
        return bare.submit(function).result()


@dataclass(frozen=True)
class Reading:
    """What a process has spent, in seconds, and the calls of its network.

    Attributes:
        loop: of the event loop.
        ran, late: of all threads, at work and in want of a core that others had.
        calls: batches.
    """

    loop: float
    ran: float
    late: float
    calls: float

    def __sub__(self, before: Reading) -> Reading:
        pairs = zip(vars(self).values(), vars(before).values(), strict=True)
        return Reading(*(now - then for now, then in pairs))


class Meter:
    """Reads what a server spends and holds."""

    def __init__(self, server: Server) -> None:
        """Find the thread of the event loop: that which answers a few hundred requests."""
        self.server, self.folder = server, Path(f"/proc/{server.process.pid}")
        before = self._tasks()
        for _ in range(ASKED):
            server.http.get("/healthz")
        spent = {
            name: ran - before.get(name, (0, 0))[0] for name, (ran, _) in self._tasks().items()
        }
        self.loop = max(spent, key=spent.__getitem__)

    def _tasks(self) -> dict[str, tuple[float, float]]:
        """Seconds that each thread ran, and that it waited for a core."""
        found = {}
        for task in (self.folder / "task").iterdir():
            with contextlib.suppress(OSError):  # a thread that has just ended
                ran, waited, _ = (task / "schedstat").read_text().split()
                found[task.name] = int(ran) / 1e9, int(waited) / 1e9
        return found

    def read(self) -> Reading:
        """What was spent until now."""
        lines = self.server.http.get("/metrics").text.splitlines()
        said = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        tasks = self._tasks()
        named = (self.folder / "stat").read_text().rpartition(")")[2].split()
        ran, late = (int(named[11]) + int(named[12])) / TICK, sum(w for _, w in tasks.values())
        calls = float(said["stepwise_batch_rows_count"])
        return Reading(tasks[self.loop][0], ran, late, calls)

    def files(self) -> int:
        """Open files, connections among them."""
        return len([*(self.folder / "fd").iterdir()])


def pressed(server: Server, count: int, steps: int, rounds: int = 1) -> list[Client]:
    """So many learners with digits at once, a few times; the models are loaded before."""
    asked = (DIGITS[0], DIGITS[1] | {"steps": steps})
    clients = []
    for _ in range(rounds):
        bodies = [body_of(server.address, asked, seed) for seed in range(count)]
        clients += asyncio.run(together(server.address, bodies, kept=0))
    return clients


def solved(rows: Sequence[Sequence[float]], seconds: Sequence[float]) -> list[float]:
    """What each of some things costs, by least squares of relative errors; never below 0."""
    scale = torch.tensor(seconds, dtype=torch.float64)[:, None]
    left = torch.tensor(rows, dtype=torch.float64) / scale
    found = torch.linalg.lstsq(left, torch.ones_like(scale)).solution.flatten()
    return found.clamp_min(0).tolist()


def turned_away(meter: Meter) -> float:
    """Seconds of the event loop for a click that is turned away: a second long run of one page."""
    server = meter.server
    heavy = body_of(server.address, HEAVY, 0)
    server.http.post("/gradio_api/queue/join", json=heavy).raise_for_status()
    before = meter.read()
    for _ in range(REFUSED):
        if server.http.post("/gradio_api/queue/join", json=heavy).status_code != 429:
            raise RuntimeError("a second long run was let in")
    spent = (meter.read() - before).loop / REFUSED
    idle = "\nstepwise_calls 0.0\n"  # nobody reads its answers, so it is ended
    if not waited(60, lambda: idle in server.http.get("/metrics").text):
        raise RuntimeError("the long run goes on")
    return spent


def measured(meter: Meter) -> Costs:
    """The costs of digits, 20 steps, guidance 2, on this machine.

    `wait` is what a learner alone waits for the first frame and nothing else accounts for.
    """
    server = meter.server
    launch, row = apart(network)
    prepare, step = apart(thread)
    loop, events = [], []
    size = frames = 0
    for count, steps, rounds in WORK:
        before = meter.read()
        clients = pressed(server, count, steps, rounds)
        loop.append((meter.read() - before).loop)
        shown = sum(each.kinds["process_generating"] for each in clients)
        events.append((len(clients), shown + len(clients)))  # the last one has another kind
        size += sum(each.size for each in clients)
        frames += len(clients) * steps
    each_run, message = solved(events, loop)
    join = turned_away(meter)
    first = median(each.times[0] for each in pressed(server, 1, STEPS, ALONE))
    costs = Costs(
        launch=launch,
        row=row,
        join=min(join, each_run),
        run=max(0.0, each_run - join),
        message=message,
        prepare=prepare,
        step=step,
        frame=size / frames,
    )
    alone = simulated(Site(costs), [(0, 0.0)], STEPS).runs[0].first
    return replace(costs, wait=max(0.0, first - alone))


async def _opened(address: str, count: int) -> list[asyncio.StreamWriter]:
    """Pages that stay open, each from an address of its own as a proxy would say it."""
    host, port = address.removeprefix("http://").split(":")
    writers = []
    for k in range(count):
        reader, writer = await asyncio.open_connection(host, int(port))
        path = f"/gradio_api/heartbeat/{uuid.uuid4().hex}"
        headers = f"Host: {host}:{port}\r\nX-Forwarded-For: 10.1.{k // 250}.{k % 250}"
        writer.write(f"GET {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
        while b"ALIVE" not in (line := await reader.readline()):
            if not line:
                raise RuntimeError("a page was not let in")
        writers.append(writer)
    return writers


@dataclass(frozen=True)
class Open:
    """What an open page holds, in kB and files, and spends, seconds of the event loop a second."""

    kilobytes: float
    files: float
    loop: float


def connections(meter: Meter) -> Open:
    """What a page costs while nobody presses anything, at a server that was just started."""

    async def found() -> Open:
        before, idle = meter.read(), time.monotonic()
        await asyncio.sleep(IDLE)
        idle = (meter.read() - before).loop / (time.monotonic() - idle)
        held, files = meter.server.megabytes(), meter.files()
        writers = await _opened(meter.server.address, OPEN)
        kilobytes = 1000 * (meter.server.megabytes() - held) / OPEN
        files = (meter.files() - files) / OPEN
        before, begun = meter.read(), time.monotonic()
        await asyncio.sleep(IDLE)
        loop = (meter.read() - before).loop / (time.monotonic() - begun) - idle
        for writer in writers:
            writer.close()
        return Open(kilobytes, files, loop / OPEN)

    return asyncio.run(found())
