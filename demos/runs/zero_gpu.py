"""ZeroGPU Spaces: a GPU that is lent for one generator at a time."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

from core.models import MODELS, Model, downloads_allowed, load
from core.models.hub import reach


def lent() -> bool:
    """Whether this is a ZeroGPU Space: https://huggingface.co/docs/hub/spaces-zerogpu ."""
    return os.environ.get("SPACES_ZERO_GPU") == "true"


def on_gpu(seconds: Callable[..., int]) -> Callable[[Callable], Callable]:
    """Decorate a top-level generator so that a ZeroGPU Space lends it a GPU for `seconds(...)`.

    Elsewhere it stays as it is. Arguments and results cross between processes by pickle.
    """
    if not lent():
        return lambda function: function
    spaces: Any = importlib.import_module("spaces")  # only a Space has it
    return spaces.GPU(duration=seconds)


def loaded(name: str, report: Callable[[str], None] | None = None) -> Model:
    """The model for work that is not decorated by `on_gpu`: there a ZeroGPU Space has its CPU."""
    return reached(name, "cpu" if lent() else "auto", report)


def reached(name: str, device: str = "auto", report: Callable[[str], None] | None = None) -> Model:
    """The model, or at once a ValueError where it must be fetched and the hub is out of reach."""
    if downloads_allowed() and name in MODELS:
        reach(MODELS[name])
    return load(name, device, report=report)
