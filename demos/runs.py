"""A run of the sampler: its checked settings, its ladder, and the frames that show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from core.bridge import BRIDGED
from core.denoisers import Clipped, Denoiser
from core.models import MODELS, Model
from core.samplers import SAMPLERS, Step, seeded
from core.schedules import SCHEDULES, SPACINGS, Level
from demos import checks, widgets
from demos.gpu import reached
from demos.looks import (
    AttentionLook,
    GuidanceLook,
    Look,
    Part,
    PredictionLook,
    finished,
    kept_latents,
    streamed,
)
from demos.plots import facts, noise_share, percent, place, short, signal_curve
from demos.prompts import not_read
from demos.reel import Reel
from demos.remarks import at_guidance

ALL_SAMPLERS = {**SAMPLERS, **BRIDGED}
OWN = "own"  # the schedule that the model was trained with
VARIANCES = ("posterior", "beta")
SHOWS = ("prediction", "guidance split", "attention per word")


@dataclass(frozen=True)
class Request:
    """The settings of one run, checked; also what "Copy settings" copies."""

    model: str
    label: str
    sampler: str
    steps: int
    guidance: float
    seed: int
    batch: int
    eta: float | None
    variance: str
    spacing: str
    schedule: str
    clip_x0: bool
    prompt: str
    negative: str
    show: str

    @classmethod
    def checked(cls, **raw: Any) -> Request:
        """From whatever was sent; ValueError, one sentence, for what cannot be run."""
        eta = raw["eta"]
        request = cls(
            model=checks.choice(raw["model"], "Model", list(MODELS)),
            label=checks.choice(raw["label"], "Label", [value for _, value in widgets.LABELS]),
            sampler=checks.choice(raw["sampler"], "Sampler", list(ALL_SAMPLERS)),
            steps=checks.whole(raw["steps"], "Steps", 1, 1000),
            guidance=checks.real(raw["guidance"], "Guidance", 0, 20),
            seed=checks.whole(raw["seed"], "Seed", 0, 2**32 - 1),
            batch=checks.whole(raw["batch"], "Batch", 1, 16),
            eta=None if eta is None or eta == "" else checks.real(eta, "Eta", 0, 1),
            variance=checks.choice(raw["variance"], "Variance", VARIANCES),
            spacing=checks.choice(raw["spacing"], "Spacing", SPACINGS),
            schedule=checks.choice(raw["schedule"], "Schedule", [OWN, *SCHEDULES]),
            clip_x0=checks.truth(raw["clip_x0"], "Clip x0"),
            prompt=checks.text(raw["prompt"], "Prompt"),
            negative=checks.text(raw["negative"], "Negative prompt"),
            show=checks.choice(raw["show"], "Show", SHOWS),
        )
        if request.schedule != OWN and MODELS[request.model].schedules == "own":
            raise ValueError(
                f"The model {request.model} was trained with its own schedule; "
                f"choose schedule {OWN}, or the model exact, which takes any."
            )
        if request.variance == "beta" and request.sampler not in ("ddim", "ddpm"):
            raise ValueError("Variance beta is a choice of ddim and ddpm only; use posterior.")
        if MODELS[request.model].noise == "uniform" and request.adds_noise():
            raise ValueError(
                "The model basic was trained with uniform noise, and this run would add Gaussian "
                "noise to it; choose naive, or ddim with eta 0."
            )
        if request.clip_x0 and MODELS[request.model].space == "latents":
            raise ValueError(
                "Clip x0 is for models that work on pixels: latents have no displayable range."
            )
        return request

    @property
    def seconds(self) -> int:
        """How long the run may take on a GPU, generously: for the share that a Space lends."""
        calls = self.steps * ALL_SAMPLERS[self.sampler].calls_per_step
        return 20 + round(0.1 * calls * (1 + self.batch / 4))

    @property
    def condition(self) -> str:
        """What the model is asked for: a prompt, a label, or nothing."""
        return self.prompt if MODELS[self.model].condition == "text" else self.label

    @property
    def avoided(self) -> str:
        """The negative prompt, for models that read text."""
        return self.negative if MODELS[self.model].condition == "text" else ""

    def adds_noise(self) -> bool:
        """Whether the sampler draws fresh noise with these settings."""
        if ALL_SAMPLERS[self.sampler].deterministic or self.eta == 0:
            return False
        return bool(self.eta) or self.sampler != "ddim" or self.variance == "beta"

    def title(self) -> str:
        """The run in a few words."""
        label = f"label {self.label}" if self.label else "any digit"
        if MODELS[self.model].condition == "text":
            label = f"“{self.prompt}”" if self.prompt else "no prompt"
        at = f", {at_guidance(self.model, self.guidance)}" if self.guidance < 1 else ""
        return f"{self.model}, {label}, {self.sampler}, {self.steps} steps, seed {self.seed}{at}"


@dataclass(frozen=True)
class Run:
    """A request made ready: the model, the ladder of levels, and how its steps are shown.

    `unread` says what the model does not read of the prompts, "" where it reads all.
    """

    request: Request
    model: Model
    levels: list[Level]
    look: Look
    cost: int
    unread: str = ""

    @classmethod
    def of(cls, request: Request, report: Callable[[str], None] | None = None) -> Run:
        """Load the model; ValueError where the settings do not fit it."""
        model = reached(request.model, report=report)
        own = request.schedule == OWN
        schedule = model.schedule if own else SCHEDULES[request.schedule]()
        levels = schedule.levels(request.steps, request.spacing)
        denoise = model.denoiser(request.condition, request.avoided, request.guidance)
        look = look_of(request, model, denoise, levels)
        unread = not_read(request.model, request.condition, request.avoided)
        return cls(request, model, levels, look, denoise.cost, unread)

    def kept(self, parts: list[Part]) -> dict[int, Tensor]:
        """The latents of a frame that are decoded later, or mixed anew with the slider's w."""
        split = isinstance(self.look, GuidanceLook)
        return kept_latents(parts) if split or self.model.card.space == "latents" else {}

    def steps(self) -> Iterator[Step]:
        """The sampler, ready to go."""
        request, denoise = self.request, self.look.denoise
        noise = seeded(request.seed, request.batch)
        options = {"variance": request.variance} if request.variance != "posterior" else {}
        start = self.model.start(noise, self.levels[0], request.batch)
        return ALL_SAMPLERS[request.sampler](
            Clipped(denoise) if request.clip_x0 else denoise,
            start,
            self.levels,
            noise=noise,
            eta=request.eta,
            **options,
        )


