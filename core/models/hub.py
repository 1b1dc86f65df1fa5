"""Weights from the Hugging Face hub, and plain sentences for all that can go wrong with them."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import torch

from core.models.cards import ModelCard

FILES = [
    "model_index.json",
    "scheduler/*.json",
    "tokenizer/*",
    "config.json",
    "*/config.json",
    "diffusion_pytorch_model.safetensors",
    "text_encoder/model.fp16.safetensors",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "vae/diffusion_pytorch_model.fp16.safetensors",
]
STAY = "the embedded models stay usable"
ON_DISK = (  # of a file or folder, where the network has nothing to do with it
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EIO,
    errno.EDQUOT,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.ENAMETOOLONG,
)


def here(card: ModelCard) -> Path | None:
    """The folder of a model on the hub, where it has been fetched to this machine before."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    download: Any = snapshot_download
    wanted = {"revision": card.revision, "allow_patterns": FILES}
    try:
        return Path(download(card.source, local_files_only=True, **wanted))
    except LocalEntryNotFoundError:
        return None


def fetched(card: ModelCard, report: Callable[[str], None] | None = None) -> Path:
    """The folder of a model on the hub, at its pinned revision: safetensors only, no code.

    Files that are here already are not asked for again. `report` hears of every tenth.
    """
    from huggingface_hub import snapshot_download
    from tqdm import tqdm

    found = here(card)
    if found is not None:
        return found
    download: Any = snapshot_download
    wanted = {"revision": card.revision, "allow_patterns": FILES}
    said = [-1]

    class Reported(tqdm):
        """A progress bar that speaks instead of being drawn."""

        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named | {"file": io.StringIO()})

        def update(self, n: float | None = 1) -> bool | None:
            """Say every tenth of the bytes once."""
            drawn = super().update(n)
            tenth = int(10 * self.n / self.total) if self.total and self.unit == "B" else -1
            if report is not None and tenth > said[0]:
                said[0] = tenth
                report(f"downloading {card.title}: {10 * tenth} % of {self.total / 1e9:.1f} GB")
            return drawn

    return Path(download(card.source, tqdm_class=Reported, **wanted))


def reach(card: ModelCard, seconds: float = 3) -> None:
    """ValueError, at once, where a model must be fetched and the hub cannot be reached.

    The hub's own client tries five more times, for 24 seconds, before it says so.
    """
    from huggingface_hub import constants

    if not card.revision or getproxies() or here(card) is not None:
        return
    address = urlsplit(constants.ENDPOINT)
    try:
        place = (address.hostname or "", address.port or 443)
        socket.create_connection(place, seconds).close()
    except OSError as error:
        raise ValueError(_said(card, ConnectionError())) from error


@contextlib.contextmanager
def in_memory(card: ModelCard) -> Iterator[None]:
    """Turn the lack of memory into a ValueError with one sentence."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise ValueError(
            f"the model {card.name} does not fit into the memory of this device; {STAY}"
        ) from error


@contextlib.contextmanager
def plainly(card: ModelCard) -> Iterator[None]:
    """Turn what goes wrong while a model is fetched into a ValueError with one sentence."""
    try:
        yield
    except (ValueError, torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # of the hub, of requests, of files: they share no other class
        raise ValueError(_said(card, error)) from error


def _said(card: ModelCard, error: Exception) -> str:
    """The sentence for what goes wrong between the hub, the network and the disk."""
    from huggingface_hub import errors

    number = error.errno if isinstance(error, OSError) else None

    if isinstance(error, errors.GatedRepoError):
        return (
            f"{card.source} asks for its terms to be accepted: do so on "
            f"https://huggingface.co/{card.source}, then set HF_TOKEN"
        )
    if isinstance(error, errors.RepositoryNotFoundError | errors.RevisionNotFoundError):
        return f"the hub has no {card.source} at revision {card.revision[:8]}; {STAY}"
    if number == errno.ENOSPC:
        return f"the disk is full, so {card.title} cannot be stored; make room and try again"
    if number in ON_DISK:
        return (
            f"the cache of the Hugging Face hub on this machine cannot be read or written "
            f"({os.strerror(number or 0)}), so {card.title} cannot be stored; {STAY}"
        )
    return f"the Hugging Face hub cannot be reached to fetch {card.title}; {STAY}"
