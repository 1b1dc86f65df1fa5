"""Multistep solvers of diffusers as samplers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from core.consistency import LCM
from core.denoisers import Denoiser
from core.lazy import imported
from core.samplers import Sampler, Step
from core.schedules import Level

SMALLEST = 1e-10  # sigma / alpha that stands for 0 where a solver takes its logarithm


@torch.no_grad()
def drive(
    denoise: Denoiser, x: Tensor, levels: Sequence[Level], *, scheduler: str, **config: Any
) -> Iterator[Step]:
    """Run a multistep solver of diffusers over descending levels, whatever their scale.

    The solver works on z = x / hypot(alpha, sigma), which preserves variance at the same
    sigma / alpha and has the same eps. Its grid is the run: timestep i is the i-th level from
    the end, so one solver step is one step of ours. Euler's rule, exact there, takes the steps
    that no solver in sigma / alpha can: from alpha = 0, and between two equal levels at the end.

    Args:
        denoise: the denoiser; the solver sees its eps.
        x: the start at levels[0], (B, C, H, W).
        levels: sigma / alpha falls from each to the next; the last two may be equal.
        scheduler: name of the diffusers class.
        **config: its options, such as `solver_order`.

    Raises:
        ValueError: at the first `next()`, for levels that do not descend.
    """
    ratios = [level.sigma / level.alpha if level.alpha else math.inf for level in levels]
    first, last = int(math.inf in ratios[:1]), len(ratios) - 1
    last -= int(last > first and ratios[-1] == ratios[-2])
    if any(ratio <= after for ratio, after in pairwise(ratios[: last + 1])):
        raise ValueError("this sampler needs levels that descend from noisy to clean")
    solver = _solver(scheduler, ratios[first : last + 1], config) if last > first else None
    calls = 0
    for index, (level, after) in enumerate(pairwise(levels)):
        prediction = denoise(x, level)
        calls += 1
        if solver is not None and first <= index < last:
            scale, t = math.hypot(after.alpha, after.sigma), last - 1 - index
            z = x / math.hypot(level.alpha, level.sigma)
            z = solver.step(prediction.eps, t, z).prev_sample
            if index == first and len(solver.timesteps) > last - first:  # PNDM begins with Heun
                z = solver.step(denoise(scale * z, after).eps, t - 1, z).prev_sample
                calls += 1
            x_next = scale * z
        else:
            x_next = after.alpha * prediction.x0 + after.sigma * prediction.eps
        yield Step(index, level, after, x, x_next, prediction, calls)
        x = x_next


def _solver(name: str, ratios: Sequence[float], config: Mapping[str, Any]) -> Any:
    """A diffusers scheduler whose timesteps N-1 .. 0 are these sigma / alpha; its end, the last.

    A new scheduler's timesteps are its whole grid, and PNDM's that grid with the second entry
    twice. `sigmas` and `alphas_cumprod` are set here, since a config can name neither the end of
    the run (DEIS always ends in its first training level) nor float64 levels.
    """
    steps, end = len(ratios) - 1, "sigma_min" if ratios[-1] else "zero"
    own = {"num_train_timesteps": steps, "final_sigmas_type": end}  # unknown ones are ignored
    solver = imported("diffusers", name).from_config({**own, **config})
    if name == "PNDMScheduler":
        solver.set_timesteps(steps)
    solver.num_inference_steps = steps
    solver.sigmas = torch.tensor(ratios, dtype=torch.float64).clamp(min=SMALLEST)
    alpha_bar = 1 / (1 + torch.tensor(ratios[::-1], dtype=torch.float64) ** 2)
    solver.final_alpha_cumprod, solver.alphas_cumprod = alpha_bar[0], alpha_bar[1:]
    return solver


def _card(scheduler: str, order: int, source: str, **config: Any) -> Sampler:
    fixed = {"scheduler": scheduler, **config}
    return Sampler(drive, order=order, deterministic=True, source=source, fixed=fixed)


BRIDGED: dict[str, Sampler] = {
    "unipc": _card(
        "UniPCMultistepScheduler",
        3,
        "Zhao et al. 2023, UniPC-2, algorithms 1 and 2, https://arxiv.org/abs/2302.04867",
    ),
    "deis": _card(
        "DEISMultistepScheduler",
        2,
        "Zhang & Chen 2023, tAB-DEIS in ln rho, https://arxiv.org/abs/2204.13902",
    ),
    "pndm": _card(
        "PNDMScheduler",
        2,
        "Liu et al. 2022, equations 9 and 12, https://arxiv.org/abs/2202.09778",
        skip_prk_steps=True,
    ),
    "dpmpp_3m": _card(
        "DPMSolverMultistepScheduler",
        2,  # its first step is Euler's
        "Lu et al. 2022, DPM-Solver++(3M), https://arxiv.org/abs/2211.01095",
        solver_order=3,
    ),
    "lcm": LCM,
}
