"""Negative-prompt inversion: guidance away from the source prompt instead of the empty one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.denoisers import Guided, Prediction
from core.inversion.base import Inversion, Mover, Target, ddim
from core.inversion.ddim import Pivotal
from core.metrics import exact
from core.schedules import Level


@dataclass(frozen=True, kw_only=True)
class NegativePrompt(Pivotal):
    """eps = eps(source) + w (eps(target) - eps(source)), along DDIM's inversion at guidance 1.

    With target = source the guidance drops out: the round trip is that of DDIM at guidance 1.

    Attributes:
        proximal: "" or what is done to the difference of the two: "l1" pulls it towards 0 by its
            quantile, "l0" keeps it where it is larger, and elsewhere sets it to 0.
        quantile: of the absolute difference, over all of a picture.
    """

    name: str = "negative_prompt"
    title: str = "Negative prompt"
    source: str = "Miyake et al. 2023, https://arxiv.org/abs/2305.16807"
    exact: str = "no: as DDIM at guidance 1, whatever the guidance"
    needs_branches: bool = True
    proximal: str = ""
    quantile: float = 0.7
    strength: float = 0.8

    def mover(self, inversion: Inversion, target: Target, start: int) -> Mover:
        """DDIM with the target prompt against the source prompt."""
        levels = inversion.levels
        denoise = target._replace(negative=inversion.prompt).denoiser(inversion.model)
        if self.proximal and isinstance(denoise, Guided):
            denoise = Proximal(denoise, self.proximal, self.quantile)
        return lambda x, i: ddim(denoise, x, levels[i], levels[i - 1])


@dataclass(frozen=True, eq=False)
class Proximal:
    """A guided denoiser whose small differences between the branches are dropped.

    Han et al. 2024, section 3.2, https://arxiv.org/abs/2306.05414.
    """

    guided: Guided
    norm: str
    quantile: float

    @property
    def cost(self) -> int:
        """That of the denoiser inside."""
        return self.guided.cost

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """The unguided branch and w times what is left of the difference."""
        yes, no = self.guided.branches(x, level)
        eps = yes.eps - no.eps
        size = eps.abs()
        limit = exact(size).flatten(1).quantile(self.quantile, dim=1).to(eps)
        limit = limit.view(-1, *[1] * (eps.dim() - 1))
        share = (size > limit).to(eps) if self.norm == "l0" else (1 - limit / size).clamp(min=0)
        share = torch.nan_to_num(share)  # 0 / 0 where the branches agree
        return Prediction(
            no.x0 + self.guided.scale * share * (yes.x0 - no.x0),
            no.eps + self.guided.scale * share * eps,
        )
