"""What the last tab costs over bare network calls: `python -m tests.benchmarks.round_trip`.

Starts the app, warms it up, then takes turns: an emoji inverted, reconstructed and edited in 50
steps with the defaults through a raw HTTP client, and the same network calls in a bare loop in
this process with the same number of threads. Prints one JSON object as its last line:

    ratio      median seconds until the last frame is there, over those of the loop
    messages   answers on the event stream of one run
    longest    median of the longest wait for the next answer, in milliseconds
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from statistics import median
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from core.inversion import start_index
from core.models import load
from demos.inversion.request import EditRequest, InvertRequest
from demos.runs.requests import Request
from tests.server import Stream, running

STEPS, SESSION = 50, "one-open-page"


def given(request: type[Request], **named: Any) -> list[Any]:
    """The arguments of an event of the tab, in their order."""
    return [*(request.defaults() | named).values()]


def bare() -> float:
    """Seconds of the network calls: up, down, and the edit and SDEdit with guidance."""
    model: Any = load("emoji", device="cpu")
    levels = model.schedule.levels(STEPS)
    x, asked = model.noise(0), EditRequest.defaults()
    source = model.denoiser(InvertRequest.defaults()["caption"])
    target = model.denoiser(asked["target_prompt"], guidance=asked["guidance"])
    both = torch.cat([target.conditional.condition, target.unconditional.condition])
    start = start_index(asked["strength"], STEPS)
    begun = time.perf_counter()
    with torch.no_grad():
        for level in [*levels[:-1], *levels[:-1]]:
            source.forward(x, level.t, source.condition)
        for level in levels[:start] * 2:
            target.conditional.forward(torch.cat([x, x]), level.t, both)
    return time.perf_counter() - begun


def streamed(address: str, seed: int) -> list[float]:
    """Seconds to each answer of one run; another seed is another inversion."""
    asked = {"model": "emoji", "source": "scene", "steps": STEPS, "seed": seed}
    times: list[float] = []
    for name, data in (("invert", given(InvertRequest, **asked)), ("edit", given(EditRequest))):
        stream = Stream(address, name, data, session=SESSION)
        last = list(stream)[-1]
        if not last["success"]:
            raise RuntimeError(f"the run failed: {last['output']}")
        begun = times[-1] if times else 0.0
        times += [begun + each for each in stream.times]
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=5)
    flags = parser.parse_args()
    threads = max(1, (os.cpu_count() or 2) // 2)
    torch.set_num_threads(threads)
    with running("--threads", str(threads)) as address:
        for seed in range(2):  # warm up both
            bare()
            streamed(address, 1000 + seed)
        pairs = [(streamed(address, seed), bare()) for seed in range(flags.turns)]
    for times, alone in pairs:
        print(f"streamed {times[-1]:.3f} s, bare {alone:.3f} s, {len(times)} answers")
    waits = [max(b - a for a, b in itertools.pairwise(times)) for times, _ in pairs]
    alone = median(pair[1] for pair in pairs)
    print(
        json.dumps(
            {
                "ratio": round(median(times[-1] for times, _ in pairs) / alone, 3),
                "messages": len(pairs[0][0]),
                "longest": round(1000 * median(waits)),
            }
        )
    )


if __name__ == "__main__":
    main()
