"""Where models run and in which numbers: devices, dtypes, and what "auto" means."""

from __future__ import annotations

import os
import threading

import torch

from core.checks import whole
from core.engine import ENGINE
from core.models.cards import ModelCard

PREVIEWS = ("linear", "taesd")
DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
PREFERRED = {"device": "auto", "dtype": "auto", "preview": PREVIEWS[0]}
_online = threading.Event()  # whether models may be fetched from the hub
_online.set()


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
    check_dtype(dtype)
    PREFERRED.update(device=device_of(device), dtype=dtype, preview=preview)
    (_online.set if downloads else _online.clear)()
    torch.set_num_threads(threads)
    ENGINE.slots = max(1, (os.cpu_count() or 1) // threads)


def downloads_allowed() -> bool:
    """Whether models may be fetched from the hub, see `prefer`."""
    return _online.is_set()


def check_dtype(dtype: str) -> None:
    """ValueError for a dtype that is not known."""
    if dtype != "auto" and dtype not in DTYPES:
        raise ValueError(f"dtype must be one of auto, {', '.join(DTYPES)}, got {dtype!r}")


def dtype_of(card: ModelCard, dtype: str, device: str) -> torch.dtype:
    """The dtype that a model is loaded in; "auto" is float16 for latent models on cuda.

    ValueError for float64 on a GPU of Apple, which has none.
    """
    latent = card.space == "latents"
    dtype = PREFERRED["dtype"] if dtype == "auto" and latent else dtype
    if dtype == "auto":
        return torch.float16 if latent and device.startswith("cuda") else torch.float32
    if dtype == "float64" and device.startswith("mps"):
        raise ValueError("GPUs of Apple have no float64; use float32, or the device cpu")
    return DTYPES[dtype]


def device_of(device: str) -> str:
    """A device that is there, "auto" the accelerator if there is one; ValueError for others."""
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
