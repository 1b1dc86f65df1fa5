"""Which of the shipped files are broken: looked for once, when the page starts."""

from __future__ import annotations

import functools
import sys

from core import assets, paths

broken = functools.cache(assets.broken)  # path in the repository -> one sentence
NEEDED = "assets/ui/"  # nothing works without them
MODELS = "assets/models"
NO_MODELS = (
    f"Stepwise goes on without {MODELS}: the folder is missing, so saved runs play and of the "
    "models only exact samples; restore it from the repository"
)


def check() -> None:
    """Say which shipped files are broken; ValueError where the page cannot do without one.

    Of all others, only what they belong to is missing: a model, a recorded run, the library. A
    script or style that was changed is somebody's work.
    """
    without = not (paths.ROOT / MODELS).exists()
    if without:
        print(NO_MODELS, file=sys.stderr)
    for path, sentence in broken().items():
        if without and path.startswith(f"{MODELS}/"):
            continue
        file = paths.ROOT / path
        if path.startswith(NEEDED) and not (file.is_file() and file.stat().st_size):
            raise ValueError(sentence)
        print(f"Stepwise goes on without {path}: {sentence}", file=sys.stderr)
