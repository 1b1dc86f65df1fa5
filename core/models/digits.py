"""The models that work on the pixels of digits: a trained U-Net, the exact answer, lesson one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from core.classifier_guidance import ClassifierGuided, EmpiricalClassifier, NoisyClassifier
from core.classifiers import noisy_digit_classifier
from core.data import mnist, signed
from core.denoisers import Denoiser, Empirical, Guided, Network, Rows
from core.engine import shared
from core.files import shipped
from core.images import from_pil, to_pil
from core.models.base import ModelBase, builds, check_guidance, prompts_of, sized
from core.models.cards import ModelCard
from core.models.folder import STEMS, folder_of, schedule_in, weight_files
from core.models.parts import CONFIG, built, filled
from core.networks import BasicUNet
from core.objectives import unet
from core.schedules import Level, Schedule, flow, linear
from core.weights import fill

NULL = 10  # the trained class "no label"


class PixelModel(ModelBase):
    """A model of 28x28 digits that works on the pixels themselves, in [-1, 1]."""

    shape: tuple[int, int, int] = (1, 28, 28)
    size: int = 28
    sides: tuple[int, int] = (28, 28)

    def __init__(self, card: ModelCard, schedule: Schedule, device: str, dtype: torch.dtype):
        """Keep what all pixel models share."""
        self.card, self.schedule, self.device, self.dtype = card, schedule, device, dtype

    def encode(self, images: Sequence[Image.Image]) -> Tensor:
        """PIL images, or one, to (B, 1, 28, 28) in [-1, 1]; ValueError for another size."""
        pixels = from_pil(sized(images, self.sides))
        return (pixels * 2 - 1).to(self.device, self.dtype)

    def pixels(self, x: Tensor) -> Tensor:
        """(x + 1) / 2, clipped to [0, 1]."""
        return ((x.float() + 1) / 2).clamp(0, 1)

    def decode(self, x: Tensor) -> list[Image.Image]:
        """One PIL image per row."""
        return to_pil(self.pixels(x))

    preview, preview_pixels = decode, pixels


class LabelModel(PixelModel):
    """A pixel model whose prompts are the labels "0" .. "9"; "" is any digit."""

    def denoiser(
        self,
        prompt: str | Sequence[str] = "",
        negative: str | Sequence[str] = "",
        guidance: float = 1.0,
    ) -> Denoiser:
        """The denoiser of a label; `guidance` pushes away from `negative` ("": any digit)."""
        check_guidance(guidance)
        conditional = self._of(prompt)
        if guidance == 1:
            return conditional
        return Guided(conditional, self._of(negative), guidance)

    def classifier_guided(self, label: str, scale: float) -> ClassifierGuided:
        """The denoiser of any digit, pushed to a label by `classifier`."""
        return ClassifierGuided(self._of(""), self.classifier(), label_of(label), scale)

    def classifier(self) -> NoisyClassifier:
        """What reads the ten labels in x at a level of the model's schedule."""
        raise NotImplementedError

    def _of(self, prompt: str | Sequence[str]) -> Denoiser:
        raise NotImplementedError


def early_unet() -> Any:
    """A class-conditional U-Net of 0.1 M parameters, a bad version of the one of `DigitModel`."""
    return unet(1, 28, (16, 16, 16), layers=1, attends=True, num_class_embeds=NULL + 1)


@builds("network")
class DigitModel(LabelModel):
    """The class-conditional U-Net that `core.training mnist` trains."""

    def __init__(self, card: ModelCard, folder: Path, device: str, dtype: torch.dtype) -> None:
        """Load the network and its schedule from the diffusers folder."""
        schedule, self.kind = schedule_in(folder_of(card, folder))
        super().__init__(card, schedule, device, dtype)
        unet = folder_of(card, folder).at("unet")
        network = built("digits", unet, unet.json(CONFIG))
        self.network = filled(network, unet, weight_files(unet, STEMS["unet"]), dtype).to(device)

    @shared
    def forward(self, x: Tensor, t: float | Tensor, label: Tensor | None) -> Tensor:
        """The network call: (B, 1, 28, 28), timestep, labels (B,) to its output, v."""
        x_cast = x.to(self.device, self.dtype)
        return self.network(x_cast, t, class_labels=label, return_dict=False)[0].to(x)

    def autoguided(self, prompt: str | Sequence[str], guidance: float) -> Guided:
        """The denoiser of a label, pushed away from a bad version of itself.

        D_0 + w (D_1 - D_0): D_1 is this network, D_0 a smaller one after a short training, both
        asked for the same. Karras et al. 2024, section 3, https://arxiv.org/abs/2406.02507.
        ValueError for a model without such a version.
        """
        check_guidance(guidance)
        if not self.card.early:
            raise ValueError(f"no bad version of the model {self.card.name} is here; use digits")
        conditional = self._of(prompt)
        early = Network(self.early, self.kind, conditional.condition)
        return Guided(conditional, early, guidance)

    @shared
    def early(self, x: Tensor, t: float | Tensor, label: Tensor | None) -> Tensor:
        """The network call of the bad version, as `forward`."""
        network, x_cast = early_network().to(self.device), x.to(self.device).float()
        return network(x_cast, t, class_labels=label, return_dict=False)[0].to(x)

    def classifier(self) -> NoisyClassifier:
        """The shipped classifier of noisy digits, told the t at which it knows such noise."""
        network, known = noisy_digit_classifier(), linear().sigma

        def classify(x: Tensor, level: Level) -> Tensor:
            t = (known - level.sigma).abs().argmin()
            return network(x.cpu().float(), t[None])

        return classify

    def _of(self, prompt: str | Sequence[str]) -> Network:
        labels = [label_of(each) if each else NULL for each in prompts_of(prompt)]
        return Network(self.forward, self.kind, torch.tensor(labels, device=self.device))


