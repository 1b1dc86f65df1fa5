"""What a U-Net of diffusers computes inside: the maps of its blocks, their size and cost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn

from core.engine import alone

Seen = dict[str, Tensor]
_seen: ContextVar[Seen | None] = ContextVar("seen", default=None)
_watched: WeakSet[nn.Module] = WeakSet()


@dataclass(frozen=True)
class Block:
    """A block of a U-Net.

    Attributes:
        name: "down 1", "middle", "up 1": down and up of one number are joined by a skip.
        residual: its residual blocks.
        attention: its attention blocks.
        parameters: how many it has.
    """

    name: str
    residual: int
    attention: int
    parameters: int


def blocks(network: Any) -> dict[str, nn.Module]:
    """The blocks of a U-Net by name, as the signal goes: down, middle, up."""
    middle = {"middle": network.mid_block} if network.mid_block is not None else {}
    down = {f"down {k}": block for k, block in enumerate(network.down_blocks, 1)}
    last = len(network.up_blocks)
    up = {f"up {last - k}": block for k, block in enumerate(network.up_blocks)}
    return {**down, **middle, **up}


def described(network: Any) -> list[Block]:
    """What each block is made of."""
    found = []
    for name, block in blocks(network).items():
        count = sum(each.numel() for each in block.parameters())
        attentions = getattr(block, "attentions", None) or ()
        kept = sum(each is not None for each in attentions)
        residual = len(list(getattr(block, "resnets", ())))
        found.append(Block(name, residual, kept, count))
    return found


@contextlib.contextmanager
def inside() -> Iterator[Seen]:
    """Within it, the calls of `watched` networks of this thread leave what they compute.

    By name: the mean over the channels of each block's output at its own resolution, (B, 1, h, w).
    A later call replaces an earlier one.
    """
    seen: Seen = {}
    token = _seen.set(seen)
    try:
        with alone():
            yield seen
    finally:
        _seen.reset(token)


def watched(network: Any) -> None:
    """Let the calls of a U-Net be looked into; others' calls, in other threads, are not."""
    if network in _watched:
        return
    _watched.add(network)
    for name, block in blocks(network).items():
        shrinks = bool(getattr(block, "downsamplers", None))
        block.register_forward_hook(partial(_keep, name, shrinks))


def _keep(name: str, shrinks: bool, block: nn.Module, given: Any, output: Any) -> None:
    seen = _seen.get()
    if seen is None:
        return
    if isinstance(output, tuple):  # of a way down: the last output, and all that skips take
        residuals = output[1]
        output = residuals[-2] if shrinks else residuals[-1]
    seen[name] = output.detach().float().mean(1, keepdim=True)


@torch.no_grad()
def time_embeddings(network: Any, timesteps: Tensor) -> Tensor:
    """What a U-Net is told of each timestep, (T, D): two layers on sines and cosines of t.

    Ho et al. 2020, appendix B, https://arxiv.org/abs/2006.11239; the waves are those of Vaswani
    et al. 2017, section 3.5, https://arxiv.org/abs/1706.03762.
    """
    layers = network.time_embedding
    weight = next(layers.parameters())
    waves = network.time_proj(timesteps.flatten().to(weight.device))
    return layers(waves.to(weight.dtype)).float()


def operations(network: Any, call: Callable[[], Any]) -> dict[str, int]:
    """Floating-point operations of each block in a call of the network, by its name."""
    from torch.utils.flop_counter import FlopCounterMode

    names = {id(block): name for name, block in blocks(network).items()}
    paths = {path: names[id(each)] for path, each in network.named_modules() if id(each) in names}
    with alone(), torch.no_grad(), FlopCounterMode(display=False) as counter:
        call()
    counts = counter.get_flop_counts()
    root = type(network).__name__
    return {name: sum(counts.get(f"{root}.{path}", {}).values()) for path, name in paths.items()}
