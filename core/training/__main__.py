"""The command line of the recipes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

from torch import nn

import core.training
from core.paths import CHECKPOINTS
from core.training import RECIPES, train


def compiled(made: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """The same network, whose calls torch compiles."""

    def network() -> nn.Module:
        result = made()
        result.compile()
        return result

    return network


def main() -> None:
    """Train the recipe that the command line names and print its progress."""
    parser = argparse.ArgumentParser(
        prog="python -m core.training", description=core.training.__doc__
    )
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("--steps", type=int, help="optimiser steps (default: the recipe's)")
    parser.add_argument(
        "--from-shipped",
        action="store_true",
        help="begin with the shipped weights, where no checkpoint is left to go on from",
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="compile the network first, which takes minutes and needs a C++ compiler",
    )
    arguments = parser.parse_args()
    recipe = RECIPES[arguments.recipe]
    if arguments.from_shipped:
        if recipe.shipped is None:
            parser.error(f"{arguments.recipe} always begins with random weights")
        recipe = replace(recipe, network=recipe.shipped)
    recipe = replace(recipe, steps=arguments.steps or recipe.steps)
    if arguments.compile:
        recipe = replace(recipe, network=compiled(recipe.network))
    losses: list[float] = []
    for step in train(recipe, CHECKPOINTS / arguments.recipe):
        losses = [*losses[-499:], step.loss]
        if (step.index + 1) % 50 == 0:
            mean = sum(losses) / len(losses)
            print(
                f"step {step.index + 1} of {recipe.steps}, loss {mean:.5f}, "
                f"{step.speed:.0f} pictures/s",
                flush=True,
            )


if __name__ == "__main__":
    main()
