"""The models that can be run: cards, and `load`.

A `Model` knows its schedule, its range of values and how prompts become denoisers; it does not
know what a sampler is.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image
from torch import Tensor

from core.data import mnist, signed
from core.denoisers import Denoiser, Empirical, Guided, Network, Rows
from core.images import from_pil, to_pil
from core.networks import BasicUNet
from core.samplers import Noise, seeded
from core.schedules import Level, Schedule, flow, linear

ROOT = Path(__file__).parent.parent
NULL = 10  # the trained class "no label"


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model before it is loaded.

    Attributes:
        name: key of MODELS.
        title: name on screen.
        source: folder in the repository with its weights or pictures.
        kind: "network" or "exact".
        licence: of the weights or of the data.
        size: parameters, or pictures of an exact model.
        noise: what its noise is, in words.
    """

    name: str
    title: str
    source: str
    kind: str
    licence: str
    size: int
    noise: str = "Gaussian noise"


MODELS: dict[str, ModelCard] = {
    card.name: card
    for card in (
        ModelCard(
            "digits",
            "digits (U-Net, 1.7 M parameters)",
            "assets/models/digits",
            "network",
            "Apache-2.0",
            1_708_417,
        ),
        ModelCard("exact", "exact (no network)", "assets/data", "exact", "CC BY-SA 3.0", 10_000),
        ModelCard(
            "basic",
            "basic (U-Net, 0.3 M parameters, uniform noise)",
            "assets/models/basic",
            "network",
            "Apache-2.0",
            309_057,
            "uniform noise",
        ),
    )
}


class Model(Protocol):
    """A model that samplers and inversions can run on. `shape` is (C, H, W) of its latents."""

    card: ModelCard
    schedule: Schedule
    shape: tuple[int, int, int]

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
        """Latents to small PIL images, cheaply; here the pixels themselves."""
        ...

    def start(self, noise: Noise, level: Level, batch: int = 1) -> Tensor:
        """The first x of a sampler: hypot(alpha, sigma) * noise."""
        ...

    def noise(self, seed: int, batch: int = 1) -> Tensor:
        """The noise of `seeded(seed, batch)`, drawn once, on the CPU."""
        ...


class PixelModel:
    """A model of 28x28 digits that works on the pixels themselves, in [-1, 1]."""

    shape: tuple[int, int, int] = (1, 28, 28)

    def __init__(self, card: ModelCard, schedule: Schedule, device: str, dtype: torch.dtype):
        """Keep what all pixel models share."""
        self.card, self.schedule, self.device, self.dtype = card, schedule, device, dtype

    def encode(self, images: Sequence[Image.Image]) -> Tensor:
        """PIL images, or one, to (B, 1, 28, 28) in [-1, 1]; ValueError for another size."""
        images = [images] if isinstance(images, Image.Image) else list(images)
        if not images:
            raise ValueError("there is no picture to encode")
        for image in images:
            if image.size != (28, 28):
                raise ValueError(f"a picture must be 28 x 28 pixels, got {image.size}")
        return (from_pil(images) * 2 - 1).to(self.device, self.dtype)

    def pixels(self, x: Tensor) -> Tensor:
        """(x + 1) / 2, clipped to [0, 1]."""
        return ((x.float() + 1) / 2).clamp(0, 1)

    def decode(self, x: Tensor) -> list[Image.Image]:
        """One PIL image per row."""
        return to_pil(self.pixels(x))

    preview = decode

    def start(self, noise: Noise, level: Level, batch: int = 1) -> Tensor:
        """hypot(alpha, sigma) * noise: data of variance 1 noised to the level."""
        dtype = torch.promote_types(self.dtype, torch.float32)
        like = torch.empty(batch, *self.shape, device=self.device, dtype=dtype)
        return (level.alpha**2 + level.sigma**2) ** 0.5 * noise(like)

    def noise(self, seed: int, batch: int = 1) -> Tensor:
        """N(0, I), one generator per row, shape (batch, 1, 28, 28)."""
        return seeded(seed, batch)(torch.empty(batch, *self.shape))


class LabelModel(PixelModel):
    """A pixel model whose prompts are the labels "0" .. "9"; "" is any digit."""

    def denoiser(
        self,
        prompt: str | Sequence[str] = "",
        negative: str | Sequence[str] = "",
        guidance: float = 1.0,
    ) -> Denoiser:
        """The denoiser of a label; `guidance` pushes away from `negative` ("": any digit)."""
        _check_guidance(guidance)
        conditional = self._of(prompt)
        if guidance == 1:
            return conditional
        return Guided(conditional, self._of(negative), guidance)

    def _of(self, prompt: str | Sequence[str]) -> Denoiser:
        raise NotImplementedError


class DigitModel(LabelModel):
    """The class-conditional U-Net that `core.training mnist` trains."""

    def __init__(self, card: ModelCard, device: str, dtype: torch.dtype) -> None:
        """Load the network and its schedule from the diffusers folder."""
        from diffusers import UNet2DModel

        from core.bridge import schedule_of

        folder = ROOT / card.source
        config = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
        super().__init__(card, schedule_of(config), device, dtype)
        self.kind = config["prediction_type"]
        network: Any = UNet2DModel.from_pretrained(
            folder / "unet", use_safetensors=True, torch_dtype=dtype
        )
        self.network = network.to(device).eval().requires_grad_(False)

    def forward(self, x: Tensor, t: float, label: Tensor | None) -> Tensor:
        """The network call: (B, 1, 28, 28), timestep, labels (B,) to its output, v."""
        x_cast = x.to(self.device, self.dtype)
        return self.network(x_cast, t, class_labels=label, return_dict=False)[0].to(x)

    def _of(self, prompt: str | Sequence[str]) -> Denoiser:
        labels = [label_of(each) if each else NULL for each in prompts_of(prompt)]
        return Network(self.forward, self.kind, torch.tensor(labels, device=self.device))


