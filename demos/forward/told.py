"""A picture that stays at its level, while the network is told another timestep."""

from __future__ import annotations

import torch
from torch import Tensor

from core.images import pixels_uri, signed_uri
from core.metrics import rms
from core.models import Model
from core.schedules import Level
from core.tapes import Frame, Panel
from demos.views.numbers import of_level, place
from demos.words import said

PANELS = (
    Panel("x_t", "xₜ", said("panel.stays")),
    Panel("eps", "ε̂(t′)", said("panel.told.eps"), "noise"),
    Panel("raw", "xₜ − ε̂", said("panel.raw"), "difference"),
    Panel("clipped", "xₜ − ε̂", said("panel.clipped"), "signal", phone=False),
)


class Told:
    """What a network sees in one noisy picture, over the timesteps that it is told."""

    strip, panels = "raw", PANELS

    def __init__(self, model: Model, x: Tensor, level: Level, prompt: str) -> None:
        """Keep x, (1, C, H, W), which is at this level."""
        self.model, self.x, self.level = model, x, level
        self.denoise = model.denoiser(prompt)
        self.picture = pixels_uri(model.pixels(x).cpu())

    @torch.no_grad()
    def frame(self, told: Level) -> Frame:
        """x - eps(x, t'): raw, as a displacement of every value, and clipped to a picture."""
        seen = self.denoise(self.x, told)
        rest = self.x - seen.eps
        centre, border = halves(rest)
        values = {"told": told.t, "t": self.level.t, "ratio": centre / max(border, 1e-12)}
        key = "noise.told.here" if told.t == self.level.t else "noise.told"
        pictures = {
            "x_t": self.picture,
            "eps": signed_uri(seen.eps),
            "raw": signed_uri(rest),
            "clipped": pixels_uri(self.model.pixels(rest).cpu()),
        }
        numbers = of_level(told) | {"ratio": values["ratio"]}
        return Frame(
            pictures=pictures, say=[said(key, **values)], pos=place(told), numbers=numbers
        )


def halves(x: Tensor) -> tuple[float, float]:
    """Root mean squares of the middle of a picture, half as high and wide, and of its border."""
    height, width = x.shape[-2:]
    inside = torch.zeros(height, width, dtype=torch.bool)
    inside[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    middle, border = (x.cpu()[..., where] for where in (inside, ~inside))
    return rms(middle), rms(border)
