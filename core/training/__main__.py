"""The command line: a recipe of what ships, or `own`, a small network on data of one's own."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from torch import nn

from core.data.points import POINTS
from core.images import grid, to_pil
from core.objectives import NETWORKS, NOISES, Objective
from core.paths import CHECKPOINTS, WEIGHTS
from core.training import RECIPES, train
from core.training.base import Recipe, TrainStep
from core.training.plans import Plan, snapshots
from core.training.rows import digit_rows, picture_rows, point_rows

OWN, MNIST = "own", ("digits",)
TARGETS = {"eps": "epsilon", "x0": "sample", "v": "v_prediction", "flow": "flow"}


def compiled(made: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """The same network, whose calls torch compiles."""

    def network() -> nn.Module:
        result = made()
        result.compile()
        return result

    return network


def parsed() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """The flags."""
    parser = argparse.ArgumentParser(prog="python -m core.training", description=__doc__)
    add = parser.add_argument
    add("recipe", choices=[*RECIPES, OWN])
    add("--steps", type=int, help="optimiser steps (default: the recipe's, 1000 for own)")
    add("--out", type=Path, help="folder for the result (default: checkpoints/RECIPE/models)")
    add("--ship", action="store_true", help="write over the model in assets/models")
    begins = "begin with the shipped weights, where no checkpoint is left to go on from"
    add("--from-shipped", action="store_true", help=begins)
    slowly = "compile the network first, which takes minutes and needs a C++ compiler"
    add("--compile", action="store_true", help=slowly)
    own = parser.add_argument_group("own")
    add = own.add_argument
    add("--data", default="digits", help=f"digits, {', '.join(POINTS)}, or a folder of pictures")
    add("--side", type=int, default=28, help="pixels of its pictures, 28 or 32")
    add("--grey", action="store_true", help="its pictures in grey")
    add("--network", choices=[n for n in NETWORKS if n != "points"], default="small")
    add("--noise", choices=NOISES, default="linear")
    add("--target", choices=TARGETS, default="v")
    add("--batch", type=int, default=64)
    add("--rate", type=float, default=1e-3)
    add("--seed", type=int, default=0)
    add("--samples-every", type=int, metavar="N", help="write samples as PNG every N steps")
    return parser, parser.parse_args()


def recipe_of(arguments: argparse.Namespace) -> Recipe:
    """The recipe that is named, with what the flags change; ValueError where they cannot."""
    recipe = RECIPES[arguments.recipe]
    if arguments.from_shipped:
        if recipe.shipped is None:
            raise ValueError(f"{arguments.recipe} always begins with random weights")
        recipe = replace(recipe, network=recipe.shipped)
    if arguments.compile:
        recipe = replace(recipe, network=compiled(recipe.network))
    return replace(recipe, steps=arguments.steps or recipe.steps)


def plan_of(arguments: argparse.Namespace) -> Plan:
    """The training that the flags describe; ValueError, one sentence, for data that cannot be."""
    source, network = arguments.data, arguments.network
    if source in MNIST:
        rows = digit_rows()
    elif source in POINTS:
        rows, network = point_rows(source, arguments.seed), "points"
    else:
        rows = picture_rows(Path(source), arguments.side, not arguments.grey)
    _, channels, _, side = rows.seen.shape
    told, target = NETWORKS[network].told, TARGETS[arguments.target]
    return Plan(
        Objective(network, arguments.noise, target, told, channels, side),
        rows,
        steps=arguments.steps or 1000,
        batch=arguments.batch,
        rate=arguments.rate,
        seed=arguments.seed,
    )


def watched(plan: Plan, out: Path, every: int | None) -> Iterator[str]:
    """Train by a plan, and say how it goes; samples are written every so many steps."""
    at = range(every, plan.steps + 1, every) if every else None
    for each in snapshots(plan, out, at):
        if each.field is None:
            picture = to_pil(grid((each.samples + 1) / 2)[None])[0]
            picture.save(out / f"samples-{each.step:06}.png")
        yield (
            f"step {each.step} of {plan.steps}, loss {each.loss:.5f}, held out {each.error:.5f}, "
            f"{each.speed:.0f} rows/s"
        )


def reported(steps: Iterator[TrainStep], recipe: Recipe) -> Iterator[str]:
    """How a recipe goes, every 50 steps."""
    losses: list[float] = []
    for step in steps:
        losses = [*losses[-499:], step.loss]
        if (step.index + 1) % 50 == 0:
            mean = sum(losses) / len(losses)
            yield (
                f"step {step.index + 1} of {recipe.steps}, loss {mean:.5f}, "
                f"{step.speed:.0f} pictures/s"
            )


def main() -> None:
    """Train what the command line names and print its progress."""
    parser, arguments = parsed()
    folder = CHECKPOINTS / arguments.recipe
    out = arguments.out or folder / "models"
    try:
        if arguments.recipe == OWN:
            plan = plan_of(arguments)
            for name in plan.rows.broken:
                print(f"left out, it cannot be read: {name}")
            said = watched(plan, out, arguments.samples_every)
        else:
            recipe = recipe_of(arguments)
            models = WEIGHTS if arguments.ship else out
            said = reported(train(recipe, folder, models), recipe)
        for line in said:
            print(line, flush=True)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
