"""Inversion methods, one file each: how a real picture is carried to noise and back."""

from core.inversion.base import Inversion, Method, finish, start_index
from core.inversion.ddim import DDIMInversion
from core.inversion.sdedit import SDEdit

INVERSIONS: dict[str, Method] = {
    "ddim": DDIMInversion(
        "ddim", "target", "Mokady et al. 2023, section 3.1, https://arxiv.org/abs/2211.09794"
    ),
    "ddim_current": DDIMInversion(
        "ddim_current",
        "current",
        "Song et al. 2021, section 4.3, https://arxiv.org/abs/2010.02502",
    ),
    "sdedit": SDEdit(),
}

__all__ = ["INVERSIONS", "Inversion", "Method", "finish", "start_index"]
