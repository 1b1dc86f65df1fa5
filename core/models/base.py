"""What a model is: the protocol that samplers and inversions rely on, and what models share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeGuard

import torch
from PIL import Image
from torch import Tensor

from core.checks import whole
from core.classifier_guidance import ClassifierGuided
from core.denoisers import Denoiser, Empirical
from core.models.attention import Coupling
from core.models.cards import Demands, ModelCard
from core.noise import Noise, seeded, uniform
from core.schedules import Level, Schedule


class Model(Protocol):
    """A model that samplers and inversions can run on. `shape` is (C, H, W) of its latents."""

    card: ModelCard
    schedule: Schedule
    shape: tuple[int, int, int]

    @property
    def size(self) -> int:
        """Side of its pictures in pixels, the longer one where they are not square."""
        ...

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of its pictures in pixels."""
        ...

    def denoiser(
        self,
        prompt: str | Sequence[str] = "",
        negative: str | Sequence[str] = "",
        guidance: float = 1.0,
    ) -> Denoiser:
        """The denoiser for a prompt, or for one prompt per row."""
        ...

    def encode(self, images: Sequence[Image.Image]) -> Tensor:
        """PIL images to clean latents (B, C, H, W)."""
        ...

    def pixels(self, x: Tensor) -> Tensor:
        """Latents to (B, 1 or 3, H, W) in [0, 1], clipped; PSNR is measured on these."""
        ...

    def decode(self, x: Tensor) -> list[Image.Image]:
        """Latents to PIL images."""
        ...

    @property
    def preview_exact(self) -> bool:
        """Whether previews are the pictures themselves, as of pixels."""
        ...

    def preview_pixels(self, x: Tensor) -> Tensor:
        """Latents to pixels as in `pixels`, cheaply; approximate unless `preview_exact`."""
        ...

    def preview(self, x: Tensor) -> list[Image.Image]:
        """`preview_pixels` as small PIL images."""
        ...

    def start(self, noise: Noise, level: Level, batch: int = 1) -> Tensor:
        """The first x of a sampler: hypot(alpha, sigma) * noise."""
        ...

    def noise(self, seed: int, batch: int = 1) -> Tensor:
        """The noise of `seeded(seed, batch)`, drawn once, on the CPU."""
        ...

    def draw(self, seed: int, batch: int = 1) -> Noise:
        """The kind of noise that it was trained with, one generator per row."""
        ...

    @property
    def noise_power(self) -> float:
        """E[eps^2] of its noise: 1 of N(0, I), 1/3 of uniform noise in [-1, 1]."""
        ...

    def displayable(self, x: Tensor) -> Tensor:
        """Clean latents within the range of those that stand for pictures, if there is one."""
        ...

    def empirical(self, condition: str = "") -> Empirical | None:
        """The exact denoiser of the pictures it knows; None for a network."""
        ...

    def refusal(self, method: Demands) -> str:
        """Why it cannot run an inversion method, as a sentence; "" where it can."""
        ...

    def supports(self, method: Demands) -> bool:
        """Whether it can run an inversion method."""
        ...

    def describe(self, condition: str) -> str:
        """What it is asked for, in words."""
        ...


class TextModel(Model, Protocol):
    """A model that reads text, and whose attention can be looked at and taken over."""

    device: str

    def denoiser(
        self,
        prompt: str | Sequence[str] = "",
        negative: str | Sequence[str] = "",
        guidance: float = 1.0,
        record: list[Tensor] | None = None,
        coupling: Coupling | None = None,
    ) -> Denoiser:
        """As of every model; `record` and `coupling` as in `core.models.attention`."""
        ...

    def words(self, prompt: str) -> list[tuple[str, list[int]]]:
        """The words of a prompt, each with the places of its tokens."""
        ...

    def tokens(self, prompt: str) -> list[int]:
        """The tokens of a prompt, which is cut or filled up."""
        ...


class NetworkModel(Model, Protocol):
    """A model with a U-Net of diffusers, which `core.features` can look into."""

    @property
    def network(self) -> Any:
        """The U-Net."""
        ...


def looks_inside(model: Model) -> TypeGuard[NetworkModel]:
    """Whether a model has a U-Net with blocks."""
    return model.card.layered


class LabelledModel(Model, Protocol):
    """A model that is asked with a label, with a classifier of its noisy pictures."""

    def classifier_guided(self, label: str, scale: float) -> ClassifierGuided:
        """The denoiser that knows no label, pushed to one by the classifier."""
        ...


