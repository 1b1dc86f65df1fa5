"""The experiments: one class for each, in `KINDS`.

A class says what it asks for, why a request cannot be run, its panels, and yields its frames.
"""

from __future__ import annotations

from demos.experiments.kinds.autoguidance import Autoguidance
from demos.experiments.kinds.base import GUESS, Experiment
from demos.experiments.kinds.bugs import Bugs
from demos.experiments.kinds.digits import Best, Ladder, Restoring
from demos.experiments.kinds.inpainting import Inpainting
from demos.experiments.kinds.noises import WAYS, Poke, Walk
from demos.experiments.kinds.pairs import AnagramExperiment, HybridExperiment
from demos.experiments.kinds.places import PLACES

KINDS: dict[str, type[Experiment]] = {
    "bugs": Bugs,
    "restoring": Restoring,
    "ladder": Ladder,
    "inpainting": Inpainting,
    "anagram": AnagramExperiment,
    "hybrid": HybridExperiment,
    "walk": Walk,
    "poke": Poke,
    "best": Best,
    "autoguidance": Autoguidance,
}

__all__ = ["GUESS", "KINDS", "PLACES", "WAYS", "Experiment"]
