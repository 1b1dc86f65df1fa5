"""Which of the shipped files are broken: looked for once, when the page starts."""

from __future__ import annotations

import functools
import sys

from core import assets

broken = functools.cache(assets.broken)  # path in the repository -> one sentence
NEEDED = "assets/ui/"  # nothing works without these


def check() -> None:
    """Say which shipped files are broken; ValueError where the page cannot do without one.

    Of all others, only what they belong to is missing: a model, a recorded run, the library.
    """
    for path, sentence in broken().items():
        if path.startswith(NEEDED):
            raise ValueError(sentence)
        print(f"Stepwise goes on without {path}: {sentence}", file=sys.stderr)