@cache
def early_network() -> Any:
    """The shipped weights of `early_unet`. ValueError when they are broken."""
    network = early_unet()
    fill(network, shipped("assets/models/digits-early"), ["model.safetensors"])
    return network.eval().requires_grad_(False)


@builds("exact")
class ExactModel(LabelModel):
    """The exact denoiser of 10,000 training digits, or of those with one label."""

    def __init__(self, card: ModelCard, folder: Path, device: str, dtype: torch.dtype) -> None:
        """Read the digits; any schedule will do, DDPM's is the default."""
        super().__init__(card, linear(), device, dtype)
        images, self.labels = (part[: card.size] for part in mnist("train"))
        self.images = signed(images)
        self._denoisers: dict[str, Empirical] = {}
        self._classifier: EmpiricalClassifier | None = None

    def empirical(self, condition: str = "") -> Empirical:
        """The denoiser of the digits with this label, of all digits for ""."""
        if condition not in self._denoisers:
            chosen = self.labels == label_of(condition) if condition else slice(None)
            self._denoisers[condition] = Empirical(self.images[chosen])
        return self._denoisers[condition]

    def classifier(self) -> NoisyClassifier:
        """The exact classifier of the digits that it knows."""
        if self._classifier is None:
            self._classifier = EmpiricalClassifier(self.images, self.labels)
        return self._classifier

    def _of(self, prompt: str | Sequence[str]) -> Denoiser:
        denoisers = [self.empirical(each) for each in prompts_of(prompt)]
        return denoisers[0] if len(denoisers) == 1 else Rows(denoisers)


class UnconditionalModel(PixelModel):
    """A pixel model that is asked for nothing: its network predicts `target` of what it sees."""

    target: str

    def denoiser(
        self,
        prompt: str | Sequence[str] = "",
        negative: str | Sequence[str] = "",
        guidance: float = 1.0,
    ) -> Denoiser:
        """The network; ValueError for a prompt or a guidance other than 1."""
        name = self.card.name
        if any(prompts_of(prompt)) or any(prompts_of(negative)):
            raise ValueError(f"the model {name} knows no labels; leave the label empty")
        if guidance != 1:
            raise ValueError(f"the model {name} has no guidance; use guidance 1, got {guidance:g}")
        return Network(self.forward, self.target)

    def forward(self, x: Tensor, t: float | Tensor, condition: Tensor | None) -> Tensor:
        """The network call, from and to [-1, 1]."""
        raise NotImplementedError


@builds("unconditional")
class BasicModel(UnconditionalModel):
    """The U-Net of the first lesson: blends the picture with uniform noise, predicts x0.

    corrupt(p, a) = (1 - a) p + a u on pixels p in [0, 1] is, in [-1, 1], the flow schedule with
    eps = 2 u - 1, u uniform in [0, 1]. It is told neither label nor timestep.
    """

    target = "sample"

    def __init__(self, card: ModelCard, folder: Path, device: str, dtype: torch.dtype) -> None:
        """Load the weights."""
        super().__init__(card, flow(), device, dtype)
        network = BasicUNet().eval().requires_grad_(False)
        fill(network, folder_of(card, folder), ["model.safetensors"], dtype)
        self.network = network.to(device)

    @shared
    def forward(self, x: Tensor, t: float | Tensor, condition: Tensor | None) -> Tensor:
        """The network call, from and to [-1, 1]."""
        return self.network((x.to(self.device, self.dtype) + 1) / 2).to(x) * 2 - 1


def label_of(text: str) -> int:
    """A digit label "0" .. "9" as a number. ValueError otherwise."""
    label = text.strip() if isinstance(text, str) else ""
    if label not in tuple("0123456789"):
        said = str(text)[:40]
        raise ValueError(f"label must be a digit 0..9, or empty for any digit, got {said!r}")
    return int(label)
