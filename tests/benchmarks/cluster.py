"""What replicas answer in a second, and what the way to them costs.

`python -m tests.benchmarks.cluster [--runs N]`, which needs `requirements-cluster.txt`.

Thirty runs of digits (20 DDIM steps, guidance 2) at once, their network calls answered by the
local engine with one thread and as many slots as there are cores, or by one or two replicas with
one thread each. Prints a JSON object each:

    answered_by   the local engine, or how many replicas
    calls_s       network calls a second of all runs together
    seconds       until all runs are done
    alone_ms      milliseconds of a call while there is no other, of two rows
    over_local_ms the same without those of the local engine: what the way there and back costs
"""

from __future__ import annotations

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from statistics import median

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from core.engine import ENGINE
from core.models import load, prefer
from core.remote.serving import connect, disconnect
from core.samplers import SAMPLERS, seeded
from tests.replicas import replicas

STEPS, GUIDANCE, ALONE, TIMES = 20, 2.0, 100, 2


def run(seed: int) -> None:
    """One learner's picture."""
    model = load("digits", device="cpu")
    levels, noise = model.schedule.levels(STEPS), seeded(seed, 1)
    denoise = model.denoiser(str(seed % 10), guidance=GUIDANCE)
    for _ in SAMPLERS["ddim"](denoise, model.start(noise, levels[0]), levels, noise=noise):
        pass


def alone() -> float:
    """Milliseconds of a call while there is no other, the median."""
    model = load("digits", device="cpu")
    denoise, level = model.denoiser("7", guidance=GUIDANCE), model.schedule.levels(STEPS)[9]
    x, seconds = model.noise(0), []
    with torch.no_grad():
        for _ in range(ALONE):
            begun = time.perf_counter()
            denoise(x, level)
            seconds.append(time.perf_counter() - begun)
    return 1000 * median(seconds)


def figures(name: str, runs: int, local: float = 0.0) -> dict[str, float | str]:
    """What is printed of one way to answer; the best of a few times."""
    with ThreadPoolExecutor(runs) as pool:
        seconds = []
        for _ in range(1 + TIMES):
            begun = time.perf_counter()
            list(pool.map(run, range(runs)))
            seconds.append(time.perf_counter() - begun)
    least, once = min(seconds[1:]), alone()
    found = {"calls_s": runs * STEPS / least, "seconds": least, "alone_ms": once}
    if local:
        found["over_local_ms"] = once - local
    return {"answered_by": name, **{key: round(value, 2) for key, value in found.items()}}


def remotely(count: int, runs: int, local: float) -> dict[str, float | str]:
    """The same through so many replicas, in a process that joins no other cluster."""
    prefer("cpu", threads=1)
    with replicas(count) as address:
        cluster = connect(address)
        try:
            return figures(f"{count} replica{'s' * (count > 1)}", runs, local)
        finally:
            disconnect(cluster)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    runs = parser.parse_args().runs
    prefer("cpu", threads=1)
    local = 0.0
    for slots in sorted({1, os.cpu_count() or 1}):
        ENGINE.slots = slots
        found = figures(f"local engine, {slots} at a time", runs)
        local = local or float(found["alone_ms"])
        print(json.dumps(found), flush=True)
    for count in (1, 2):
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            print(json.dumps(process.submit(remotely, count, runs, local).result()), flush=True)


if __name__ == "__main__":
    main()
