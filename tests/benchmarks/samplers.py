"""Our sampling loop beside the plain loop with diffusers: `python -m tests.benchmarks.samplers`.

Both run the digit U-Net with DDIM. They take turns, step counts and threads are the same, medians
of 15. Printed per batch size:

    ratio       time per step of our loop over that of the loop with DDIMScheduler.step
    ours_us     microseconds per step of our loop outside of the network
    theirs_us   the same of the loop with diffusers (scale_model_input, step)
    over_floor  the network's time over its multiply-adds at this machine's measured GEMM rate
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from diffusers import DDIMScheduler
from torch.utils.flop_counter import FlopCounterMode

from core.denoisers import Network
from core.models import load
from core.paths import ROOT
from core.samplers import SAMPLERS

STEPS, TURNS = 10, 15
MODEL: Any = load("digits", device="cpu")


def ours(forward: Callable, x: torch.Tensor) -> None:
    """Our DDIM over the levels of 10 steps."""
    label = torch.zeros(len(x), dtype=torch.long)
    for _ in SAMPLERS["ddim"](
        Network(forward, MODEL.kind, label), x, MODEL.schedule.levels(STEPS)
    ):
        pass


@torch.no_grad()
def theirs(forward: Callable, x: torch.Tensor) -> None:
    """The loop of the diffusers documentation."""
    scheduler: Any = DDIMScheduler.from_pretrained(ROOT / "assets/models/digits/scheduler")
    scheduler.set_timesteps(STEPS)
    label = torch.zeros(len(x), dtype=torch.long)
    for t in scheduler.timesteps:
        x = scheduler.step(forward(scheduler.scale_model_input(x, t), t, label), t, x).prev_sample


def seconds(loop: Callable, forward: Callable, x: torch.Tensor) -> float:
    """Wall time per step."""
    begun = time.perf_counter()
    loop(forward, x)
    return (time.perf_counter() - begun) / STEPS


def turns(forward: Callable, x: torch.Tensor, count: int) -> tuple[float, float, float]:
    """Median seconds per step of ours and theirs, and the median of their ratios, interleaved."""
    pairs = []
    for turn in range(count):
        order = (ours, theirs) if turn % 2 else (theirs, ours)
        timed = {loop: seconds(loop, forward, x) for loop in order}
        pairs.append((timed[ours], timed[theirs]))
    return (
        median(a for a, _ in pairs),
        median(b for _, b in pairs),
        median(a / b for a, b in pairs),
    )


def floor(batch: int) -> float:
    """Seconds that the network's multiply-adds take at the measured rate of a 1024^3 GEMM."""
    a = torch.randn(1024, 1024)
    times = []
    for _ in range(20):
        begun = time.perf_counter()
        torch.mm(a, a)
        times.append(time.perf_counter() - begun)
    rate = 2 * 1024**3 / median(times)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        MODEL.forward(torch.randn(batch, *MODEL.shape), 500, torch.zeros(batch, dtype=torch.long))
    return counter.get_total_flops() / rate


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
    for batch in (1, 16):
        x = torch.randn(batch, *MODEL.shape, generator=torch.Generator().manual_seed(0))

        def nothing(x: torch.Tensor, t: float, label: torch.Tensor) -> torch.Tensor:
            return x

        turns(MODEL.forward, x, 2)
        whole, plain, ratio = turns(MODEL.forward, x, TURNS)
        loop_us, step_us, _ = turns(nothing, x, 20 * TURNS)
        print(
            json.dumps(
                {
                    "batch": batch,
                    "ratio": round(ratio, 4),
                    "ours_ms": round(1e3 * whole, 2),
                    "theirs_ms": round(1e3 * plain, 2),
                    "ours_us": round(1e6 * loop_us),
                    "theirs_us": round(1e6 * step_us),
                    "over_floor": round((whole - loop_us) / floor(batch), 2),
                }
            )
        )


if __name__ == "__main__":
    main()
