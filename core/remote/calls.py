"""Network calls as they travel to another process: the model by its name, the tensors as bytes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from core.engine import Call
from core.models import MODELS


class Unloaded(ValueError):
    """A replica cannot load a model."""


class Packed(NamedTuple):
    """A tensor on its way: its numbers in the order of their rows."""

    dtype: str
    shape: tuple[int, ...]
    numbers: bytes


class Question(NamedTuple):
    """A network call on its way: the model by its name and dtype, and what it is called with."""

    model: str
    dtype: str
    x: Packed
    t: float | Packed
    condition: Packed | None


Reply = Packed | Exception


def packed(x: Tensor) -> Packed:
    """A tensor as it travels."""
    flat = x.detach().cpu().contiguous().flatten()
    numbers = flat.view(torch.uint8).numpy().tobytes()
    return Packed(str(x.dtype).removeprefix("torch."), tuple(x.shape), numbers)


def unpacked(x: Packed) -> Tensor:
    """The same tensor on the CPU."""
    return torch.frombuffer(bytearray(x.numbers), dtype=getattr(torch, x.dtype)).reshape(x.shape)


def question_of(call: Call) -> Question | None:
    """What is sent of a call; None for one that is answered where it was made.

    That is a call with gradients, one that is asked for more than its answer or looked into, and
    one of a model that a replica cannot load by its name: trained here, or a folder of this
    machine.
    """
    model, card = call.model, getattr(call.model, "card", None)
    if call.key is None or card is None or MODELS.get(card.name) is not card:
        return None
    plain = getattr(getattr(type(model), "forward", None), "__wrapped__", None) is call.compute
    if not plain or Path(card.source).is_absolute():
        return None
    return Question(
        card.name,
        str(model.dtype).removeprefix("torch."),
        packed(call.x),
        packed(call.t) if isinstance(call.t, Tensor) else float(call.t),
        None if call.condition is None else packed(call.condition),
    )
