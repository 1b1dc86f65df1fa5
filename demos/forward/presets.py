"""One click to each way to noise a picture."""

from __future__ import annotations

from typing import Any

from core.data.captions import EXAMPLES
from demos.forward.request import CODECS, TOLD

# The key of a chip's words, and the settings that it brings; the others are the defaults.
PRESETS: dict[str, dict[str, Any]] = {
    "noise.chip.digit": {"source": "test digit"},
    "noise.chip.photograph": {"source": "photograph"},
    "noise.chip.chain": {"process": "Markov chain"},
    "noise.chip.told": {"source": "noise", "process": TOLD},
    "noise.chip.latents": {"model": "emoji", "source": "scene", "caption": EXAMPLES[0]},
    "noise.chip.autoencoder": {
        "model": "emoji", "source": "scene", "caption": EXAMPLES[0],
        "process": CODECS, "other": EXAMPLES[1],
    },
}  # fmt: skip
