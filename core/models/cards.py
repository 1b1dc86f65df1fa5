"""What is known of a model before it is loaded, and what it can do."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Protocol

ILL_POSED = (
    "DDIM inversion of the exact denoiser is ill-posed: it knows finitely many digits, and off "
    "them the path to noise collapses or explodes. So the model {model} has SDEdit only"
)
REASONS = {
    "": "",
    "ill_posed": f"{ILL_POSED}; choose the method sdedit, or the model digits",
    "no_text": (
        "{method} needs a text, and the model {model} has none; choose the model emoji, or "
        "another method"
    ),
    "one_branch": (
        "{method} changes what guidance pushes away from, and the model {model} is told the "
        "guidance and has no such second branch; choose another method"
    ),
}


class Demands(Protocol):
    """What an inversion method asks of a model, see `core.inversion.base.Method`."""

    @property
    def title(self) -> str:
        """Its name on screen."""
        ...

    @property
    def calls_up(self) -> int:
        """Denoiser evaluations of a step up; 0 where nothing is inverted."""
        ...

    @property
    def needs_text(self) -> bool:
        """Whether it works on text-to-image models alone."""
        ...

    @property
    def needs_branches(self) -> bool:
        """Whether it changes what guidance pushes away from."""
        ...


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model before it is loaded.

    Attributes:
        name: key of MODELS.
        title: name on screen.
        source: folder with its weights or pictures (in the repository, or an absolute path), or
            the id of a repository on the Hugging Face hub.
        kind: how it is built, key of `CLASSES`; "tiny" is a decoder for previews.
        licence: of the weights or of the data.
        size: parameters, or pictures of an exact model.
        noise: "gaussian" or "uniform".
        condition: what it can be asked for: "label" (a digit), "text" or "none".
        space: what it works on, "pixels" or "latents".
        schedules: "own", the one that it was trained with, or "any".
        denoiser: "network", or "empirical" where it is exact for a finite set of pictures.
        data: what it was trained on, where a classifier ships for that: "mnist" or "scenes".
        revision: the pinned commit of a model on the hub.
        tiny: a small decoder of the model's latents, for previews; None where there is none.
        told: whether its network is told the guidance, as that of a latent consistency model,
            where others compute a second branch.
        variance: whether its network has learned the variance of a step back.
        early: whether a bad version of its network ships, to be pushed away from.
        private: whether it is not offered: who knows its name can use it.
    """

    name: str
    title: str
    source: str
    kind: str
    licence: str
    size: int
    noise: str = "gaussian"
    condition: str = "label"
    space: str = "pixels"
    schedules: str = "own"
    denoiser: str = "network"
    data: str = ""
    revision: str = ""
    tiny: ModelCard | None = None
    told: bool = False
    variance: bool = False
    early: bool = False
    private: bool = False

    @property
    def layered(self) -> bool:
        """Whether it has a U-Net of diffusers: the models exact and basic have none."""
        return self.denoiser == "network" and self.condition != "none"

    def reason(self, method: Demands) -> str:
        """Why it cannot run an inversion method, a key of REASONS; "" where it can."""
        if self.denoiser == "empirical" and method.calls_up:
            return "ill_posed"
        if method.needs_text and self.condition != "text":
            return "no_text"
        return "one_branch" if method.needs_branches and self.told else ""

    def refusal(self, method: Demands) -> str:
        """The same as a sentence."""
        return REASONS[self.reason(method)].format(model=self.name, method=method.title)

    def supports(self, method: Demands) -> bool:
        """Whether it can run an inversion method."""
        return not self.reason(method)

    def describe(self, condition: str) -> str:
        """What it is asked for, in words: label 7, or “dog face”."""
        if self.condition == "text":
            said = textwrap.shorten(condition, 60, placeholder=" …")
            return f"“{said}”" if condition else "no text"
        return f"label {condition}" if condition else "no label"
