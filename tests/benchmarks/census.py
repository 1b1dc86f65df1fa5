"""What short runs leave behind: `python -m tests.benchmarks.census [--runs N]`.

Thirty learners press Run again and again (digits, 2 steps), five thousand times before the first
count. Prints what the server's process holds then, after half of the runs and after all, as JSON
objects: memory in MB, threads, open files, files in its folder, the pages and runs that it knows,
and the network calls in its engine. Before each count it rests so long that unread answers are
forgotten and free memory is given back.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
import uuid
from pathlib import Path

import httpx

from demos.sampling.request import SampleRequest
from demos.ui.server.memory import PAUSE
from demos.ui.server.queue import FORGOTTEN
from tests.attacks import Server, serving
from tests.benchmarks.classroom import Client, body_of
from tests.server import PATIENCE

LEARNERS, WARM = 30, 5000  # until the memory of the C library has settled
REST = FORGOTTEN + 2 * PAUSE  # seconds; both are looked after once in a while
SHORT = (SampleRequest, {"model": "digits", "steps": 2, "guidance": 1.0})


async def pressed(address: str, bodies: list[dict], runs: int) -> None:
    """So many runs, by all learners at once, each on a page of its own."""
    left = iter(range(runs))

    async def learner(http: httpx.AsyncClient, body: dict) -> None:
        for _ in left:
            await Client().run(http, body)

    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=f"{address}/gradio_api", timeout=PATIENCE, limits=limits
    ) as http:
        await asyncio.gather(*(learner(http, body) for body in bodies))


def counted(server: Server, folder: Path) -> dict[str, float]:
    """What the process holds."""
    process = Path(f"/proc/{server.process.pid}")
    metrics = server.http.get("/metrics").text.splitlines()
    named = dict(line.rsplit(" ", 1) for line in metrics if line.startswith("stepwise_"))
    runs = sum(float(value) for name, value in named.items() if name.startswith("stepwise_runs"))
    return {
        "megabytes": round(server.megabytes(), 1),
        "threads": len([*(process / "task").iterdir()]),
        "open": len([*(process / "fd").iterdir()]),
        "files": sum(path.is_file() for path in folder.rglob("*")),
        "pages": float(named["stepwise_pages"]),
        "runs": runs,
        "calls": float(named["stepwise_calls"]),
    }


def main() -> None:
    """Run, count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    flags = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix=uuid.uuid4().hex) as name,
        serving(Path(name)) as server,
    ):
        bodies = [body_of(server.address, SHORT, seed) for seed in range(LEARNERS)]
        for runs in (WARM, flags.runs // 2, flags.runs // 2):
            asyncio.run(pressed(server.address, bodies, runs))
            time.sleep(REST)
            print(json.dumps({"more runs": runs, **counted(server, Path(name))}), flush=True)


if __name__ == "__main__":
    main()
