"""Pictures to start from that were sampled by the models, so they are nobody's photographs.

`library.json` beside them says how each was made; `python -m tests.figures library` makes them
again from it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from core.images import open_picture
from core.models import MODELS
from demos.runs.fields import ChoiceField
from demos.shipped import broken
from demos.words import Refusal, said

LIST = "assets/images/library/library.json"
FOLDER = Path(__file__).parents[2] / "assets" / "images" / "library"


@dataclass(frozen=True)
class Sampled:
    """A picture of the library, and the run of DDIM that ended in it.

    Attributes:
        file: its name in the folder.
        model: the name of the model that sampled it.
        prompt: what the model was asked for: a caption, or a label "0" .. "9".
        seed: of the first noise.
        steps: of the sampler.
        guidance: classifier-free guidance.
    """

    file: str
    model: str
    prompt: str
    seed: int
    steps: int
    guidance: float

    @property
    def picture(self) -> Image.Image:
        """The picture as it was sampled, in 8 bits."""
        return open_picture(FOLDER / self.file)


@cache
def library() -> tuple[Sampled, ...]:
    """All pictures, in their order."""
    if LIST in broken():
        return ()
    rows = json.loads((FOLDER / "library.json").read_text(encoding="utf-8"))
    return tuple(Sampled(**row) for row in rows)


def of_kind(condition: str) -> dict[str, Sampled]:
    """The pictures for models that are asked with "text" or a "label", by their prompt."""
    return {each.prompt: each for each in library() if MODELS[each.model].condition == condition}


def known() -> list[str]:
    """The prompts and labels of all pictures."""
    return [each.prompt for each in library()]


def picked(condition: str, prompt: Any) -> Sampled:
    """The picture with this prompt, None the first; ValueError, one sentence, for another one."""
    known = of_kind(condition)
    if not known:
        raise Refusal("library.refused")
    asked = next(iter(known)) if prompt is None else prompt
    field = ChoiceField(options=list(known))
    return known[field.check(asked, said("library.label"))]
