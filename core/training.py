"""Training recipes as generators: `python -m core.training RECIPE [--steps N]`.

Set OMP_WAIT_POLICY=PASSIVE where other programs run beside it: three times faster on two cores.

A recipe says what is trained on what; `train` runs it with accelerate on whatever device there
is, keeps an exponential moving average of the weights, writes a checkpoint every few hundred
steps and goes on from the last one. Step i draws its batch from a generator seeded with i, so a
resumed run sees the same pictures as an uninterrupted one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.data import mnist, signed
from core.networks import BasicUNet, DigitClassifier
from core.schedules import linear

ROOT = Path(__file__).parent.parent
NULL = 10  # the class "no label", trained for classifier-free guidance


@dataclass(frozen=True)
class Recipe:
    """What is trained: a network, its loss on a batch, and where the result goes."""

    network: Callable[[], nn.Module]
    loss: Callable[[nn.Module, Tensor, Tensor, torch.Generator], Tensor]
    save: Callable[[nn.Module], None]
    steps: int
    batch: int
    rate: float = 1e-3


@dataclass(frozen=True, slots=True)
class TrainStep:
    """One optimiser step: its index, the loss of its batch, pictures per second so far."""

    index: int
    loss: float
    rate: float
    speed: float


def digit_loss(
    network: nn.Module, x0: Tensor, label: Tensor, generator: torch.Generator
) -> Tensor:
    """|v_theta(alpha_t x0 + sigma_t eps, t, label) - v|^2, v = alpha_t eps - sigma_t x0.

    Salimans & Ho 2022, section 4, https://arxiv.org/abs/2202.00512: unlike the noise, v still
    asks for the picture where there is hardly any signal left, so that a short training already
    gets the whole digit right. t = T u^2, u uniform: half of the steps go to the quarter with the
    least noise, where the errors of inversion arise. One label in ten is dropped: Ho & Salimans
    2022, algorithm 1, https://arxiv.org/abs/2207.12598.
    """
    schedule = linear()
    t = (len(schedule) * torch.rand(label.shape, generator=generator) ** 2).long()
    eps = torch.randn(x0.shape, generator=generator).to(x0)
    dropped = torch.rand(label.shape, generator=generator) < 0.1
    label = torch.where(dropped.to(label.device), NULL, label)
    alpha, sigma = (
        scale[t].view(-1, 1, 1, 1).to(x0) for scale in (schedule.alpha, schedule.sigma)
    )
    output = network(alpha * x0 + sigma * eps, t.to(x0.device), class_labels=label).sample
    return F.mse_loss(output, alpha * eps - sigma * x0)


def basic_loss(
    network: nn.Module, x0: Tensor, label: Tensor, generator: torch.Generator
) -> Tensor:
    """|f(corrupt(x0, amount)) - x0|^2 on pixels in [0, 1], amount and noise uniform in [0, 1]."""
    x0 = (x0 + 1) / 2
    amount = torch.rand(len(x0), 1, 1, 1, generator=generator).to(x0)
    noise = torch.rand(x0.shape, generator=generator).to(x0)
    return F.mse_loss(network(x0 * (1 - amount) + noise * amount), x0)


def classifier_loss(
    network: nn.Module, x0: Tensor, label: Tensor, generator: torch.Generator
) -> Tensor:
    """Cross-entropy of the label, on digits shifted by up to two pixels."""
    dy, dx = torch.randint(-2, 3, (2,), generator=generator).tolist()
    return F.cross_entropy(network(x0.roll((dy, dx), (2, 3))), label)


def digit_unet() -> nn.Module:
    """The class-conditional U-Net of 1.7 M parameters, as a diffusers UNet2DModel."""
    from diffusers import UNet2DModel

    return UNet2DModel(
        sample_size=28,
        in_channels=1,
        out_channels=1,
        layers_per_block=2,
        block_out_channels=(32, 64, 64),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=32,
        num_class_embeds=NULL + 1,
    )


def save_digits(network: Any) -> None:
    """Write the U-Net and its scheduler in the diffusers folder format."""
    from diffusers import DDIMScheduler

    folder = ROOT / "assets/models/digits"
    network.save_pretrained(folder / "unet")
    scheduler = DDIMScheduler(
        clip_sample=False, timestep_spacing="trailing", prediction_type="v_prediction"
    )
    scheduler.save_pretrained(folder / "scheduler")


def save_basic(network: nn.Module) -> None:
    """Write the weights of the basic U-Net."""
    _save_weights(network, "basic")


def save_classifier(network: nn.Module) -> None:
    """Write the weights of the classifier."""
    _save_weights(network, "digit-classifier")


def _save_weights(network: nn.Module, name: str) -> None:
    from safetensors.torch import save_file

    folder = ROOT / "assets/models" / name
    folder.mkdir(parents=True, exist_ok=True)
    save_file(network.state_dict(), folder / "model.safetensors")


RECIPES: dict[str, Recipe] = {
    "mnist": Recipe(digit_unet, digit_loss, save_digits, steps=12_000, batch=32),
    "mnist-basic": Recipe(BasicUNet, basic_loss, save_basic, steps=3_000, batch=64),
    "mnist-classifier": Recipe(
        DigitClassifier, classifier_loss, save_classifier, steps=3_000, batch=64
    ),
}


def rate_at(step: int, steps: int, peak: float) -> float:
    """Warm-up over 200 steps, constant, then linear to zero over the last fifth of the run.

    The constant part lets a finished run be prolonged. Hu et al. 2024, arXiv:2404.06395.
    """
    warm_up = min(1.0, (step + 1) / 200)
    cool_down = min(1.0, (steps - step) / (steps / 5))
    return peak * min(warm_up, cool_down)


def train(
    recipe: Recipe, checkpoint: Path, *, save_every: int = 250, data: str = "train"
) -> Generator[TrainStep, None, None]:
    """Run a recipe to its last step, from the checkpoint where there is one; then save it.

    Yields a TrainStep after each optimiser step. The result is the average of the weights with
    decay 0.999, saved by `recipe.save`.
    """
    from accelerate import Accelerator
    from accelerate.utils import set_seed
    from diffusers.training_utils import EMAModel

    accelerator = Accelerator()
    set_seed(0)  # the initial weights; every later draw has a generator of its own
    network = recipe.network()
    average = EMAModel(network.parameters(), decay=0.999, use_ema_warmup=True, power=0.75)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=0.01)
    network, optimizer = accelerator.prepare(network, optimizer)
    average.to(accelerator.device)
    accelerator.register_for_checkpointing(average)
    if (checkpoint / "model.safetensors").exists():
        accelerator.load_state(str(checkpoint))
    start, begun = average.optimization_step, time.monotonic()
    images, labels = mnist(data)
    for index in range(start, recipe.steps):
        generator = torch.Generator().manual_seed(index)
        rows = torch.randint(len(images), (recipe.batch,), generator=generator)
        x0, label = (
            tensor.to(accelerator.device) for tensor in (signed(images[rows]), labels[rows])
        )
        rate = rate_at(index, recipe.steps, recipe.rate)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = recipe.loss(network, x0, label, generator)
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        average.step(network.parameters())
        if (index + 1) % save_every == 0:
            accelerator.save_state(str(checkpoint))
        seconds = time.monotonic() - begun
        yield TrainStep(index, loss.item(), rate, (index + 1 - start) * recipe.batch / seconds)
    network = accelerator.unwrap_model(network)
    average.copy_to(network.parameters())
    recipe.save(network)


def main() -> None:
    """Train the recipe that the command line names and print its progress."""
    parser = argparse.ArgumentParser(prog="python -m core.training", description=__doc__)
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("--steps", type=int, help="optimiser steps (default: the recipe's)")
    arguments = parser.parse_args()
    recipe = RECIPES[arguments.recipe]
    recipe = replace(recipe, steps=arguments.steps or recipe.steps)
    losses: list[float] = []
    for step in train(recipe, ROOT / "checkpoints" / arguments.recipe):
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
