"""A hundred pictures at a hundred timesteps, and what one network call takes away from each."""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor

from core.data import mnist, signed
from core.images import pixels_uri, signed_uri
from core.models import MODELS, Model
from demos.forward.told import halves
from demos.pictures.sources import random_pixels
from demos.views.html import saying, spoken
from demos.words import Refusal, said

COUNT, ROW = 100, 10


def refuse(model: str) -> None:
    """Refusal for a model of latents, and for one that is told no timestep."""
    card = MODELS[model]
    if card.space != "pixels" or card.noise != "gaussian":
        raise Refusal("hundred.refused")


def pictures(kind: str) -> Tensor:
    """The clean pictures, (100, 1, 28, 28) in [-1, 1]: test digits, or noise."""
    if kind == "test digit":
        return signed(mnist("test")[0][:COUNT])
    return torch.cat([random_pixels(1, 28, 28, index) for index in range(COUNT)])


@torch.no_grad()
def hundred(model: Model, kind: str, seed: int) -> Generator[None, None, tuple[Tensor, Tensor]]:
    """Yields after each call; returns x at t and x - eps(x, t), both (100, 1, 28, 28).

    t goes evenly from the first timestep to the last.
    """
    x0, denoise, draw = pictures(kind), model.denoiser(), model.draw(seed)
    times = torch.linspace(0, len(model.schedule) - 1, COUNT).long().tolist()
    noisy, rest = [], []
    for row, t in enumerate(times):
        level, clean = model.schedule.level(t), x0[row : row + 1]
        x = level.alpha * clean + level.sigma * draw(clean)
        noisy.append(x)
        rest.append((x - denoise(x, level).eps).cpu())
        yield
    return torch.cat(noisy), torch.cat(rest)


def report(model: Model, noisy: Tensor, rest: Tensor) -> str:
    """The pictures as HTML, t row by row from the top left, and where what is left is strong."""
    ratios = []
    for rows in (rest[:ROW], rest[-ROW:]):
        centre, border = halves(rows)
        ratios.append(centre / max(border, 1e-12))
    figures = "".join(
        f'<figure><img src="{uri}"{saying(name, "alt")}>{spoken(name, "figcaption")}</figure>'
        for uri, name in (
            (pixels_uri(model.pixels(noisy)), said("hundred.noisy")),
            (signed_uri(rest), said("hundred.raw")),
            (pixels_uri(model.pixels(rest)), said("hundred.clipped")),
        )
    )
    told = spoken(said("hundred.told", first=ratios[0], last=ratios[1]), "p")
    return f'{told}<div class="decided hundred">{figures}</div>'
