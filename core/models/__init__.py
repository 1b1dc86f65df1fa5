"""The models that can be run: cards, and `load`.

A `Model` knows its schedule, its range of values and how prompts become denoisers; it does not
know what a sampler is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import torch

from core.checks import whole
from core.files import ROOT, Folder
from core.models.base import Model, ModelCard, prompts_of
from core.models.digits import BasicModel, DigitModel, ExactModel, PixelModel, label_of
from core.models.folder import folder_of, looked_at, placed_at
from core.models.hub import fetched, here, in_memory, plainly
from core.models.latent import LatentModel
from core.models.text import Read, reader

__all__ = [
    "MODELS",
    "PREVIEWS",
    "ROOT",
    "BasicModel",
    "ExactModel",
    "LatentModel",
    "Model",
    "ModelCard",
    "PixelModel",
    "add_folder",
    "downloads_allowed",
    "label_of",
    "load",
    "prefer",
    "read",
]

TAESD = ModelCard(
    "taesd",
    "TAESD",
    "madebyollin/taesd",
    "tiny",
    "MIT",
    2_445_063,
    condition="none",
    revision="614f76814bbe30edbe2e627ace1c2234c81a2c0e",
)
SD = "stable-diffusion-v1-5/stable-diffusion-v1-5"
MODELS: dict[str, ModelCard] = {
    card.name: card
    for card in (
        ModelCard(
            "digits",
            "digits (U-Net, 1.7 M weights)",
            "assets/models/digits",
            "network",
            "Apache-2.0",
            1_708_417,
        ),
        ModelCard(
            "emoji",
            "emoji (text to image, 13 M)",
            "assets/models/emoji",
            "latent",
            "Apache-2.0",
            13_346_659,
            condition="text",
            grammar=True,
        ),
        ModelCard(
            "exact",
            "exact (no network)",
            "assets/data",
            "exact",
            "CC BY-SA 3.0",
            10_000,
            schedules="any",
            remembers=True,
        ),
        ModelCard(
            "basic",
            "basic (U-Net, uniform noise)",
            "assets/models/basic",
            "network",
            "Apache-2.0",
            309_057,
            noise="uniform",
            condition="none",
        ),
        ModelCard(
            SD,
            "Stable Diffusion 1.5 (2 GB, GPU)",
            SD,
            "latent",
            "CreativeML Open RAIL-M",
            1_066_235_307,
            condition="text",
            revision="451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
            tiny=TAESD,
        ),
    )
}
PREVIEWS = ("linear", "taesd")
PIXEL_CLASSES = {"digits": DigitModel, "exact": ExactModel, "basic": BasicModel}
DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


def prefer(
    device: str = "auto",
    dtype: str = "auto",
    threads: int = 1,
    preview: str = PREVIEWS[0],
    downloads: bool = True,
) -> None:
    """What "auto" means from now on, the threads of one network call, 1..256, and the previews.

    `preview` "taesd" shows latents by a card's tiny decoder, "linear" by a linear map. Without
    `downloads` nothing is fetched from the hub that is not on this machine already. ValueError
    for a device or dtype that is not there.
    """
    if preview not in PREVIEWS:
        raise ValueError(f"preview must be one of {', '.join(PREVIEWS)}, got {preview!r}")
    threads = whole(threads, "threads", 1, 256)
    _check_dtype(dtype)
    PREFERRED.update(device=_device(device), dtype=dtype, preview=preview)
    (_online.set if downloads else _online.clear)()
    torch.set_num_threads(threads)


def downloads_allowed() -> bool:
    """Whether models may be fetched from the hub, see `prefer`."""
    return _online.is_set()


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
    if name not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {name!r}")
    _check_dtype(dtype)
    card, where = MODELS[name], _device(PREFERRED["device"] if device == "auto" else device)
    dtype = PREFERRED["dtype"] if dtype == "auto" and card.kind == "latent" else dtype
    half = card.kind == "latent" and where.startswith("cuda")
    kind = DTYPES["float16" if half else "float32"] if dtype == "auto" else DTYPES[dtype]
    with _locks.setdefault(name, threading.Lock()):  # a download keeps nobody else waiting
        if (card, where, kind) not in _loaded:
            with in_memory(card):
                _loaded[card, where, kind] = _made(card, where, kind, report)
        return _loaded[card, where, kind]


def _made(
    card: ModelCard, device: str, dtype: torch.dtype, report: Callable[[str], None] | None
) -> Model:
    folder, tiny = _folder(card, report), None
    if card.tiny and PREFERRED["preview"] == "taesd":
        tiny = _folder(card.tiny, report)
    with _building:  # the libraries' own imports do not stand two threads at once
        if card.kind == "latent":
            return LatentModel(card, folder, device, dtype, tiny)
        return PIXEL_CLASSES[card.name](card, device, dtype)


def _folder(card: ModelCard, report: Callable[[str], None] | None) -> Path:
    if not card.revision:
        return ROOT / card.source
    with plainly(card):
        if not downloads_allowed() and here(card) is None:
            raise ValueError(
                f"{card.title} is not on this machine, and this page was started without "
                "--downloads; ask whoever runs it, or choose another model"
            )
        return fetched(card, report)


def add_folder(folder: Path | str) -> str:
    """Add a local folder in the diffusers format to MODELS; returns its name.

    ValueError, one sentence, for a folder that is missing, broken or not safe, or that holds
    another kind of model than text to image as in Stable Diffusion 1 and 2.
    """
    path = placed_at(folder)
    layout, name = looked_at(Folder(path, str(path))), path.name
    if name in MODELS and MODELS[name].source != str(path):
        raise ValueError(f"there is already a model called {name}; rename the folder {path}")
    MODELS[name] = ModelCard(
        name,
        f"{name} (local folder)",
        str(path),
        "latent",
        "see its card",
        0,
        condition="text",
        told=layout.told,
    )
    return name


def read(name: str, prompt: str) -> Read | None:
    """How much of a prompt a model reads: only its tokenizer is loaded.

    None for a model that reads no text, and for one that is not on this machine yet. ValueError
    for an unknown name and a tokenizer that is broken.
    """
    if name not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {name!r}")
    card = MODELS[name]
    with plainly(card):
        path = here(card) if card.revision else ROOT / card.source
    if card.condition != "text" or path is None:
        return None
    folder = folder_of(card, path)
    with _building:
        tokens = reader(folder)
    return tokens.read(prompts_of(prompt)[0])


def _check_dtype(dtype: str) -> None:
    if dtype != "auto" and dtype not in DTYPES:
        raise ValueError(f"dtype must be one of auto, {', '.join(DTYPES)}, got {dtype!r}")


def _device(device: str) -> str:
    if device == "auto":
        accelerator = torch.accelerator.current_accelerator()
        return accelerator.type if accelerator is not None else "cpu"
    if str(device).split(":")[0] not in ("cpu", "cuda", "mps"):
        raise ValueError(f"device must be auto, cpu, cuda or mps, got {device!r}")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"this machine has no device {device}; use auto or cpu") from error
    return str(device)


PREFERRED = {"device": "auto", "dtype": "auto", "preview": PREVIEWS[0]}
_loaded: dict[tuple[ModelCard, str, torch.dtype], Model] = {}
_locks: dict[str, threading.Lock] = {}
_building = threading.Lock()
_online = threading.Event()  # whether models may be fetched from the hub
_online.set()
