"""Where the words of a prompt are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from core.denoisers import Denoiser
from core.images import signed_uri
from core.models import reads_text
from core.models.attention import attention_maps
from core.samplers import Step
from core.tapes import Panel, later
from demos.sampling.panels.base import GUESS, Panels, Part
from demos.words import Refusal, said

if TYPE_CHECKING:
    from demos.sampling.request import SampleRequest

WORDS = 5  # attention maps beside the predicted picture
SILENT = {"a", "an", "the", "on", "of", "with", "in", "at", "and", "的", "，"}


class AttentionPanels(Panels):
    """Where each word of the prompt is looked at, beside the predicted picture."""

    @staticmethod
    def refusal(request: SampleRequest) -> Refusal | None:
        """There has to be a text with words in it."""
        if request.card.condition != "text":
            return Refusal("sample.refused.attention")
        words = any(letter.isalnum() for letter in request.prompt)
        return None if words else Refusal("sample.refused.attention_prompt")

    def denoiser(self) -> Denoiser:
        """The denoiser, its attention recorded."""
        request, model = self.request, self.model
        if not reads_text(model):
            raise Refusal("sample.refused.attention")
        self.record: list[Tensor] = []
        said = [(word, at) for word, at in model.words(request.prompt) if word.isalnum()]
        self.words = [each for each in said if each[0].lower() not in SILENT][:WORDS]
        how = {"guidance": request.guidance, "record": self.record}
        return model.denoiser(request.prompt, request.avoided, **how)

    def made(self) -> tuple[Panel, ...]:
        """The guess, and a map for each word."""
        maps = (
            Panel(f"word{k}", f"“{word}”", said("panel.attention"), "first", phone=k < 1)
            for k, (word, _) in enumerate(self.words)
        )
        return GUESS, *maps

    def parts(self, step: Step) -> dict[str, Part]:
        """The predicted picture and one map per word, of the first picture of a batch."""
        first = [layer[:1] for layer in self.record]
        parts: dict[str, Part] = {"x0": step.prediction.x0}
        for k, (_, at) in enumerate(self.words):
            weights = attention_maps(first, at, self.model.shape[1:])
            parts[f"word{k}"] = later(signed_uri, weights[None] / weights.max() * 3)
        return parts
