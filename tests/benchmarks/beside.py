"""What a training costs others: runs while somebody trains, over the same runs alone.

`python -m tests.benchmarks.beside [--rounds N]`: one app, and two clients over plain HTTP. Some
runs are timed alone, then the same while a training goes on.
"""

from __future__ import annotations

import argparse
import contextlib
import threading
import time
from statistics import median

import httpx

from demos.sampling.request import SampleRequest
from demos.training.request import TrainRequest
from tests.server import Stream, running

STEPS, SETTLE = 100, 12  # of the run, and seconds until the training is at work


def seconds(address: str) -> float:
    """How long a run takes."""
    asked = SampleRequest.defaults() | {"steps": STEPS}
    stream = Stream(address, "sample", [*asked.values()])
    final = list(stream)[-1]
    if not final["success"]:
        raise RuntimeError(f"the run was refused: {final}")
    return stream.seconds


def heard(stream: Stream) -> None:
    """Read what a run sends, until the app ends."""
    with contextlib.suppress(httpx.HTTPError):
        list(stream)


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with running() as address:
        seconds(address)
        alone = [seconds(address) for _ in range(rounds)]
        asked = TrainRequest.defaults() | {"steps": 20_000}
        training = Stream(address, "train", [*asked.values()])
        threading.Thread(target=heard, args=(training,), daemon=True).start()
        time.sleep(SETTLE)
        beside = [seconds(address) for _ in range(rounds)]
    ratio = median(beside) / median(alone)
    print(
        f"{STEPS} steps alone {median(alone):.2f} s, beside a training {median(beside):.2f} s: "
        f"{ratio:.2f}"
    )


if __name__ == "__main__":
    main()
