"""Prompt-to-prompt: the edit attends where the picture attended, so that its layout stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import torch
from torch import Tensor

from core.denoisers import Denoiser, Prediction
from core.inversion.base import Inversion, Move, Mover, Prompt, Target, ddim
from core.inversion.ddim import Pivotal
from core.models import reads_text
from core.models.attention import Coupling
from core.models.base import prompts_of


@dataclass(frozen=True, kw_only=True)
class PromptToPrompt(Pivotal):
    """Source and target in one batch, the target with the attention of the source; plus r_i.

    The source branch runs along the pivot of DDIM's inversion, r_i is what its step misses, as in
    `Residual`. Words that both prompts share keep their cross-attention maps, a word that takes
    the place of another takes its map; self attention is that of the source altogether.

    Attributes:
        words: share of the steps, from the noisiest on, with the source's cross attention; this
            and the next as in Ju et al. 2024, https://arxiv.org/abs/2310.01506.
        layout: share of the steps with the source's self attention.
    """

    name: str = "prompt_to_prompt"
    title: str = "Prompt-to-prompt attention"
    source: str = "Hertz et al. 2023, algorithm 1, https://arxiv.org/abs/2208.01626"
    exact: str = "yes: what a step misses is stored and added"
    calls_down: int = 2
    needs_text: bool = True
    strength: float = 0.8
    words: float = 0.4
    layout: float = 0.6

    def mover(self, inversion: Inversion, target: Target, start: int) -> Mover:
        """DDIM with the target prompt, attending as the source does, and the residual.

        ValueError for a model without attention to text.
        """
        pivot, levels = inversion.trajectory, inversion.levels
        denoisers = self.denoisers(inversion, target)

        def move(x, i):
            way = 1 - i / (len(levels) - 1)
            denoise = denoisers[way < self.words, way < self.layout]
            after, seen, _ = ddim(denoise, torch.cat([pivot[i], x]), levels[i], levels[i - 1])
            source, ours = after.chunk(2)
            x0, eps = (each.chunk(2)[1] for each in seen[:2])
            return Move(pivot[i - 1] + (ours - source), Prediction(x0, eps), 2)

        return move

    def denoisers(self, inversion: Inversion, target: Target) -> dict[tuple[bool, bool], Denoiser]:
        """The denoisers of source and target, with words and layout coupled or not."""
        model, rows = inversion.model, len(inversion.trajectory[0])
        if not reads_text(model):
            raise ValueError(
                "prompt-to-prompt couples the attention to two texts, and the model "
                f"{model.card.name} reads none; choose a text-to-image model or another method"
            )
        sources, targets = repeated(inversion.prompt, rows), repeated(target.prompt, rows)
        negatives = [*[""] * rows, *repeated(target.negative, rows)]
        tokens = ([model.tokens(each) for each in prompts] for prompts in (sources, targets))
        shared = torch.stack([aligned(*pair) for pair in zip(*tokens, strict=True)])
        shared, limit = shared.to(model.device), model.shape[1] * model.shape[2] // 4
        couplings = {
            (words, layout): Coupling(rows, shared if words else None, limit if layout else 0)
            for words in (True, False)
            for layout in (True, False)
        }
        return {
            key: model.denoiser(
                [*sources, *targets], negatives, target.guidance, coupling=coupling
            )
            for key, coupling in couplings.items()
        }


def repeated(prompt: Prompt, rows: int) -> list[str]:
    """One prompt per row."""
    prompts = prompts_of(prompt)
    return prompts * rows if len(prompts) == 1 else prompts


def aligned(source: Sequence[int], target: Sequence[int]) -> Tensor:
    """Which tokens of two prompts stand for each other: weights (source, target).

    A token of both is itself; n that are replaced by m share their attention evenly; the column
    of a token that was added is zero.
    """
    weights = torch.zeros(len(source), len(target))
    matcher = SequenceMatcher(None, source, target, autojunk=False)
    for kind, start, end, first, last in matcher.get_opcodes():
        if kind == "equal":
            weights[start:end, first:last] = torch.eye(end - start)
        elif kind == "replace":
            weights[start:end, first:last] = 1 / (last - first)
    return weights
