"""A judge that was never trained: which of the 314 pictures lies nearest to a drawn one.

The distance is the mean squared difference of pixels, the least over shifts of up to 3 pixels and
five sizes of the real picture. It sees what a classifier may overlook: five legs of a horse are
as far from four as they look.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from core.data.emoji import Pose, Scene, subjects, tensor_of

SHIFT, SIZES = 3, (0.93, 0.965, 1.0, 1.035, 1.07)


@cache
def references() -> Tensor:
    """All subjects on white in all sizes, half the pixels a side: (314, 5, 3, 32, 32)."""
    pictures = [
        tensor_of(Scene(name).picture(Pose(scale=size))) for name in subjects() for size in SIZES
    ]
    halved = F.avg_pool2d(torch.stack(pictures).float() / 255, 2)
    return halved.unflatten(0, (len(subjects()), len(SIZES)))


def distances(pictures: Tensor) -> Tensor:
    """Of pictures (N, 3, 64, 64) in [0, 1] on white to each subject, (N, 314)."""
    known = references().flatten(2)
    least = torch.full((len(pictures), len(known)), torch.inf)
    for dy in range(-SHIFT, SHIFT + 1):
        for dx in range(-SHIFT, SHIFT + 1):
            moved = F.avg_pool2d(pictures.roll((dy, dx), (2, 3)), 2).flatten(1)
            apart = torch.cdist(moved, known.flatten(0, 1)).square() / moved.shape[1]
            least = torch.minimum(least, apart.unflatten(1, known.shape[:2]).amin(2))
    return least


def found(pictures: Tensor, chosen: list[Scene]) -> list[int]:
    """How many pictures lie nearest to their own subject, and of how many."""
    names = list(subjects())
    nearest = distances(pictures).argmin(1).tolist()
    return [sum(names[k] == s.subject for k, s in zip(nearest, chosen, strict=True)), len(chosen)]
