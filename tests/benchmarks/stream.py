"""How much a streamed run costs over the bare network calls: `python -m tests.benchmarks.stream`.

Starts the app, warms it up, then takes turns: a run of `sample` (digits, 50 steps, one picture)
through a raw HTTP client, and the same 50 network calls in a bare loop in this process with the
same number of threads. Prints one JSON object as its last line:

    ratio            median seconds of the streamed run over those of the bare loop
    first_frame_ms   median milliseconds from the post to the first frame
    fps              frames per second of the streamed run
    bytes_per_frame  bytes on the event stream per frame, without the final whole run
"""

from __future__ import annotations

import argparse
import json
import os
import time
from statistics import median
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from core.models import load
from core.samplers import seeded
from tests.server import Stream, defaults, running

STEPS = 50
LABEL, GUIDANCE = "7", 2.0


def bare() -> float:
    """Seconds of the network calls of the run, with no arithmetic between them."""
    model: Any = load("digits", device="cpu")
    levels = model.schedule.levels(STEPS)
    noise = seeded(0, 1)
    x = model.start(noise, levels[0])
    begun = time.perf_counter()
    with torch.no_grad():
        label = torch.tensor([int(LABEL), 10])
        for level in levels[:-1]:
            model.forward(torch.cat([x, x]), level.t, label)
    return time.perf_counter() - begun


def streamed(address: str, data: list) -> Stream:
    """One run through the event stream, read to its end."""
    stream = Stream(address, "sample", data, session="one-open-page")
    last = list(stream)[-1]
    if not last["success"]:
        raise RuntimeError(f"the run failed: {last['output']}")
    return stream


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=7)
    turns = parser.parse_args().turns
    threads = max(1, (os.cpu_count() or 2) // 2)
    torch.set_num_threads(threads)
    with running("--threads", str(threads)) as address:
        data = defaults(address, "sample")
        data[1], data[3], data[4] = LABEL, STEPS, GUIDANCE
        for _ in range(2):  # warm up both
            bare()
            streamed(address, data)
        pairs = [(streamed(address, data), bare()) for _ in range(turns)]
    seconds = median(stream.seconds for stream, _ in pairs)
    for stream, alone in pairs:
        print(
            f"streamed {stream.seconds:.3f} s, bare {alone:.3f} s, "
            f"first frame {1000 * stream.first:.0f} ms"
        )
    sizes = [size for stream, _ in pairs for size in stream.sizes[:-1]]
    print(
        json.dumps(
            {
                "ratio": round(seconds / median(alone for _, alone in pairs), 3),
                "first_frame_ms": round(1000 * median(stream.first for stream, _ in pairs), 1),
                "fps": round((STEPS + 1) / seconds, 1),
                "bytes_per_frame": round(sum(sizes) / (len(pairs) * STEPS)),
            }
        )
    )


if __name__ == "__main__":
    main()
