"""What a training recipe is, and the loop that runs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from core.data import signed
from core.paths import WEIGHTS


@dataclass(frozen=True)
class Recipe:
    """What is trained: a network, on which rows of data, by which loss, and where it goes.

    `data` gives tensors of equal length; a batch is the same random rows of each, uint8 pictures
    becoming float in [-1, 1]; `loss` is called with the network, these rows and a generator.
    `precision` is that of the network calls: "no" (float32) or "bf16", see `precision_of`. `fall`
    is the share of the steps in which the rate goes to zero, `decay` that of the average of the
    weights.
    """

    network: Callable[[], nn.Module]
    data: Callable[[], tuple[Tensor, ...]]
    loss: Callable[..., Tensor]
    save: Callable[[nn.Module], None]
    steps: int
    batch: int
    rate: float = 1e-3
    precision: str = "no"
    fall: float = 0.2
    decay: float = 0.999
    shipped: Callable[[], nn.Module] | None = None  # the network with the weights that ship


@dataclass(frozen=True, slots=True)
class TrainStep:
    """One optimiser step: its index, the loss of its batch, pictures per second so far."""

    index: int
    loss: float
    rate: float
    speed: float


def rate_at(step: int, steps: int, peak: float, fall: float = 0.2) -> float:
    """Warm-up over 200 steps, constant, then linear to zero over the last share of the run.

    The constant part lets a finished run be prolonged. Hu et al. 2024, arXiv:2404.06395.
    """
    warm_up = min(1.0, (step + 1) / 200)
    cool_down = min(1.0, (steps - step) / (steps * fall))
    return peak * min(warm_up, cool_down)


def precision_of(recipe: Recipe) -> str:
    """The recipe's precision, but float32 on a processor without 512-bit vectors.

    There torch emulates bfloat16 convolutions: 25 times slower than float32 ones.
    """
    slow = not torch.cuda.is_available() and torch.backends.cpu.get_cpu_capability() != "AVX512"
    return "no" if slow else recipe.precision


def train(
    recipe: Recipe, checkpoint: Path, *, save_every: int = 100
) -> Generator[TrainStep, None, None]:
    """Run a recipe to its last step, from the checkpoint where there is one; then save it.

    Yields a TrainStep after each optimiser step. The result is the average of the weights with
    the recipe's decay, saved by `recipe.save`.
    """
    from accelerate import Accelerator
    from diffusers.training_utils import EMAModel

    accelerator = Accelerator(mixed_precision=precision_of(recipe))
    with drawn_by(torch.Generator().manual_seed(0)):
        network = recipe.network()
    average = EMAModel(network.parameters(), decay=recipe.decay, use_ema_warmup=True, power=0.75)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=0.01)
    network, optimizer = accelerator.prepare(network, optimizer)
    average.to(accelerator.device)
    accelerator.register_for_checkpointing(average)
    if (checkpoint / "model.safetensors").exists():
        forget_randomness(checkpoint)
        accelerator.load_state(str(checkpoint))
    data = recipe.data()
    start, begun = average.optimization_step, time.monotonic()
    for index in range(start, recipe.steps):
        generator = torch.Generator().manual_seed(index)
        rows = torch.randint(len(data[0]), (recipe.batch,), generator=generator)
        batch = [_on(tensor[rows], accelerator.device) for tensor in data]
        rate = rate_at(index, recipe.steps, recipe.rate, recipe.fall)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = recipe.loss(network, *batch, generator)
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        average.step(network.parameters())
        if (index + 1) % save_every == 0:
            accelerator.save_state(str(checkpoint))
            forget_randomness(checkpoint)
        seconds = time.monotonic() - begun
        yield TrainStep(index, loss.item(), rate, (index + 1 - start) * recipe.batch / seconds)
    network = accelerator.unwrap_model(network, keep_fp32_wrapper=False)
    average.copy_to(network.parameters())
    recipe.save(network)


class drawn_by(TorchDispatchMode):
    """Within it, initial weights are drawn from this generator, and not from the process's.

    The layers of torch take no generator. A dispatch mode holds for its own thread alone, so
    runs beside a training draw what they would have drawn without it.
    """

    def __init__(self, generator: torch.Generator) -> None:
        """Draw from this generator, on the CPU."""
        super().__init__()
        self.generator = generator

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call an operation, with the generator where it takes one."""
        given, taken = kwargs or {}, {each.name for each in func._schema.arguments}
        if "generator" in taken and given.get("generator") is None:
            given = {**given, "generator": self.generator}
        return func(*args, **given)


def forget_randomness(checkpoint: Path) -> None:
    """Leave out of a checkpoint what would reseed the process; each step has a seed of its own."""
    for states in checkpoint.glob("random_states_*.pkl"):
        states.unlink()


def save_weights(network: nn.Module, name: str) -> None:
    """Write the weights of a network of ours to assets/models/NAME/model.safetensors."""
    from safetensors.torch import save_file

    folder = WEIGHTS / name
    folder.mkdir(parents=True, exist_ok=True)
    save_file(network.state_dict(), folder / "model.safetensors")


def _on(rows: Tensor, device: torch.device) -> Tensor:
    return (signed(rows) if rows.dtype == torch.uint8 else rows).to(device)
