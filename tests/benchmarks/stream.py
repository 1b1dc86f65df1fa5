"""What streaming costs over bare network calls: `python -m tests.benchmarks.stream [--model M]`.

Takes turns: a run of `sample` (digits: 50 steps, emoji: 20 steps; guided, one picture) through a
raw HTTP client, and the same network calls in a bare loop in a process of its own with the same
number of threads. Where the weights of a process come to lie in memory makes it up to 5 % slower
or faster for as long as it lives, so the app and the bare loop are started several times. Prints
one JSON object as its last line, medians over all turns:

    ratio            seconds until the last step's preview is there, over those of the bare loop
    starts           the same for each start alone
    complete         the same until the run is complete, its picture decoded in full
    first_frame_ms   milliseconds from the post to the first frame
    fps              frames per second until the last preview
    bytes_per_frame  bytes on the event stream per frame, without the final whole run
    two_calls        seconds of two network calls over those of one with both branches
"""

from __future__ import annotations

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from core.models import load
from core.samplers import seeded
from demos.sampling.request import SampleRequest
from tests.server import Stream, defaults, running

STEPS = {"digits": 50, "emoji": 20}
ASKED = {"digits": "7", "emoji": "dog face on a blue background"}
GUIDANCE = 2.0
WARM_UP = 2  # turns that do not count


def bare(name: str, calls: int = 1) -> float:
    """Seconds of the network calls of the run, with no arithmetic between them.

    One call has both branches of the guidance in a batch; two have one branch each.
    """
    model = load(name, device="cpu")
    levels = model.schedule.levels(STEPS[name])
    x = model.start(seeded(0, 1), levels[0])
    guided: Any = model.denoiser(ASKED[name], guidance=GUIDANCE)
    yes, no = guided.conditional, guided.unconditional
    both = torch.cat([yes.condition, no.condition])
    begun = time.perf_counter()
    with torch.no_grad():
        for level in levels[:-1]:
            if calls == 1:
                yes.forward(torch.cat([x, x]), level.t, both)
            else:
                yes.forward(x, level.t, yes.condition)
                no.forward(x, level.t, no.condition)
    return time.perf_counter() - begun


@dataclass(frozen=True)
class Turn:
    """Seconds of one streamed run, and of the bare loops after it."""

    first: float
    last: float
    complete: float
    frame_bytes: float
    alone: float
    twice: float


def streamed(address: str, data: list) -> Stream:
    """One run through the event stream, read to its end."""
    stream = Stream(address, "sample", data, session="one-open-page")
    last = list(stream)[-1]
    if not last["success"]:
        raise RuntimeError(f"the run failed: {last['output']}")
    return stream


def turns_of(name: str, turns: int) -> list[Turn]:
    """Start the app and a process for the bare loops, warm both up, and let them take turns."""
    threads = max(1, (os.cpu_count() or 2) // 2)
    bare_process = ProcessPoolExecutor(1, get_context("spawn"), torch.set_num_threads, (threads,))
    with running("--threads", str(threads)) as address, bare_process as process:
        data = dict(zip(SampleRequest.controls(), defaults(address, "sample"), strict=True))
        data |= {"model": name, "steps": STEPS[name], "guidance": GUIDANCE}
        data |= {"prompt": ASKED[name]} if name == "emoji" else {"label": ASKED[name]}

        def turn() -> Turn:
            stream = streamed(address, [*data.values()])
            alone, twice = (process.submit(bare, name, calls).result() for calls in (1, 2))
            times, size = stream.times, sum(stream.sizes[:-1]) / STEPS[name]
            return Turn(times[0], times[-2], stream.seconds, size, alone, twice)

        for _ in range(WARM_UP):
            turn()
        return [turn() for _ in range(turns)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--model", choices=STEPS, default="digits")
    flags = parser.parse_args()
    starts = []
    for _ in range(flags.starts):
        starts.append(turns_of(flags.model, flags.turns))
        for turn in starts[-1]:
            print(
                f"first frame {1000 * turn.first:.0f} ms, last {1000 * turn.last:.0f} ms, "
                f"complete {1000 * turn.complete:.0f} ms, bare {1000 * turn.alone:.0f} ms"
            )
    turns = [turn for start in starts for turn in start]
    each = [median(turn.last / turn.alone for turn in start) for start in starts]
    figures = {
        "ratio": round(median(turn.last / turn.alone for turn in turns), 3),
        "starts": [round(ratio, 3) for ratio in each],
        "complete": round(median(turn.complete / turn.alone for turn in turns), 3),
        "first_frame_ms": round(1000 * median(turn.first for turn in turns), 1),
        "fps": round(STEPS[flags.model] / median(turn.last for turn in turns), 1),
        "two_calls": round(median(turn.twice / turn.alone for turn in turns), 3),
        "bytes_per_frame": round(median(turn.frame_bytes for turn in turns)),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
