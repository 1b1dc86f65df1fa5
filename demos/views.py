"""Latents to pictures: what the panels of every tab show, whatever the model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from core.images import pixels_uri
from core.inversion import Inversion, start_index
from core.models import Model
from demos.gpu import loaded
from demos.reel import refined


def preview_uri(model: Model, x: Tensor) -> str:
    """A batch of latents as one data URI: exact PNG for pixels, approximate JPEG for latents.

    At 64 pixels PNG takes 20 times as long as JPEG and twice the bytes, for a picture that is
    approximate anyway.
    """
    return pixels_uri(model.preview_pixels(x), "" if model.preview_exact else "JPEG")


def decoded_uri(model: Model, x: Tensor) -> str:
    """A batch of latents, decoded in full, as one data URI."""
    return pixels_uri(model.pixels(x))


def approximate(model: Model, *panels: int) -> tuple[int, ...]:
    """The panels that `preview_uri` fills only approximately for this model."""
    return () if model.preview_exact else panels


def half(x: Tensor) -> Tensor:
    """Latents as they are kept: in half precision, on the CPU."""
    return x.detach().to("cpu", torch.float16)


@dataclass(frozen=True, eq=False)
class Kept:
    """What stays on the server of a finished run, so that its frames can be decoded in full.

    Attributes:
        model: name of the model.
        message: the whole run, as it was sent.
        latents: for each frame the latents behind its pictures by panel, see `half`.
    """

    model: str
    message: dict
    latents: list[dict[int, Tensor]]

    @cached_property
    def nbytes(self) -> int:
        """Bytes of its pictures, each counted once, and of its latents."""
        pictures = {id(p): len(p) for each in self.message["frames"] for p in each["pictures"]}
        latents = (x.nbytes for frame in self.latents for x in frame.values())
        return sum(pictures.values()) + sum(latents)

    def refined(self, frame: int, latents: dict[int, Tensor]) -> dict:
        """The message that replaces pictures of a frame by these latents, decoded in full."""
        model = loaded(self.model)
        pictures = {panel: decoded_uri(model, x.float()) for panel, x in latents.items()}
        return refined(self.message, frame, pictures)


def decoded(kept: Kept | None, frame: Any) -> Any:
    """The message with the pictures of one frame decoded in full; none without such a frame."""
    if kept is None or frame not in range(len(kept.latents)):
        return gr.skip()
    return kept.refined(frame, kept.latents[frame])


def level_picture(inversion: Inversion | None, strength: float) -> str:
    """The picture at the level that an edit starts at, as HTML; nothing without an inversion."""
    if inversion is None:
        return ""
    start = start_index(strength, len(inversion.levels) - 1)
    x = inversion.trajectory[start]
    kind = " (approximate preview)" if approximate(inversion.model, 0) else ""
    return (
        f'<figure class="level-picture"><img src="{preview_uri(inversion.model, x)}" '
        f'alt="the picture at step {start}"><figcaption>x<sub>{start}</sub>, from which the edit '
        f"samples down{kind}</figcaption></figure>"
    )
