"""Denoisers made of denoisers: pictures that are two things at once.

All parts are linear in the prediction, so that x = alpha x0 + sigma eps holds for the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core.denoisers import Denoiser, Prediction
from core.schedules import Level

PIECES = 4  # of a jigsaw, across and down


@dataclass(frozen=True)
class View:
    """A way to look at a picture that keeps noise noise: an orthogonal map, and the way back.

    Attributes:
        look: (B, C, H, W) to the same shape.
        undo: its inverse.
    """

    look: Callable[[Tensor], Tensor]
    undo: Callable[[Tensor], Tensor]


def jigsaw(x: Tensor, back: bool = False) -> Tensor:
    """The pieces of a picture in another order, PIECES across and down.

    Which order is drawn with seed 0. ValueError unless the pieces fit.
    """
    height, width = x.shape[-2:]
    if height % PIECES or width % PIECES:
        raise ValueError(f"a jigsaw of {PIECES} x {PIECES} pieces does not fit {height} x {width}")
    sides = height // PIECES, width // PIECES
    pieces = F.unfold(x, sides, stride=sides)
    order = torch.randperm(PIECES**2, generator=torch.Generator().manual_seed(0))
    moved = pieces[..., order.argsort() if back else order]
    return F.fold(moved, (height, width), sides, stride=sides)


def turned(quarters: int) -> View:
    """Turned to the left by so many quarters."""
    return View(
        lambda x: torch.rot90(x, quarters, (-2, -1)), lambda x: torch.rot90(x, -quarters, (-2, -1))
    )


VIEWS: dict[str, View] = {
    "identity": View(lambda x: x, lambda x: x),
    "upside down": View(lambda x: x.flip(-2), lambda x: x.flip(-2)),
    "mirrored": View(lambda x: x.flip(-1), lambda x: x.flip(-1)),
    "quarter turn": turned(1),
    "half turn": turned(2),
    "negative": View(torch.neg, torch.neg),
    "jigsaw": View(jigsaw, lambda x: jigsaw(x, back=True)),
}


@dataclass(frozen=True, eq=False)
class Anagram:
    """A picture that is one thing in each view: the mean of what is seen in all of them.

    eps = mean_i v_i^-1(eps_i(v_i(x))), and x0 likewise. Geng et al. 2024, section 3.2,
    https://arxiv.org/abs/2311.17919.

    Attributes:
        denoisers: one for each view.
        views: keys of VIEWS.
    """

    denoisers: Sequence[Denoiser]
    views: Sequence[str]

    def __post_init__(self) -> None:
        """ValueError for an unknown view, and unless each has its denoiser."""
        unknown = [name for name in self.views if name not in VIEWS]
        if unknown:
            raise ValueError(f"view must be one of {', '.join(VIEWS)}, got {unknown[0]!r}")
        if not self.views or len(self.views) != len(self.denoisers):
            raise ValueError(f"{len(self.denoisers)} denoisers do not fit {len(self.views)} views")

    @property
    def cost(self) -> int:
        """That of all denoisers."""
        return sum(denoise.cost for denoise in self.denoisers)

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """The mean of the predictions, each put right again."""
        x0, eps = torch.zeros_like(x), torch.zeros_like(x)
        for denoise, name in zip(self.denoisers, self.views, strict=True):
            seen = denoise(VIEWS[name].look(x), level)
            x0 = x0 + VIEWS[name].undo(seen.x0) / len(self.views)
            eps = eps + VIEWS[name].undo(seen.eps) / len(self.views)
        return Prediction(x0, eps)


@dataclass(frozen=True, eq=False)
class Hybrid:
    """A picture that is one thing from afar and another from near.

    eps = low(eps_far) + eps_near - low(eps_near), and x0 likewise, with the low pass of a Gaussian
    window. Geng et al. 2024, section 3.3, https://arxiv.org/abs/2404.11615; Oliva et al. 2006,
    https://doi.org/10.1145/1141911.1141919.

    Attributes:
        far: the denoiser of the coarse part.
        near: that of the details.
        spread: of the window, in pixels of x, above 0.
    """

    far: Denoiser
    near: Denoiser
    spread: float = 2.0

    @property
    def cost(self) -> int:
        """That of both denoisers."""
        return self.far.cost + self.near.cost

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """The coarse part of one prediction and the details of the other."""
        far, near = self.far(x, level), self.near(x, level)
        mixed = (
            theirs + blurred(ours - theirs, self.spread)
            for ours, theirs in ((far.x0, near.x0), (far.eps, near.eps))
        )
        return Prediction(*mixed)


def blurred(x: Tensor, spread: float) -> Tensor:
    """x, (B, C, H, W), under a Gaussian window of this spread in pixels, mirrored at the border.

    ValueError unless it is above 0 and the window, three spreads to each side, fits the picture.
    """
    reach = math.ceil(3 * spread) if spread > 0 else 0
    if not 0 < reach < min(x.shape[-2:]):
        most = (min(x.shape[-2:]) - 1) / 3
        raise ValueError(f"the spread must be above 0 and at most {most:.3g}, got {spread}")
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / spread) ** 2)
    line = (line / line.sum()).to(x)
    rows = F.pad(x.flatten(0, 1)[:, None], (reach,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(rows, line.view(1, 1, 1, -1)), line.view(1, 1, -1, 1)).view(x.shape)
