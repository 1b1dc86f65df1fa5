"""ZeroGPU Spaces: a GPU that is lent for one generator at a time."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any


def on_gpu(seconds: Callable[..., int]) -> Callable[[Callable], Callable]:
    """Decorate a top-level generator so that a ZeroGPU Space lends it a GPU for `seconds(...)`.

    Elsewhere it stays as it is. Arguments and results cross between processes by pickle.
    https://huggingface.co/docs/hub/spaces-zerogpu
    """
    if os.environ.get("SPACES_ZERO_GPU") != "true":
        return lambda function: function
    spaces: Any = importlib.import_module("spaces")  # only a Space has it
    return spaces.GPU(duration=seconds)
