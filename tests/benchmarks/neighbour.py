"""What a busy neighbour costs a run: `python -m tests.benchmarks.neighbour [--rounds N]`.

A neighbour is a process that keeps every core of this machine busy. A run of one thread that
shares n cores with n others gets n / (n + 1) of one, so that its fair share takes (n + 1) / n
times as long. Prints a JSON object: seconds of a run alone and beside the neighbour, medians of
rounds in turn, and how much longer than its fair share the run took.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from tests.benchmarks.beside import seconds
from tests.server import running


def busy() -> None:
    """Keep one core busy for ever."""
    while True:
        pass


@contextmanager
def neighbour(cores: int) -> Iterator[None]:
    """A busy process for each core."""
    processes = [multiprocessing.Process(target=busy, daemon=True) for _ in range(cores)]
    for each in processes:
        each.start()
    try:
        time.sleep(1)
        yield
    finally:
        for each in processes:
            each.kill()
            each.join()


def main() -> None:
    """Measure in turn and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds, cores = parser.parse_args().rounds, os.cpu_count() or 1
    alone, beside = [], []
    with running() as address:
        seconds(address)  # the first one loads the model
        for _ in range(rounds):
            alone.append(seconds(address))
            with neighbour(cores):
                beside.append(seconds(address))
    fair = (cores + 1) / cores
    print(
        json.dumps(
            {
                "alone": round(median(alone), 3),
                "beside": round(median(beside), 3),
                "over_fair_share": round(median(beside) / median(alone) / fair, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
