"""The registry: a card for every model that can be run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.files import Folder
from core.models.cards import ModelCard
from core.models.folder import looked_at, placed_at

DIGITS = ModelCard(
    name="digits",
    title="digits (U-Net, 1.7 M weights)",
    source="assets/models/digits",
    kind="network",
    licence="Apache-2.0",
    size=1_708_417,
    data="mnist",
    early=True,
)
VARIANCE = replace(
    DIGITS,
    name="digits-variance",
    title="digits, learned variance",
    source="assets/models/digits-variance",
    size=1_708_706,
    variance=True,
    early=False,
)
EMOJI = ModelCard(
    name="emoji",
    title="emoji (text to image, 13 M)",
    source="assets/models/emoji",
    kind="latent",
    licence="Apache-2.0",
    size=13_346_659,
    condition="text",
    space="latents",
    data="scenes",
)
EXACT = ModelCard(
    name="exact",
    title="exact (no network)",
    source="assets/data",
    kind="exact",
    licence="CC BY-SA 3.0",
    size=10_000,
    schedules="any",
    denoiser="empirical",
    data="mnist",
)
BASIC = ModelCard(
    name="basic",
    title="basic (U-Net, uniform noise)",
    source="assets/models/basic",
    kind="unconditional",
    licence="Apache-2.0",
    size=309_057,
    noise="uniform",
    condition="none",
    data="mnist",
)
TAESD = ModelCard(
    name="taesd",
    title="TAESD",
    source="madebyollin/taesd",
    kind="tiny",
    licence="MIT",
    size=2_445_063,
    condition="none",
    revision="614f76814bbe30edbe2e627ace1c2234c81a2c0e",
)
SD = "stable-diffusion-v1-5/stable-diffusion-v1-5"
STABLE = ModelCard(
    name=SD,
    title="Stable Diffusion 1.5 (2 GB, GPU)",
    source=SD,
    kind="latent",
    licence="CreativeML Open RAIL-M",
    size=1_066_235_307,
    condition="text",
    space="latents",
    revision="451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
    tiny=TAESD,
)


class Registry(dict[str, ModelCard]):
    """Cards by name. Those that are `unlisted` are found by their name, and never offered."""

    def __init__(self, *cards: ModelCard) -> None:
        """These are offered."""
        super().__init__({card.name: card for card in cards})
        self.unlisted: dict[str, ModelCard] = {}

    def __missing__(self, name: str) -> ModelCard:
        """A card that is not offered."""
        return self.unlisted[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is a card of this name, offered or not."""
        return super().__contains__(name) or name in self.unlisted


MODELS = Registry(DIGITS, EMOJI, EXACT, BASIC, VARIANCE, STABLE)


def card_of(name: str) -> ModelCard:
    """The card of this name; ValueError for an unknown one."""
    if name not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {name!r}")
    return MODELS[name]


def add_folder(folder: Path | str) -> str:
    """Add a local folder in the diffusers format to MODELS; returns its name.

    ValueError, one sentence, for a folder that is missing, broken or not safe, or that holds
    another kind of model than text to image as in Stable Diffusion 1 and 2.
    """
    path = placed_at(folder)
    layout, name = looked_at(Folder(path, str(path))), path.name
    if name in MODELS and MODELS[name].source != str(path):
        raise ValueError(f"there is already a model called {name}; rename the folder {path}")
    MODELS[name] = ModelCard(
        name=name,
        title=f"{name} (local folder)",
        source=str(path),
        kind="latent",
        licence="see its card",
        size=0,
        condition="text",
        space="latents",
        told=layout.told,
    )
    return name
