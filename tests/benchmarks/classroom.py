"""Thirty learners press Run at once: `python -m tests.benchmarks.classroom [--clients N]`.

Raw clients of the event stream on this machine, each a session of its own, start within the same
moment: first all with digits (20 DDIM steps, guidance 2), then mixed: digits, the text-to-image
model, the exact denoiser, Heun with four times the calls, and inversions. In the same start of
the app some digits run one after the other, and a process of its own with as many threads calls
the bare network in batches of 16. Last, eight learners with digits start a few times alone, and
beside one who runs the text-to-image model for 1,000 steps with 16 pictures. Prints a JSON object
each:

    first_p50, first_p95  seconds from the post to the first frame
    gap_p95               seconds between two messages of a client
    seconds               until all are done
    over_serial           how much faster than one after the other
    over_bound            rows a second through the network over those of the static batches
    longest_over_median   of the clients' times to the end
    beside_heavy          of the eight: seconds to the first frame beside the one, over alone
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing import get_context
from statistics import median, quantiles
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import httpx
import torch

from core.models import load
from core.samplers import seeded
from demos.inversion.request import InvertRequest
from demos.runs.requests import Request
from demos.sampling.request import SampleRequest
from tests.server import PATIENCE, defaults, event_of, running

STEPS, GUIDANCE, ROWS, ALONE, FEW = 20, 2.0, 16, 5, 8
DIGITS = (SampleRequest, {"model": "digits", "steps": STEPS, "guidance": GUIDANCE, "label": "7"})
EMOJI = (SampleRequest, {**DIGITS[1], "model": "emoji", "prompt": "dog face on a blue background"})
EXACT = (SampleRequest, {**DIGITS[1], "model": "exact", "guidance": 1.0})
HEUN = (SampleRequest, {**DIGITS[1], "sampler": "heun", "steps": 2 * STEPS})
HEAVY = (SampleRequest, {**EMOJI[1], "steps": 1000, "batch": 16})
INVERT = (InvertRequest, {"model": "digits", "steps": STEPS})
MIXED = (DIGITS, DIGITS, EMOJI, EXACT, HEUN, INVERT)
KIND = re.compile(r'"msg":"(\w+)"')
Asked = tuple[type[Request], dict[str, Any]]  # an event and the settings that are not its defaults


@dataclass
class Client:
    """One learner: seconds from the post to each message, and to the end.

    `kinds` counts all messages by their kind, `size` the bytes of those with frames.
    """

    times: list[float] = field(default_factory=list)
    end: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    size: int = 0

    async def run(self, http: httpx.AsyncClient, body: dict[str, Any]) -> None:
        """Post an event and read its answers; RuntimeError where it fails."""
        begun = time.perf_counter()
        (await http.post("/queue/join", json=body)).raise_for_status()
        url = f"/queue/data?session_hash={body['session_hash']}"
        async with http.stream("GET", url) as answer:
            async for line in answer.aiter_lines():
                now, kind = time.perf_counter() - begun, KIND.search(line[:60])
                self.kinds.update(kind.groups() if kind else ())
                if '"process_generating"' in line[:60]:
                    self.times.append(now)
                    self.size += len(line)
                elif '"process_completed"' in line[:60]:
                    self.end = now
                    if not json.loads(line[5:])["success"]:
                        raise RuntimeError(f"the run failed: {line[:300]}")
                    return


def body_of(address: str, asked: Asked, seed: int) -> dict[str, Any]:
    """What a page would post."""
    request, settings = asked
    values = dict(zip(request.controls(), defaults(address, request.event), strict=True))
    values |= settings | ({"seed": seed} if "seed" in values else {})
    index = event_of(address, request.event)["id"]
    return {"data": [*values.values()], "fn_index": index, "session_hash": uuid.uuid4().hex}


async def together(
    address: str, bodies: Sequence[dict[str, Any]], kept: int | None = None
) -> list[Client]:
    """All of them at once, each on connections of its own; `kept` of them are used again."""
    clients = [Client() for _ in bodies]
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=kept)
    async with httpx.AsyncClient(
        base_url=f"{address}/gradio_api", timeout=PATIENCE, limits=limits
    ) as http:
        await asyncio.gather(
            *(one.run(http, body) for one, body in zip(clients, bodies, strict=True))
        )
    return clients


async def beside(address: str, heavy: dict[str, Any], others: Sequence[Asked]) -> list[Client]:
    """Some clients a few times, while a heavy run goes on that is stopped in the end."""
    at_work = asyncio.create_task(together(address, [heavy]))
    await asyncio.sleep(2)
    clients = []
    for _ in range(ALONE):
        clients += await together(address, [body_of(address, each, 0) for each in others])
    at_work.cancel()
    return clients


def bound() -> float:
    """Rows a second of the bare network in batches of 16."""
    model: Any = load("digits", device="cpu")
    levels = model.schedule.levels(STEPS)
    x = model.start(seeded(0, ROWS), levels[0], ROWS)
    yes = model.denoiser("7")
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        with torch.no_grad():
            for level in levels[:-1]:
                yes.forward(x, level.t, yes.rows(ROWS))
        seconds.append(time.perf_counter() - begun)
    return ROWS * STEPS / min(seconds)


def figures(clients: Sequence[Client]) -> dict[str, float]:
    """What is printed of a class."""
    firsts = [each.times[0] for each in clients]
    gaps = [after - before for each in clients for before, after in pairwise(each.times)]
    ends = [each.end for each in clients]
    return {
        "first_p50": median(firsts),
        "first_p95": quantiles(firsts, n=20)[-1],
        "gap_p95": quantiles(gaps, n=20)[-1],
        "seconds": max(ends),
        "longest_over_median": max(ends) / median(ends),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=30)
    flags = parser.parse_args()
    threads = max(1, (os.cpu_count() or 2) // 2)
    with ProcessPoolExecutor(1, get_context("spawn"), torch.set_num_threads, (threads,)) as bare:
        rows = bare.submit(bound).result()
    with running("--threads", str(threads)) as address:

        def ran(asked: Sequence[Asked]) -> list[Client]:
            bodies = [body_of(address, each, seed) for seed, each in enumerate(asked)]
            return asyncio.run(together(address, bodies))

        for each in MIXED:  # all models are loaded
            ran([each] * 2)
        alone = median(ran([DIGITS])[0].end for _ in range(ALONE))
        digits = figures(ran([DIGITS] * flags.clients))
        digits["over_serial"] = flags.clients * alone / digits["seconds"]
        digits["over_bound"] = 2 * STEPS * flags.clients / digits["seconds"] / rows
        mixed = figures(ran([MIXED[k % len(MIXED)] for k in range(flags.clients)]))
        few = [DIGITS] * FEW
        first = median(each.times[0] for _ in range(ALONE) for each in ran(few))
        late = asyncio.run(beside(address, body_of(address, HEAVY, 0), few))
        digits["beside_heavy"] = median(each.times[0] for each in late) / first
    for name, found in (("digits", digits), ("mixed", mixed)):
        print(
            json.dumps({"class": name, **{key: round(value, 3) for key, value in found.items()}})
        )


if __name__ == "__main__":
    main()
