"""What the sampler's stage shows of a step: the prediction, the guidance split, or attention."""

from __future__ import annotations

import torch
from torch import Tensor

from core.denoisers import Denoiser, Guided, Prediction
from core.images import signed_uri
from core.models import Model, reads_text
from core.models.attention import attention_maps
from core.schedules import Level
from demos.reel import Panel, Picture, later
from demos.views import approximate, decoded_uri, half, preview_uri

Part = Tensor | Picture  # latents that are shown as a picture, or a picture
WORDS = 5  # attention maps beside the predicted picture
SILENT = {"a", "an", "the", "on", "of", "with", "in", "at", "and", "的", "，"}


class Look:
    """One way to show a step: its panels and what fills them."""

    def __init__(self, denoise: Denoiser, panels: tuple[Panel, ...]) -> None:
        """Keep the denoiser that the sampler is to call, and the panels."""
        self.denoise, self.panels = denoise, panels

    def parts(self, x: Tensor, level: Level, prediction: Prediction) -> list[Part]:
        """What fills the panels."""
        raise NotImplementedError


class PredictionLook(Look):
    """The noisy picture, the predicted clean picture, the predicted noise."""

    PANELS = (
        Panel("xₜ", "noisy picture"),
        Panel("x̂₀", "predicted clean picture", "signal"),
        Panel("ε̂", "predicted noise (blue +3, orange −3)", "noise", phone=False),
    )
    LATENT = (
        Panel("xₜ", "noisy latent, as a picture"),
        PANELS[1],
        Panel("ε̂", "predicted noise, 4 channels (±3)", "noise", phone=False),
    )
    SCALED = Panel("xₜ", "noisy picture, scaled to α² + σ² = 1")
    NEAREST = Panel("xᵢ", "nearest training digit", "", phone=False)

    def __init__(self, model: Model, denoise: Denoiser, prompt: str, scaled: bool) -> None:
        """`scaled` where alpha^2 + sigma^2 is not 1 on the way."""
        panels = self.LATENT if model.card.space == "latents" else self.PANELS
        if scaled:
            panels = (self.SCALED, *panels[1:])
        if model.empirical(prompt) is not None:
            panels = (*panels, self.NEAREST)
        super().__init__(denoise, panels)
        self.model, self.prompt = model, prompt

    def parts(self, x: Tensor, level: Level, prediction: Prediction) -> list[Part]:
        """x scaled to unit variance, x0, eps in colours, the nearest training picture."""
        scale = (level.alpha**2 + level.sigma**2) ** 0.5
        noise = later(signed_uri, prediction.eps)
        parts: list[Part] = [x / scale, prediction.x0, noise]
        exact = self.model.empirical(self.prompt)
        if exact is not None:
            parts.append(exact.images[exact.nearest(prediction.x0)])
        return parts


class Watched:
    """A guided denoiser whose two branches can be looked at after each call."""

    def __init__(self, guided: Guided) -> None:
        """Watch this one."""
        self.guided, self.cost = guided, guided.cost
        self.seen: tuple[Prediction, Prediction]

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """The guided prediction; its branches are kept."""
        self.seen = self.guided.branches(x, level)
        return self.guided.combined(*self.seen)


class GuidanceLook(Look):
    """What guidance is made of: both branches, their difference, the guided prediction."""

    PANELS = (
        Panel("x̂₀(∅)", "unconditional: without the prompt"),
        Panel("x̂₀(c)", "conditional: with the prompt", "first"),
        Panel("difference", "c − ∅ (blue +1, orange −1)", "difference", phone=False),
        Panel("x̂₀", "guided: ∅ + w (c − ∅)", "signal"),
        Panel("what if", "guided with the w of the slider", "second", phone=False),
    )

    def __init__(self, guided: Denoiser) -> None:
        """Watch a guided denoiser; ValueError for one without guidance."""
        if not isinstance(guided, Guided):
            raise ValueError("The guidance split needs a guidance other than 1; choose 2 or more.")
        self.watched = Watched(guided)
        super().__init__(self.watched, self.PANELS)

    def parts(self, x: Tensor, level: Level, prediction: Prediction) -> list[Part]:
        """Both branches, their difference in colours, the guided picture twice."""
        yes, no = self.watched.seen
        difference = later(signed_uri, yes.x0 - no.x0, 1.0)
        return [no.x0, yes.x0, difference, prediction.x0, prediction.x0]


class AttentionLook(Look):
    """Where each word of the prompt is looked at, beside the predicted picture."""

    def __init__(self, model: Model, prompt: str, negative: str, guidance: float) -> None:
        """ValueError for a model without text and for an empty prompt."""
        if not reads_text(model):
            raise ValueError(
                "Attention maps need a model that reads text; choose the model emoji."
            )
        said = [(word, at) for word, at in model.words(prompt) if word.lower() not in SILENT]
        said = [(word, at) for word, at in said if word.isalnum()][:WORDS]
        if not said:
            raise ValueError("Attention maps need a prompt; write one, for example: dog face.")
        self.record: list[Tensor] = []
        self.sides = model.shape[1:]
        self.places = [at for _, at in said]
        panels = (
            PredictionLook.PANELS[1],
            *(
                Panel(f"“{word}”", "attention (blue: most)", "first", k < 1)
                for k, (word, _) in enumerate(said)
            ),
        )
        super().__init__(model.denoiser(prompt, negative, guidance, record=self.record), panels)

    def parts(self, x: Tensor, level: Level, prediction: Prediction) -> list[Part]:
        """The predicted picture and one map per word, of the first picture of a batch."""
        first = [layer[:1] for layer in self.record]
        maps = [attention_maps(first, at, self.sides) for at in self.places]
        return [prediction.x0, *(later(signed_uri, each[None] / each.max() * 3) for each in maps)]


def streamed(model: Model, parts: list[Part]) -> tuple[list[Picture], tuple[int, ...]]:
    """The pictures of the parts, and which of them are approximate."""
    pictures = [
        later(preview_uri, model, part) if isinstance(part, Tensor) else part for part in parts
    ]
    latents = [k for k, part in enumerate(parts) if isinstance(part, Tensor)]
    return pictures, approximate(model, *latents)


def finished(model: Model, parts: list[Part]) -> list[Picture]:
    """The pictures of the parts, decoded in full, equal ones once."""
    pictures: list[Picture] = []
    for k, part in enumerate(parts):
        before = [j for j in range(k) if isinstance(part, Tensor) and _equal(part, parts[j])]
        if not isinstance(part, Tensor):
            pictures.append(part)
        else:
            pictures.append(pictures[before[0]] if before else decoded_uri(model, part))
    return pictures


def _equal(one: Tensor, other: Part) -> bool:
    return isinstance(other, Tensor) and torch.equal(one, other)


def kept_latents(parts: list[Part]) -> dict[int, Tensor]:
    """The latents among the parts, see `half`."""
    return {k: half(part) for k, part in enumerate(parts) if isinstance(part, Tensor)}
