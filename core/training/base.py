"""What a training recipe is, and the loop that runs it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from core.data import signed


@dataclass(frozen=True)
class Recipe:
    """What is trained: a network, on which rows of data, by which loss, and where it goes.

    `data` gives tensors of equal length; a batch is the same random rows of each, uint8 pictures
    becoming float in [-1, 1]; `loss` is called with the network, these rows and a generator;
    `save` writes the network into a folder of models, as assets/models is one. `precision` is
    that of the network calls: "no" (float32) or "bf16", see `precision_of`. `fall` is the share
    of the steps in which the rate goes to zero, `decay` that of the average of the weights,
    `seed` that of the first weights and of the batches.
    """

    network: Callable[[], nn.Module]
    data: Callable[[], tuple[Tensor, ...]]
    loss: Callable[..., Tensor]
    save: Callable[[nn.Module, Path], None]
    steps: int
    batch: int
    rate: float = 1e-3
    precision: str = "no"
    fall: float = 0.2
    decay: float = 0.999
    shipped: Callable[[], nn.Module] | None = None  # the network with the weights that ship
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrainStep:
    """One optimiser step.

    Attributes:
        index: from 0 on.
        loss: of its batch.
        rate: the learning rate.
        speed: pictures per second so far.
        average: makes a copy of the network that has the average of the weights so far.
    """

    index: int
    loss: float
    rate: float
    speed: float
    average: Callable[[], nn.Module]


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
    recipe: Recipe, checkpoint: Path, models: Path, *, save_every: int = 100
) -> Generator[TrainStep, None, None]:
    """Run a recipe to its last step, from the checkpoint where there is one; then save it.

    Yields a TrainStep after each optimiser step. The result is the average of the weights with
    the recipe's decay, which `recipe.save` writes into the folder `models`. Closed before that,
    it leaves a checkpoint.
    """
    learner, data = Learner(recipe, checkpoint), recipe.data()
    start, begun = learner.steps, time.monotonic()
    for index in range(start, recipe.steps):
        generator = torch.Generator().manual_seed((recipe.seed << 24) + index)
        rows = torch.randint(len(data[0]), (recipe.batch,), generator=generator)
        batch = [prepared(tensor[rows], learner.device) for tensor in data]
        with learner.precision():
            loss = recipe.loss(learner.network, *batch, generator)
        rate = rate_at(index, recipe.steps, recipe.rate, recipe.fall)
        learner.step(loss, rate)
        if (index + 1) % save_every == 0:
            learner.save()
        speed = (index + 1 - start) * recipe.batch / (time.monotonic() - begun)
        try:
            yield TrainStep(index, loss.item(), rate, speed, learner.average)
        except GeneratorExit:
            learner.save()
            raise
    recipe.save(learner.average(), models)


class Learner:
    """A network under training, with its optimiser, the average of its weights, a checkpoint."""

    def __init__(self, recipe: Recipe, checkpoint: Path) -> None:
        """Begin with the weights of the recipe's seed, or go on from the checkpoint."""
        from accelerate import Accelerator
        from diffusers.training_utils import EMAModel

        self.checkpoint = checkpoint
        self._accelerator = Accelerator()  # its precision would be that of the whole process
        self._half = precision_of(recipe) == "bf16"
        self.device = self._accelerator.device
        with drawn_by(torch.Generator().manual_seed(recipe.seed)):
            network = recipe.network()
        self._average = EMAModel(
            network.parameters(), decay=recipe.decay, use_ema_warmup=True, power=0.75
        )
        optimizer = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=0.01)
        self.network, self._optimizer = self._accelerator.prepare(network, optimizer)
        self._average.to(self.device)
        self._accelerator.register_for_checkpointing(self._average)
        if (checkpoint / "model.safetensors").exists():
            forget_randomness(checkpoint)
            self._accelerator.load_state(str(checkpoint))

    @property
    def steps(self) -> int:
        """How many steps it has taken."""
        return self._average.optimization_step

    def precision(self) -> torch.autocast:
        """Within it, large operations are in the recipe's precision; losses are in float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._half)

    def step(self, loss: Tensor, rate: float) -> None:
        """Move the weights against the gradient of a loss, whose norm is at most 1."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._accelerator.backward(loss)
        self._accelerator.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._average.step(self.network.parameters())

    def average(self) -> nn.Module:
        """A copy of the network with the average of its weights."""
        copied = copy.deepcopy(
            self._accelerator.unwrap_model(self.network, keep_fp32_wrapper=False)
        )
        self._average.copy_to(copied.parameters())
        return copied

    def save(self) -> None:
        """Write the checkpoint."""
        self._accelerator.save_state(str(self.checkpoint))
        forget_randomness(self.checkpoint)


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


def save_weights(network: nn.Module, folder: Path) -> None:
    """Write the weights of a network of ours to FOLDER/model.safetensors."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(network.state_dict(), folder / "model.safetensors")


def prepared(rows: Tensor, device: torch.device) -> Tensor:
    """Rows of data as networks see them: uint8 pictures in [-1, 1], all else as it is."""
    return (signed(rows) if rows.dtype == torch.uint8 else rows).to(device)