def look_of(request: Request, model: Model, denoise: Denoiser, levels: list[Level]) -> Look:
    """How the steps of a request are shown; ValueError where that needs another setting."""
    if request.show == "guidance split":
        if MODELS[request.model].told:
            raise ValueError(
                f"The model {request.model} is told the guidance and makes one guess, so there is "
                "nothing to split; choose Show: prediction."
            )
        return GuidanceLook(denoise)
    if request.show == "attention per word":
        return AttentionLook(model, request.prompt, request.avoided, request.guidance)
    scaled = any(abs(level.alpha**2 + level.sigma**2 - 1) > 1e-3 for level in levels)
    return PredictionLook(model, denoise, request.condition, scaled)


def reel_of(run: Run) -> Reel:
    """An empty reel for this run."""
    symbols = [panel.symbol for panel in run.look.panels]
    return Reel(
        run.look.panels,
        total=len(run.levels),
        title=run.request.title(),
        settings=asdict(run.request),
        curve=signal_curve(),
        ticks=[place(level) for level in run.levels],
        strip=symbols.index("x̂₀"),
    )


def add_step(reel: Reel, run: Run, step: Step, before: Step | None) -> dict[int, Tensor]:
    """The frame of one step: what was seen in x at its level; returns its latents."""
    level, x0 = step.level, step.prediction.x0
    guess = "this is the first guess"
    if before is not None:
        guess = f"the guess moved {moved_by(run, x0, before.prediction.x0)}"
    parts = run.look.parts(step.x, level, step.prediction)
    pictures, approx = streamed(run.model, parts)
    reel.add(
        pictures,
        f"Step {step.index + 1} of {run.request.steps}: {noise_in(step)}; {guess}.",
        pos=place(level),
        facts=numbers(run, level, step.calls, step.index + 1),
        warn=warning(run, x0),
        approx=approx,
    )
    return run.kept(parts)


def noise_in(step: Step) -> str:
    """How much of x is noise: all of it at the start, whatever the first level holds."""
    level = step.level
    share = f"{percent(noise_share(level))} of the variance is noise"
    if step.index or noise_share(level) > 0.99:
        return share
    return f"x is pure noise, but the model is told t = {level.t:.0f}, where {share}"


def add_result(reel: Reel, run: Run, last: Step) -> dict[int, Tensor]:
    """The last frame: the finished picture, decoded in full; returns its latents."""
    level, steps = last.next_level, run.request.steps
    parts = run.look.parts(last.x_next, level, last.prediction)
    said = "the picture after {} steps, beside the last guess and the last noise seen"
    if run.request.show != "prediction":
        said = "the last guess after {} steps, decoded in full"
    reel.add(
        finished(run.model, parts),
        f"Done: {said.format(steps)}.",
        pos=place(level),
        facts=numbers(run, level, last.calls, steps),
    )
    return run.kept(parts)


def numbers(run: Run, level: Level, calls: int, done: int) -> list[tuple[str, str]]:
    """The numbers beside the pictures."""
    rows = calls * run.cost
    return [
        ("step", f"{done} / {run.request.steps}"),
        *facts(level),
        ("network calls", str(rows) if rows else "0 (exact)"),
    ]


def moved_by(run: Run, x0: Tensor, before: Tensor) -> str:
    """How far the guess moved: RMS of the change over the range of pixels, or over its size."""
    if run.model.card.space == "latents":
        return percent(min(1.0, ((x0 - before).norm() / x0.norm()).item()))
    change = x0.clamp(-1, 1) - before.clamp(-1, 1)
    return percent(change.square().mean().sqrt().item() / 2)


def warning(run: Run, x0: Tensor) -> str:
    """What to doubt: a prompt that is too long, a raw guess far outside the displayable range."""
    if run.request.clip_x0 or run.model.card.space == "latents":
        return run.unread
    peak = torch.nan_to_num(x0.abs()).max().item()
    return (
        ""
        if peak <= 1.5
        else f"The raw guess reaches ±{short(peak)}; it is shown clipped to −1..1."
    )