def reads_labels(model: Model) -> TypeGuard[LabelledModel]:
    """Whether a model is asked with a label."""
    return model.card.condition == "label"


def reads_text(model: Model) -> TypeGuard[TextModel]:
    """Whether a model is asked with a text."""
    return model.card.condition == "text"


class ModelBase:
    """What models share: the noise that a run starts from, and what their card answers."""

    card: ModelCard
    shape: tuple[int, int, int]
    device: str
    dtype: torch.dtype

    def start(self, noise: Noise, level: Level, batch: int = 1) -> Tensor:
        """hypot(alpha, sigma) * noise: data of variance 1 noised to the level.

        `noise` is Gaussian; a model of uniform noise makes it uniform.
        """
        dtype = torch.promote_types(self.dtype, torch.float32)
        rows = whole(batch, "batch", 1)
        like = torch.empty(rows, *self.shape, device=self.device, dtype=dtype)
        return (level.alpha**2 + level.sigma**2) ** 0.5 * self._own(noise)(like)

    def noise(self, seed: int, batch: int = 1) -> Tensor:
        """N(0, I), one generator per row, shape (batch, C, H, W)."""
        return seeded(seed, batch)(torch.empty(whole(batch, "batch", 1), *self.shape))

    def draw(self, seed: int, batch: int = 1) -> Noise:
        """Noise of the kind on the card, one generator per row."""
        return self._own(seeded(seed, batch))

    def _own(self, noise: Noise) -> Noise:
        return uniform(noise) if self.card.noise == "uniform" else noise

    @property
    def preview_exact(self) -> bool:
        """Whether previews are the pictures themselves."""
        return self.card.space == "pixels"

    @property
    def noise_power(self) -> float:
        """E[eps^2] of its noise: 1 of N(0, I), 1/3 of uniform noise in [-1, 1]."""
        return 1 / 3 if self.card.noise == "uniform" else 1.0

    def displayable(self, x: Tensor) -> Tensor:
        """Pixels within [-1, 1]; latents as they are."""
        return x.clamp(-1, 1) if self.card.space == "pixels" else x

    def empirical(self, condition: str = "") -> Empirical | None:
        """None: the model is a network."""
        return None

    def refusal(self, method: Demands) -> str:
        """Why it cannot run an inversion method, as a sentence; "" where it can."""
        return self.card.refusal(method)

    def supports(self, method: Demands) -> bool:
        """Whether it can run an inversion method."""
        return self.card.supports(method)

    def describe(self, condition: str) -> str:
        """What it is asked for, in words."""
        return self.card.describe(condition)


CLASSES: dict[str, Callable[..., Model]] = {}  # how a kind of model is built


def builds(kind: str) -> Callable[[type], type]:
    """Enter a class into CLASSES: it builds the models whose card has this kind.

    It is called with the card, the folder of the model, the device and the dtype, and with `tiny`,
    the folder of a decoder for previews, where the card has one and it is wanted.
    """

    def enter(made: type) -> type:
        CLASSES[kind] = made
        return made

    return enter


def prompts_of(prompt: str | Sequence[str]) -> list[str]:
    """One prompt or several as a list, without surrounding spaces.

    ValueError for anything but text, and for half of a character.
    """
    prompts = list(prompt) if isinstance(prompt, (list, tuple)) else [prompt]
    texts = [each.strip() for each in prompts if isinstance(each, str)]
    if not texts or len(texts) < len(prompts):
        raise ValueError(
            f"a prompt must be text, or a list with one per picture, got {str(prompt)[:40]!r}"
        )
    if any("\ud800" <= letter <= "\udfff" for text in texts for letter in text):
        raise ValueError("a prompt must be text, and this one has half of a character in it")
    return texts


def check_guidance(guidance: float) -> None:
    """ValueError for a guidance outside -20..20."""
    if not -20 <= guidance <= 20:
        raise ValueError(f"guidance must be in -20..20, got {guidance}")


def sized(
    images: Sequence[Image.Image] | Image.Image, sides: tuple[int, int]
) -> list[Image.Image]:
    """PIL images, or one, as a list; ValueError for none and for others than (height, width)."""
    images = [images] if isinstance(images, Image.Image) else list(images)
    if not images:
        raise ValueError("there is no picture to encode")
    height, width = sides
    for image in images:
        if image.size != (width, height):
            raise ValueError(f"a picture must be {width} x {height} pixels, got {image.size}")
    return images
