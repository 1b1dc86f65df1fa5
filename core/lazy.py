"""Classes of diffusers and transformers, imported when they are first needed, one at a time."""

from __future__ import annotations

import importlib
import threading
from typing import Any

_lock = threading.Lock()


def imported(library: str, name: str) -> Any:
    """A class of diffusers or transformers; safe to call from many threads.

    Both load their modules when an attribute is first asked for, and fail with an ImportError
    where two threads do that at once.
    """
    with _lock:
        return getattr(importlib.import_module(library), name)
