"""What the sampler can be asked for, and what goes together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from core.bridge import BRIDGED
from core.data.captions import EXAMPLES
from core.drawn_schedules import DRAWN, LONGEST, START, parsed
from core.inversion import start_index
from core.models import MODELS, ModelCard
from core.samplers import SAMPLERS, VARIANCES, Sampler
from core.schedules import SCHEDULES, SPACINGS
from demos.runs.asked import LABELS, SEEDS, guidance_title, named_condition
from demos.runs.fields import Choice, Real, Text, Truth, Whole
from demos.runs.requests import Request
from demos.sampling.panels import PANELS
from demos.words import Refusal, Say, said, word
from demos.words.reasons import reason

ALL_SAMPLERS: dict[str, Sampler] = {**SAMPLERS, **BRIDGED}
OWN = "own"  # the schedule that the model was trained with
IN_TITLE = ("model", "sampler", "steps", "seed", "label", "prompt")  # always


@dataclass(frozen=True)
class SampleRequest(Request):
    """The settings of one run of the sampler."""

    event: ClassVar[str] = "sample"

    model: str = Choice(MODELS, "digits", look="menu")
    label: str = Choice(LABELS, "7", idle="", needs=lambda asked: asked.card.condition != "text")
    sampler: str = Choice(ALL_SAMPLERS, "ddim", look="menu")
    steps: int = Whole(1, 1000, 50, slider=(1, 200))
    guidance: float = Real(0, 20, 2.0, slider=(0, 10), idle=1.0)
    seed: int = Whole(0, SEEDS, 0)
    batch: int = Whole(1, 16, 1, slider=(1, 16))
    eta: float | None = Real(0, 1, None, optional=True, offered=("", 0.0, 0.2, 0.5, 1.0))
    variance: str = Choice(VARIANCES, "posterior")
    spacing: str = Choice(SPACINGS, "trailing")
    schedule: str = Choice(lambda: (OWN, *SCHEDULES), OWN, look="menu")
    clip_x0: bool = Truth(False)
    prompt: str = Text(500, EXAMPLES[0], needs=lambda asked: asked.card.condition == "text")
    negative: str = Text(500, needs=lambda asked: asked.card.condition == "text")
    show: str = Choice(PANELS, "prediction")
    points: str = Text(LONGEST, START, needs=lambda asked: asked.schedule == DRAWN)
    guided_by: str = Choice(
        ("free", "classifier"), "free", needs=lambda asked: asked.card.condition == "label"
    )
    start: float = Real(
        0,
        1,
        1.0,
        slider=(0, 1),
        step=0.02,
        doc="the level that pure noise is put at, as a share of the steps",
    )

    def refusals(self) -> Iterator[tuple[str, Refusal]]:
        """What does not go together."""
        card, sampler = self.card, ALL_SAMPLERS[self.sampler]
        if card.condition == "none" and self.label:
            yield "label", Refusal("sample.refused.label", model=self.model)
        if card.condition == "none" and self.guidance != 1:
            yield "guidance", Refusal("sample.refused.guidance", model=self.model)
        if card.schedules == "own" and self.schedule != OWN:
            yield "schedule", Refusal("sample.refused.schedule", model=self.model)
        if self.asked("points"):
            yield from self.misdrawn()
        if self.eta and sampler.deterministic:
            yield "eta", Refusal("sample.refused.eta", sampler=self.sampler)
        if self.eta is not None and self.sampler == "lcm":
            yield "eta", Refusal("sample.refused.eta_all", sampler=self.sampler)
        if self.variance != "posterior" and self.sampler not in ("ddim", "ddpm"):
            yield "variance", Refusal("sample.refused.variance")
        if self.variance == "learned" and not card.variance:
            yield "variance", Refusal("sample.refused.learned", model=self.model)
        if card.noise == "uniform" and self.adds_noise():
            yield "sampler", Refusal("sample.refused.noise", model=self.model)
        if self.clip_x0 and card.space == "latents":
            yield "clip_x0", Refusal("sample.refused.clip_x0")
        if self.classified and not self.label:
            yield "guided_by", Refusal("sample.refused.classifier")
        refusal = PANELS[self.show].refusal(self)
        if refusal is not None:
            yield "show", refusal

    def misdrawn(self) -> Iterator[tuple[str, Refusal]]:
        """Why the points are no drawing of a schedule."""
        try:
            parsed(self.points)
        except ValueError as error:
            yield "points", Refusal("points.refused", reason=reason(error))

    @property
    def card(self) -> ModelCard:
        """What the model can do."""
        return MODELS[self.model]

    @property
    def solver(self) -> Sampler:
        """The sampler."""
        return ALL_SAMPLERS[self.sampler]

    @property
    def condition(self) -> str:
        """What the model is asked for: a prompt, a label, or nothing."""
        return self.prompt if self.asked("prompt") else self.label

    @property
    def avoided(self) -> str:
        """The negative prompt, for models that read text."""
        return self.negative if self.asked("negative") else ""

    @property
    def classified(self) -> bool:
        """Whether a classifier of noise guides the run."""
        return self.asked("guided_by") and self.guided_by == "classifier"

    @property
    def taken(self) -> int:
        """Steps of the run: all, or those from its start level on, one at least."""
        return max(1, start_index(self.start, self.steps))

    @property
    def branches(self) -> int:
        """Network calls at a level: with classifier-free guidance two, unless it is told."""
        return 1 if self.guidance == 1 or self.card.told or self.classified else 2

    @property
    def calls(self) -> int:
        """Network calls of the run, for a picture."""
        return self.taken * self.solver.calls_per_step * self.branches

    @property
    def seconds(self) -> int:
        """How long the run may take on a GPU, generously: for the share that a Space lends."""
        calls = self.taken * self.solver.calls_per_step
        return 20 + round(0.1 * calls * (1 + self.batch / 4))

    def adds_noise(self) -> bool:
        """Whether the sampler draws fresh noise with these settings."""
        if ALL_SAMPLERS[self.sampler].deterministic or self.eta == 0:
            return False
        return bool(self.eta) or self.sampler != "ddim" or self.variance != "posterior"

    def title(self) -> Say:
        """The run in a few words: what is always of interest, then all else that was changed."""
        always = {name: getattr(self, name) for name in IN_TITLE[:4]}
        parts: list[Say] = [
            said("sample.title", asked=named_condition(self.card, self.condition), **always)
        ]
        parts += [self.more(*each) for each in self.changed().items() if each[0] not in IN_TITLE]
        return parts

    def more(self, name: str, value: Any) -> Say:
        """A setting in a title."""
        if name == "guidance":
            return guidance_title(self.card, value)
        if name == "guided_by":
            return said("sample.title.guided_by")
        if name == "points":
            return said("sample.title.points", value=len(parsed(value)[1]))
        if name == "show":
            return said("sample.title.show", value=said(word(self.event, name, f"option.{value}")))
        return said(f"sample.title.{name}", value=value if type(value) is not bool else "")
