"""Latents as pictures, and what stays of a run so that its frames can be decoded in full."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from core.images import pixels_uri
from core.models import Model
from demos.runs.zero_gpu import loaded


def preview_uri(model: Model, x: Tensor) -> str:
    """A batch of latents as one data URI: exact PNG for pixels, approximate JPEG for latents.

    At 64 pixels PNG takes 20 times as long as JPEG and twice the bytes, for a picture that is
    approximate anyway.
    """
    if model.preview_exact:
        return decoded_uri(model, x)
    return pixels_uri(model.preview_pixels(x), "JPEG")


def decoded_uri(model: Model, x: Tensor) -> str:
    """A batch of latents, decoded in full, as one data URI."""
    return pixels_uri(model.pixels(x))


def half(x: Tensor) -> Tensor:
    """Latents as they are kept: in half precision, on the CPU."""
    return x.detach().to("cpu", torch.float16)


@dataclass(eq=False)
class Archive:
    """What stays on the server of a run.

    Attributes:
        run: its id.
        message: the whole run, as it was sent; empty before its end.
        latents: for each frame the latents behind its pictures by panel, see `half`.
        picture: the latest guess of a clean picture, with the name of its model.
        result: what the run returned.
    """

    run: str
    message: dict[str, Any] = field(default_factory=dict)
    latents: list[dict[int, Tensor]] = field(default_factory=list)
    picture: tuple[str, Tensor] | None = None
    result: Any = None

    @property
    def nbytes(self) -> int:
        """Bytes of its pictures, each counted once, of its latents, and of its result."""
        frames = self.message.get("frames", ())
        pictures = {id(p): len(p) for each in frames for p in each["pictures"]}
        latents = sum(x.nbytes for frame in self.latents for x in frame.values())
        return sum(pictures.values()) + latents + getattr(self.result, "nbytes", 0)

    def decoded(self, frame: Any) -> dict[str, Any] | None:
        """The message with the pictures of a frame decoded in full; None without such a frame."""
        if not self.message or frame not in range(len(self.latents)):
            return None
        model = loaded(self.message["settings"]["model"])
        latents = self.latents[frame].items()
        return self.refined(
            {frame: {panel: decoded_uri(model, x.float()) for panel, x in latents}}
        )

    def previewed(self, panel: int, latents: list[Tensor]) -> dict[str, Any]:
        """The message that shows other latents in one panel of every frame, and keeps them."""
        model = loaded(self.message["settings"]["model"])
        for kept, x in zip(self.latents, latents, strict=True):
            kept[panel] = half(x)
        shown = {i: {panel: preview_uri(model, x)} for i, x in enumerate(latents)}
        return self.refined(shown, exact=model.preview_exact)

    def refined(self, pictures: dict[int, dict[int, str]], exact: bool = True) -> dict[str, Any]:
        """The message that replaces pictures by frame and panel; the others stay."""
        frames = []
        for i, changed in pictures.items():
            frame = self.message["frames"][i]
            kept = [changed.get(k) for k in range(len(frame["pictures"]))]
            others = [k for k in frame["approx"] if k not in changed]
            approx = others if exact else sorted({*others, *changed})
            frames.append({**frame, "pictures": kept, "approx": approx})
        status = self.message["status"]
        return {"run": self.run, "status": status, "refined": True, "frames": frames}
