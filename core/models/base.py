"""What a model is: its card, the protocol that samplers and inversions rely on, its devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from PIL import Image
from torch import Tensor

from core.checks import whole
from core.denoisers import Denoiser
from core.noise import Noise, seeded
from core.schedules import Level, Schedule


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model before it is loaded.

    Attributes:
        name: key of MODELS.
        title: name on screen.
        source: folder with its weights or pictures (in the repository, or an absolute path), or
            the id of a repository on the Hugging Face hub.
        kind: "network", "exact" or "latent".
        licence: of the weights or of the data.
        size: parameters, or pictures of an exact model.
        noise: what its noise is: "gaussian" or "uniform".
        condition: what it can be asked for: "label" (a digit), "text" or "none".
        schedules: "own", which it was trained with, or "any".
        grammar: whether it was trained with the captions of `core.data.captions` and no others.
        remembers: whether it is made of training pictures, of which one is the nearest.
        revision: the pinned commit of a model on the hub.
        tiny: a small decoder of the model's latents, for previews; None where there is none.
        told: whether its network is told the guidance, as that of a latent consistency model,
            where others compute a second branch.
    """

    name: str
    title: str
    source: str
    kind: str
    licence: str
    size: int
    noise: str = "gaussian"
    condition: str = "label"
    schedules: str = "own"
    remembers: bool = False
    grammar: bool = False
    revision: str = ""
    tiny: ModelCard | None = None
    told: bool = False

    @property
    def space(self) -> str:
        """Where its noise is: in the "pixels" or in the "latents" of a VAE."""
        return "latents" if self.kind == "latent" else "pixels"


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

    def preview(self, x: Tensor) -> list[Image.Image]:
        """Latents to small PIL images, cheaply; approximate for latent models."""
        ...

    def start(self, noise: Noise, level: Level, batch: int = 1) -> Tensor:
        """The first x of a sampler: hypot(alpha, sigma) * noise."""
        ...

    def noise(self, seed: int, batch: int = 1) -> Tensor:
        """The noise of `seeded(seed, batch)`, drawn once, on the CPU."""
        ...

    @property
    def preview_exact(self) -> bool:
        """Whether a preview is the picture itself."""
        ...

    @property
    def noise_power(self) -> float:
        """E[eps^2] of its noise: 1 of N(0, I)."""
        ...

    def draw(self, seed: int, batch: int = 1) -> Noise:
        """Its kind of noise, each row from its own generator."""
        ...

    def preview_pixels(self, x: Tensor) -> Tensor:
        """Latents to (B, 1 or 3, H, W) in [0, 1], cheaply; approximate unless `preview_exact`."""
        ...

    def displayable(self, x: Tensor) -> Tensor:
        """Clean latents within the range of those that stand for pictures, if there is one."""
        ...


class Seeded:
    """The start of every run, for models with Gaussian noise."""

    shape: tuple[int, int, int]
    device: str
    dtype: torch.dtype
    noise_power: float = 1.0

    def draw(self, seed: int, batch: int = 1) -> Noise:
        """N(0, I), one generator per row."""
        return seeded(seed, batch)

    def start(self, noise: Noise, level: Level, batch: int = 1) -> Tensor:
        """hypot(alpha, sigma) * noise: data of variance 1 noised to the level."""
        dtype = torch.promote_types(self.dtype, torch.float32)
        rows = whole(batch, "batch", 1)
        like = torch.empty(rows, *self.shape, device=self.device, dtype=dtype)
        return (level.alpha**2 + level.sigma**2) ** 0.5 * noise(like)

    def noise(self, seed: int, batch: int = 1) -> Tensor:
        """N(0, I), one generator per row, shape (batch, C, H, W)."""
        return seeded(seed, batch)(torch.empty(whole(batch, "batch", 1), *self.shape))


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
