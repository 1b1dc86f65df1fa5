"""What streaming costs over bare network calls: `python -m tests.benchmarks.stream [--model M]`.

Starts the app, warms it up, then takes turns: a run of `sample` (digits: 50 steps, emoji: 20
steps; guided, one picture) through a raw HTTP client, and the same network calls in a bare loop in
this process with the same number of threads. Prints one JSON object as its last line:

    ratio            median seconds until the last step's preview is there, over those of the loop
    complete         the same until the run is complete, its picture decoded in full
    first_frame_ms   median milliseconds from the post to the first frame
    fps              frames per second until the last preview
    bytes_per_frame  bytes on the event stream per frame, without the final whole run
    two_calls        seconds of two network calls over those of one with both branches
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
from demos.runs import Request
from tests.server import Stream, defaults, running

STEPS = {"digits": 50, "emoji": 20}
ASKED = {"digits": "7", "emoji": "dog face on a blue background"}
GUIDANCE = 2.0


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
    parser.add_argument("--model", choices=STEPS, default="digits")
    flags = parser.parse_args()
    name, steps = flags.model, STEPS[flags.model]
    threads = max(1, (os.cpu_count() or 2) // 2)
    torch.set_num_threads(threads)
    with running("--threads", str(threads)) as address:
        data = dict(zip(Request.__dataclass_fields__, defaults(address, "sample"), strict=True))
        data |= {"model": name, "steps": steps, "guidance": GUIDANCE}
        data |= {"prompt": ASKED[name]} if name == "emoji" else {"label": ASKED[name]}
        for _ in range(2):  # warm up both
            bare(name)
            streamed(address, [*data.values()])
        turns = range(flags.turns)
        pairs = [(streamed(address, [*data.values()]), bare(name), bare(name, 2)) for _ in turns]
    last, seconds = (
        median(times)
        for times in ([s.times[-2] for s, *_ in pairs], [s.seconds for s, *_ in pairs])
    )
    for stream, alone, _ in pairs:
        print(
            f"streamed {stream.seconds:.3f} s, bare {alone:.3f} s, "
            f"first frame {1000 * stream.times[0]:.0f} ms, last {1000 * stream.times[-2]:.0f} ms"
        )
    alone, twice = median(pair[1] for pair in pairs), median(pair[2] for pair in pairs)
    sizes = [size for stream, _, _ in pairs for size in stream.sizes[:-1]]
    print(
        json.dumps(
            {
                "ratio": round(last / alone, 3),
                "complete": round(seconds / alone, 3),
                "first_frame_ms": round(
                    1000 * median(stream.times[0] for stream, _, _ in pairs), 1
                ),
                "fps": round(steps / last, 1),
                "two_calls": round(twice / alone, 3),
                "bytes_per_frame": round(sum(sizes) / (len(pairs) * steps)),
            }
        )
    )


if __name__ == "__main__":
    main()
