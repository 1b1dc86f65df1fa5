"""How many learners a page serves, on paper: `python -m tests.benchmarks.scale`.

Measures on this machine, in one start of the app, what a class costs (costs.py), and lets a
simulation of learners, stations and lines (simulation.py) say what one core, two cores, one GPU
and ten GPUs serve: digits, 20 steps, guidance 2. First it simulates the classes of 8, 30 and 100
that it also lets press Run for real, at once, on this machine, and prints the simulated over the
measured seconds; nothing is fitted to those.

    1 core     network, Python and event loop take turns
    2 cores    the app as it starts: one thread for the network, one core for all the rest
    1 GPU      the network is computed elsewhere, but launched by the same Python
    10 GPUs    ten such processes, to which a proxy deals the learners by chance

No GPU is measured: --gpu-rows is an assumption. Its default is what follows from published
figures at the least: Stable Diffusion 1.5 at 512 x 512 does 31.4 calls a second on an A100
(https://github.com/fal-ai/stable-diffusion-benchmarks), two rows of 800 GFLOP each. A call of the
digits' network has fewer layers and, with 16 rows, 1/170 of that arithmetic, so it takes no
longer: 31.4 x 16, about 500 rows a second. However fast the GPU is, Python launches no more than
one batch in `launch` seconds, which is measured here.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from math import inf, isfinite, nan
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from core.engine import ROWS
from demos.ui.server.rates import STREAMS
from tests.attacks import serving, waited
from tests.benchmarks.classroom import STEPS
from tests.benchmarks.costs import Meter, Open, connections, measured, pressed
from tests.benchmarks.simulation import Costs, Outcome, Site, hall, simulated, steady

LEARNERS, CLASSES, REPEATS = (30, 300, 1000, 10_000, 100_000), (8, 30, 100), 3
PERIOD, ROUNDS = 120.0, 2  # of the steady stream; the first round is not counted
FLOOD = 400  # runs that are enough to know the pace
FULL = 0.9  # from this use on a station is said to give way
COLUMNS = {
    "learners": 9,
    "turned away": 13,
    "first frame": 15,
    "done": 15,
    "all served": 12,
    "network": 9,
    "Python": 8,
    "Mbit/s": 8,
    "connections": 13,
}  # and their widths


def fits(costs: Costs, meter: Meter) -> None:
    """Print what is simulated over what is measured, for classes that press Run at once."""
    print("\nsimulated over measured, everybody at once; measured are medians of", REPEATS)
    for count in CLASSES:
        found, late = [], []
        for _ in range(REPEATS):
            before = meter.read()
            clients = pressed(meter.server, count, STEPS)
            spent = meter.read() - before
            firsts, ends = [each.times[0] for each in clients], [each.end for each in clients]
            found.append((*spread(firsts), max(ends), spent.ran, spent.calls))
            late.append(spent.late / (spent.ran + spent.late))
        real = [median(each) for each in zip(*found, strict=True)]
        outcome = simulated(Site(costs), [(k, 0.0) for k in range(count)], STEPS)
        (process,) = outcome.processes
        paper = (
            *spread([run.first for run in outcome.runs]),
            max(run.done for run in outcome.runs),
            process.python.busy + process.compute.busy,
            process.network.batches,
        )
        names = ("first p50", "p95", "all done", "processor seconds", "batches")
        parts = [
            f"{name} {a:.3g} / {b:.3g} = {a / b:.2f}"
            for name, a, b in zip(names, paper, real, strict=True)
        ]
        print(f"{count:4}: {', '.join(parts)}; others had the core {median(late):.0%} of the time")


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Median and 95 % of some seconds; nan where there are none."""
    if len(values) < 2:
        return (values[0], values[0]) if values else (nan, nan)
    return median(values), quantiles(values, n=20)[-1]


def sites(costs: Costs, gpu_rows: float, uplink: float) -> dict[str, Site]:
    """Where the page is served, by name."""
    gpu = replace(costs, call=max(0.0, ROWS / gpu_rows - costs.launch), row=0.0)
    return {
        "1 core": Site(costs, one_core=True, uplink=uplink),
        "2 cores": Site(costs, uplink=uplink),
        "1 GPU": Site(gpu, uplink=uplink),
        "10 GPUs": Site(gpu, processes=10, uplink=uplink),
    }


