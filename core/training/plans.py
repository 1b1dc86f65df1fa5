"""A training to watch: what is trained on what, and snapshots of it on the way."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.denoisers import Denoiser, target_of
from core.noise import seeded
from core.objectives import Objective
from core.samplers import SAMPLERS
from core.schedules import Level
from core.training.base import Recipe, TrainStep, prepared, save_weights, train
from core.training.rows import Rows

LEVELS = 8  # at which a snapshot looks
ROWS = 16  # pictures that were not trained on, for the losses at each level
STEPS = 15  # of DDIM, to sample
SNAPSHOTS = 20
BETAS = {"linear": "linear", "cosine": "squaredcos_cap_v2"}  # what diffusers calls our noises
FIELD, REACH = 17, 2.5  # arrows a side, and how far from the middle


@dataclass(frozen=True, eq=False)
class Plan:
    """What is trained on what, and for how long.

    Attributes:
        objective: the network, its noise and its target.
        rows: the data, at least 8 of them held out.
        steps: of the optimiser.
        batch: rows of a step.
        rate: the largest learning rate, see `rate_at`.
        decay: of the average of the weights, which is what is looked at; 0 for none.
        seed: of the first weights, of the batches and of their noise.
    """

    objective: Objective
    rows: Rows
    steps: int = 1000
    batch: int = 64
    rate: float = 1e-3
    decay: float = 0.999
    seed: int = 0

    def recipe(self) -> Recipe:
        """The same for `train`."""
        return Recipe(
            network=self.objective.made,
            data=lambda: (self.rows.seen,),
            loss=self.objective.loss,
            save=self.save,
            steps=self.steps,
            batch=self.batch,
            rate=self.rate,
            decay=self.decay,
            seed=self.seed,
            precision="bf16" if self.objective.half else "no",
        )

    def save(self, network: Any, folder: Path) -> None:
        """Write the network and its objective into a folder, see `core.models.trained`.

        A U-Net of diffusers is written as diffusers does, and beside it the scheduler, where
        diffusers has one for it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        written = json.dumps(asdict(self.objective), indent=1)
        (folder / "objective.json").write_text(written + "\n", encoding="utf-8")
        if not hasattr(network, "save_pretrained"):
            save_weights(network, folder / "network")
            return
        network.save_pretrained(folder / "unet")
        if self.objective.noise in BETAS and self.objective.target != "flow":
            scheduler(self.objective).save_pretrained(folder / "scheduler")


def scheduler(objective: Objective) -> Any:
    """The scheduler of diffusers that noises, and reads the network, as an objective does."""
    from diffusers import DDIMScheduler

    made: Any = DDIMScheduler
    return made(
        beta_schedule=BETAS[objective.noise],
        prediction_type=objective.target,
        clip_sample=False,
        timestep_spacing="trailing",
    )


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A training as it stands after some steps.

    Attributes:
        step: optimiser steps so far.
        losses: of the batches since the snapshot before.
        speed: rows per second.
        noisy: rows that were held out, one at each of 8 levels, (8, C, H, W), clean to noisy.
        guesses: x0_hat of these.
        samples: from the same noise each time, by 15 steps of DDIM.
        levels: the 8 levels.
        errors: mean squared error of the target at each of them, of rows that were held out.
        bound: the same of eps, weighted as in the bound on the likelihood.
        field: x0_hat - x of points on a grid, (8, N, 2, 1, 1), at each level.
    """

    step: int
    losses: tuple[float, ...]
    speed: float
    noisy: Tensor
    guesses: Tensor
    samples: Tensor
    levels: tuple[Level, ...]
    errors: tuple[float, ...]
    bound: tuple[float, ...]
    field: Tensor | None = None

    @property
    def loss(self) -> float:
        """The mean of the batches since the snapshot before."""
        return fmean(self.losses)

    @property
    def error(self) -> float:
        """The same of what is held out, over all levels."""
        return fmean(self.errors)


def moments(steps: int, count: int = SNAPSHOTS) -> list[int]:
    """After which steps to look: 1, and (k / count)^2 of all, for most happens at first."""
    return sorted({1, *(max(1, round(steps * (k / count) ** 2)) for k in range(1, count + 1))})


def snapshots(
    plan: Plan, folder: Path, at: Collection[int] | None = None
) -> Generator[Snapshot, None, None]:
    """Train, and look after these steps; the network that comes out lies in the folder.

    Without `at` it looks at the `moments`.

    Closed before its end it leaves a checkpoint there, and the network so far; called again it
    goes on where it was.
    """
    due, losses = moments(plan.steps) if at is None else at, []
    with contextlib.closing(train(plan.recipe(), folder / "checkpoint", folder)) as steps:
        for step in steps:
            losses.append(step.loss)
            if step.index + 1 in due:
                network = step.average().eval()
                try:
                    yield look(plan, network, step, tuple(losses))
                except GeneratorExit:
                    plan.save(network, folder)
                    raise
                losses.clear()


@torch.no_grad()
def look(plan: Plan, network: nn.Module, step: TrainStep, losses: tuple[float, ...]) -> Snapshot:
    """A snapshot of a network."""
    what = plan.objective
    schedule, denoise = what.schedule, what.denoiser(network)
    levels = schedule.levels(LEVELS)[-2::-1]
    rows = plan.rows.held_out[: max(ROWS, LEVELS)]
    rows = prepared(rows, next(network.parameters()).device)
    eps = what.drawn(seeded(plan.seed, len(rows)))(rows)
    noisy, guesses, errors, bound = [], [], [], []
    for k, level in enumerate(levels):
        x = level.alpha * rows + level.sigma * eps
        seen = denoise(x, level)
        answer, right = (
            target_of(what.target, *pair, level.alpha, level.sigma)
            for pair in (seen[:2], (rows, eps))
        )
        errors.append(F.mse_loss(answer, right).item())
        weight = schedule.loss_weight[int(level.t)].item()
        bound.append(weight * F.mse_loss(seen.eps, eps).item())
        noisy.append(x[k % len(x)])
        guesses.append(seen.x0[k % len(x)])
    points = rows.shape[1:] == (2, 1, 1)
    return Snapshot(
        step=step.index + 1,
        losses=losses,
        speed=step.speed,
        noisy=torch.stack(noisy).cpu(),
        guesses=torch.stack(guesses).cpu(),
        samples=sampled(plan, denoise, rows, 400 if points else 16).nan_to_num().cpu(),
        levels=tuple(levels),
        errors=tuple(errors),
        bound=tuple(bound),
        field=field(denoise, levels, rows).cpu() if points else None,
    )


def sampled(plan: Plan, denoise: Denoiser, like: Tensor, count: int) -> Tensor:
    """Pictures or points from noise, which is that of the plan's seed."""
    noise = plan.objective.drawn(seeded(plan.seed, count))
    levels = plan.objective.schedule.levels(STEPS)
    first = levels[0]
    x = (first.alpha**2 + first.sigma**2) ** 0.5 * noise(like.new_empty(count, *like.shape[1:]))
    *_, last = SAMPLERS["ddim"](denoise, x, levels)
    return last.x_next


def field(denoise: Denoiser, levels: list[Level], like: Tensor) -> Tensor:
    """x0_hat - x on a grid of the plane, at each level: where the denoiser sends a point."""
    x = grid_points().to(like)
    return torch.stack([denoise(x, level).x0 - x for level in levels])


def grid_points() -> Tensor:
    """The places of the field's arrows, (N, 2, 1, 1)."""
    side = torch.linspace(-REACH, REACH, FIELD)
    return torch.cartesian_prod(side, side)[:, :, None, None]
