"""The models that can be run: `MODELS`, their cards, and `load`.

A `Model` knows its schedule, its range of values and how prompts become denoisers; it does not
know what a sampler is. A new model is one card in `core.models.registry`, and, where it is built
in a new way, one class with `builds`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import torch

from core import paths
from core.models.base import (
    CLASSES,
    LabelledModel,
    Model,
    NetworkModel,
    TextModel,
    builds,
    looks_inside,
    prompts_of,
    reads_labels,
    reads_text,
)
from core.models.cards import ModelCard
from core.models.devices import (
    PREFERRED,
    PREVIEWS,
    check_dtype,
    device_of,
    downloads_allowed,
    dtype_of,
    prefer,
)
from core.models.digits import PixelModel, label_of
from core.models.folder import folder_of
from core.models.hub import fetched, here, in_memory, plainly
from core.models.latent import LatentModel
from core.models.registry import MODELS, SD, add_folder, card_of
from core.models.text import Read, reader
from core.models.trained import add_trained
from core.noise import uniform

__all__ = [
    "MODELS",
    "PREFERRED",
    "PREVIEWS",
    "SD",
    "LabelledModel",
    "LatentModel",
    "Model",
    "ModelCard",
    "NetworkModel",
    "PixelModel",
    "Read",
    "TextModel",
    "add_folder",
    "add_trained",
    "builds",
    "downloads_allowed",
    "forget",
    "label_of",
    "load",
    "looks_inside",
    "prefer",
    "read",
    "reads_labels",
    "reads_text",
    "uniform",
]


def load(
    name: str,
    device: str = "auto",
    dtype: str = "auto",
    report: Callable[[str], None] | None = None,
) -> Model:
    """The model of this name, loaded once per device and dtype; safe to call from many threads.

    `device` "auto" is cuda, else mps, else cpu; `dtype` "auto" is float32, and float16 for latent
    models on cuda; `prefer` can say otherwise. `report` is told, in sentences, how a download
    goes. ValueError for an unknown name, device or dtype, and for weights that are missing,
    cannot be fetched or do not fit.
    """
    card = card_of(name)
    check_dtype(dtype)
    where = device_of(PREFERRED["device"] if device == "auto" else device)
    numbers = dtype_of(card, dtype, where)
    with _locks.setdefault(name, threading.Lock()):  # a download keeps nobody else waiting
        if (card, where, numbers) not in _loaded:
            with in_memory(card):
                _loaded[card, where, numbers] = _made(card, where, numbers, report)
        return _loaded[card, where, numbers]


def forget(name: str) -> None:
    """Let go of a model that is not offered, and of its weights."""
    card = MODELS.unlisted.pop(name, None)
    for key in [key for key in _loaded if key[0] == card]:
        del _loaded[key]


def _made(
    card: ModelCard, device: str, dtype: torch.dtype, report: Callable[[str], None] | None
) -> Model:
    folder, besides = _folder(card, report), {}
    if card.tiny and PREFERRED["preview"] == "taesd":
        besides["tiny"] = _folder(card.tiny, report)
    with _building:  # the libraries' own imports do not stand two threads at once
        return CLASSES[card.kind](card, folder, device, dtype, **besides)


def _folder(card: ModelCard, report: Callable[[str], None] | None) -> Path:
    if not card.revision:
        return paths.ROOT / card.source
    with plainly(card):
        if not downloads_allowed() and here(card) is None:
            raise ValueError(
                f"{card.title} is not on this machine, and this page was started without "
                "--downloads; ask whoever runs it, or choose another model"
            )
        return fetched(card, report)


def read(name: str, prompt: str) -> Read | None:
    """How much of a prompt a model reads: only its tokenizer is loaded.

    None for a model that reads no text, and for one that is not on this machine yet. ValueError
    for an unknown name and a tokenizer that is broken.
    """
    card = card_of(name)
    with plainly(card):
        path = here(card) if card.revision else paths.ROOT / card.source
    if card.condition != "text" or path is None:
        return None
    folder = folder_of(card, path)
    with _building:
        tokens = reader(folder)
    return tokens.read(prompts_of(prompt)[0])


_loaded: dict[tuple[ModelCard, str, torch.dtype], Model] = {}
_locks: dict[str, threading.Lock] = {}
_building = threading.Lock()