def said(seconds: float) -> str:
    """Two or three digits of some seconds."""
    return f"{seconds:.{2 if seconds < 1 else 1 if seconds < 10 else 0}f}"


def counted(outcome: Outcome, learners: int, site: Site, page: Open, files: int) -> list[str]:
    """A line of the table."""
    runs = outcome.runs
    stream = max(run.asked for run in runs) > PERIOD
    if stream:
        runs = [run for run in runs if run.asked >= PERIOD]
    served = [run for run in runs if isfinite(run.done)]
    first = spread([run.first - run.asked for run in served])
    done = spread([run.done - run.asked for run in served])
    away, use = sum(run.turned_away for run in runs) / len(runs), outcome.use()
    connections = learners / site.processes + max(each.most for each in outcome.processes)
    everyone = outcome.seconds * len(runs) / max(1, len(served))
    cells = [
        f"{learners:,}",
        f"{away:.0%}",
        ", ".join(map(said, first)),
        ", ".join(map(said, done)),
        "" if stream else f"{everyone:,.0f}",
        f"{use['network']:.0%}",
        f"{use['Python']:.0%}",
        f"{8e-6 * outcome.uplink.busy * site.uplink / outcome.seconds:.3g}",
        f"{connections:,.0f}",
    ]
    full = [name for name, each in use.items() if each >= FULL]
    checks = {
        "line": away > 0,
        "files": page.files * connections > files,
        "address": connections > STREAMS,
    }
    broken = [*full, *(name for name, each in checks.items() if each)]
    widths = zip(cells, COLUMNS.values(), strict=True)
    return [*(f"{cell:>{width}}" for cell, width in widths), "  " + ", ".join(broken)]


def table(
    title: str, presses: dict[int, list[tuple[int, float]]], where: dict[str, Site], **known: Any
) -> None:
    """Simulate and print."""
    print(
        f"\n{title}: seconds (median, 95 %), use, megabits, connections of a process, what is full"
    )
    print("".join(f"{name:>{width}}" for name, width in COLUMNS.items()))
    for name, site in where.items():
        print(name)
        for learners, each in presses.items():
            outcome = simulated(site, each)
            print("".join(counted(outcome, learners, site, **known)), flush=True)


def pace(site: Site) -> float:
    """Runs a second that a site completes when there are always enough."""
    outcome = simulated(replace(site, waiting=FLOOD), [(k, 0.0) for k in range(FLOOD)])
    return FLOOD / outcome.seconds


def main() -> None:
    """Measure, compare, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu-rows", type=float, default=500.0, help="a second, assumed")
    parser.add_argument("--uplink", type=float, default=1.0, help="Gbit/s of all processes")
    parser.add_argument("--files", type=int, default=1024, help="that a process may open")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, serving(Path(name), "--threads", "1") as server:
        waited(60, lambda: server.http.get("/readyz").status_code == 200)
        meter = Meter(server)
        page = connections(meter)
        costs = measured(meter)
        print("measured here, seconds of one core, and bytes:")
        print("\n".join(f"    {key:8} {value:.3g}" for key, value in asdict(costs).items()))
        print(f"    a row at {ROWS}: {costs.row + costs.launch / ROWS:.3g}")
        print(f"    a batch is launched {1 / costs.launch:.0f} times a second at most")
        print(
            f"an open page: {page.kilobytes:.0f} kB, {page.files:.0f} file, "
            f"{1e6 * page.loop:.0f} microseconds of the event loop a second",
            flush=True,
        )
        fits(costs, meter)
    uplink = flags.uplink * 1e9 / 8
    where = sites(costs, flags.gpu_rows, uplink)
    print(
        f"\nassumed, not measured: a GPU does {flags.gpu_rows:.0f} rows a second in full batches"
    )
    quickest = {"a GPU that takes no time": sites(costs, inf, uplink)["1 GPU"]}
    print("runs a second at most:", end=" ")
    print(", ".join(f"{name} {pace(site):.1f}" for name, site in (where | quickest).items()))
    known = {"page": page, "files": flags.files}
    table("all press Run within one second", {n: hall(n) for n in LEARNERS}, where, **known)
    stream = {n: steady(n, ROUNDS * PERIOD, period=PERIOD) for n in LEARNERS}
    table(f"each presses Run once in {PERIOD:.0f} s", stream, where, **known)


if __name__ == "__main__":
    main()