class ExactModel(LabelModel):
    """The exact denoiser of 10,000 training digits, or of those with one label."""

    def __init__(self, card: ModelCard, device: str, dtype: torch.dtype) -> None:
        """Read the digits; any schedule will do, DDPM's is the default."""
        super().__init__(card, linear(), device, dtype)
        images, self.labels = (part[: card.size] for part in mnist("train"))
        self.images = signed(images)
        self._denoisers: dict[str, Empirical] = {}

    def empirical(self, label: str = "") -> Empirical:
        """The denoiser of the digits with this label, of all digits for ""."""
        if label not in self._denoisers:
            chosen = self.images if label == "" else self.images[self.labels == label_of(label)]
            self._denoisers[label] = Empirical(chosen)
        return self._denoisers[label]

    def _of(self, prompt: str | Sequence[str]) -> Denoiser:
        denoisers = [self.empirical(each) for each in prompts_of(prompt)]
        return denoisers[0] if len(denoisers) == 1 else Rows(denoisers)


class BasicModel(PixelModel):
    """The U-Net of the first lesson: blends the picture with uniform noise, predicts x0.

    corrupt(p, a) = (1 - a) p + a u on pixels p in [0, 1] is, in [-1, 1], the flow schedule with
    eps = 2 u - 1, u uniform in [0, 1]. It is told neither label nor timestep.
    """

    def __init__(self, card: ModelCard, device: str, dtype: torch.dtype) -> None:
        """Load the weights."""
        from safetensors.torch import load_file

        super().__init__(card, flow(), device, dtype)
        network = BasicUNet()
        network.load_state_dict(load_file(ROOT / card.source / "model.safetensors"))
        self.network = network.to(device, dtype).eval().requires_grad_(False)

    def denoiser(
        self,
        prompt: str | Sequence[str] = "",
        negative: str | Sequence[str] = "",
        guidance: float = 1.0,
    ) -> Denoiser:
        """The network; ValueError for a prompt or a guidance other than 1."""
        if any(prompts_of(prompt)) or any(prompts_of(negative)):
            raise ValueError("the model basic knows no labels; leave the label empty")
        if guidance != 1:
            raise ValueError(f"the model basic has no guidance; use guidance 1, got {guidance:g}")
        return Network(self.forward, "sample")

    def forward(self, x: Tensor, t: float, condition: Tensor | None) -> Tensor:
        """The network call, from and to [-1, 1]."""
        return self.network((x.to(self.device, self.dtype) + 1) / 2).to(x) * 2 - 1

    def start(self, noise: Noise, level: Level, batch: int = 1) -> Tensor:
        """hypot(alpha, sigma) times uniform noise: erf(z / sqrt 2) is uniform in [-1, 1]."""
        return super().start(uniform(noise), level, batch)


def uniform(noise: Noise) -> Noise:
    """Turn Gaussian into uniform noise on [-1, 1]: erf(z / sqrt 2)."""
    return lambda like: torch.erf(noise(like) / 2**0.5)


CLASSES = {"digits": DigitModel, "exact": ExactModel, "basic": BasicModel}


def load(name: str, device: str = "auto", dtype: str = "auto") -> Model:
    """The model of this name, loaded once per device and dtype; safe to call from many threads.

    `device` "auto" is cuda, else mps, else cpu; `dtype` "auto" is float32. ValueError for an
    unknown name, device or dtype, or missing weights.
    """
    if name not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {name!r}")
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}")
    key = (name, _device(device), DTYPES[dtype])
    with _lock:
        if key not in _loaded:
            try:
                _loaded[key] = CLASSES[name](MODELS[name], key[1], key[2])
            except OSError as error:
                raise ValueError(
                    f"the weights of model {name} are missing; "
                    "restore assets/models from the repository or train them again"
                ) from error
        return _loaded[key]


def prompts_of(prompt: str | Sequence[str]) -> list[str]:
    """One prompt or several as a list, without surrounding spaces. ValueError otherwise."""
    prompts = [prompt] if isinstance(prompt, str) else prompt
    if not isinstance(prompts, (list, tuple)) or not prompts:
        raise ValueError(f"a prompt must be text, or a list with one per picture, got {prompt!r}")
    if not all(isinstance(each, str) for each in prompts):
        raise ValueError(f"every prompt must be text, got {prompt!r}")
    return [each.strip() for each in prompts]


def label_of(text: str) -> int:
    """A digit label "0" .. "9" as a number. ValueError otherwise."""
    if text.strip() not in tuple("0123456789"):
        raise ValueError(f"label must be a digit 0..9, or empty for any digit, got {text!r}")
    return int(text)


def _check_guidance(guidance: float) -> None:
    if not -20 <= guidance <= 20:
        raise ValueError(f"guidance must be in -20..20, got {guidance}")


def _device(device: str) -> str:
    if device == "auto":
        accelerator = torch.accelerator.current_accelerator()
        return accelerator.type if accelerator is not None else "cpu"
    if str(device).split(":")[0] not in ("cpu", "cuda", "mps"):
        raise ValueError(f"device must be auto, cpu, cuda or mps, got {device!r}")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"this machine has no device {device}; use auto or cpu") from error
    return str(device)


DTYPES = {
    "auto": torch.float32,
    "float32": torch.float32,
    "float64": torch.float64,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_loaded: dict[tuple[str, str, torch.dtype], Model] = {}
_lock = threading.Lock()
