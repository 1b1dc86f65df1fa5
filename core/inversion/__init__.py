"""Inversion methods, one file each: how a real picture is carried to noise and back."""

from core.inversion.base import Inversion, Method, finish, start_index
from core.inversion.belm import BELM
from core.inversion.ddim import DDIMInversion
from core.inversion.edict import EDICT
from core.inversion.edit_friendly import EditFriendly
from core.inversion.fixed_point import FixedPoint
from core.inversion.mask import difference_mask
from core.inversion.negative_prompt import NegativePrompt
from core.inversion.null_text import NullText
from core.inversion.prompt_to_prompt import PromptToPrompt
from core.inversion.residual import Residual
from core.inversion.sdedit import SDEdit

INVERSIONS: dict[str, Method] = {
    method.name: method
    for method in (
        DDIMInversion(
            name="ddim",
            title="DDIM, t of the next level",
            source="Mokady et al. 2023, section 3.1, https://arxiv.org/abs/2211.09794",
        ),
        DDIMInversion(
            name="ddim_current",
            title="DDIM, t of this level",
            label="current",
            source="Song et al. 2021, section 4.3, https://arxiv.org/abs/2010.02502",
        ),
        SDEdit(),
        FixedPoint(
            name="fixed_point",
            title="Fixed point, Picard",
            source="Pan et al. 2023, https://arxiv.org/abs/2309.04907",
        ),
        FixedPoint(
            name="anderson",
            title="Fixed point, Anderson",
            memory=4,
            source="Pan et al. 2023, AIDI_A, https://arxiv.org/abs/2309.04907",
        ),
        Residual(),
        EditFriendly(),
        NegativePrompt(),
        NegativePrompt(
            name="proximal",
            title="Negative prompt, proximal",
            proximal="l1",
            source="Han et al. 2024, section 3.2, https://arxiv.org/abs/2306.05414",
        ),
        NullText(),
        PromptToPrompt(),
        EDICT(),
        BELM(),
    )
}

__all__ = ["INVERSIONS", "Inversion", "Method", "difference_mask", "finish", "start_index"]
