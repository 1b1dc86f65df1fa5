"""A run of the sampler: its checked settings, its ladder, and the frames that show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from core.bridge import BRIDGED
from core.denoisers import Clipped, Denoiser, Prediction
from core.images import gray_uri, signed_uri
from core.models import MODELS, ExactModel, Model, load
from core.samplers import SAMPLERS, Step, seeded
from core.schedules import SCHEDULES, SPACINGS, Level
from demos import widgets
from demos.player import Panel, Reel
from demos.plots import facts, noise_share, percent, place, short, signal_curve

ALL_SAMPLERS = {**SAMPLERS, **BRIDGED}
OWN = "own"  # the schedule that the model was trained with
VARIANCES = ("posterior", "beta")
PANELS = (
    Panel("xₜ", "noisy picture"),
    Panel("x̂₀", "predicted clean picture", "signal"),
    Panel("ε̂", "predicted noise (blue +3, orange −3)", "noise", phone=False),
)
SCALED = Panel("xₜ", "noisy picture, scaled to α² + σ² = 1")
NEAREST = Panel("xᵢ", "nearest training digit", "", phone=False)


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

    @classmethod
    def checked(cls, **raw: Any) -> Request:
        """From whatever was sent; ValueError, one sentence, for what cannot be run."""
        eta = raw["eta"]
        request = cls(
            model=widgets.choice(raw["model"], "Model", list(MODELS)),
            label=widgets.choice(raw["label"], "Label", [value for _, value in widgets.LABELS]),
            sampler=widgets.choice(raw["sampler"], "Sampler", list(ALL_SAMPLERS)),
            steps=widgets.whole(raw["steps"], "Steps", 1, 1000),
            guidance=widgets.real(raw["guidance"], "Guidance", 0, 20),
            seed=widgets.whole(raw["seed"], "Seed", 0, 2**32 - 1),
            batch=widgets.whole(raw["batch"], "Batch", 1, 16),
            eta=None if eta is None or eta == "" else widgets.real(eta, "Eta", 0, 1),
            variance=widgets.choice(raw["variance"], "Variance", VARIANCES),
            spacing=widgets.choice(raw["spacing"], "Spacing", SPACINGS),
            schedule=widgets.choice(raw["schedule"], "Schedule", [OWN, *SCHEDULES]),
            clip_x0=widgets.truth(raw["clip_x0"], "Clip x0"),
        )
        if request.schedule != OWN and request.model != "exact":
            raise ValueError(
                f"The model {request.model} was trained with its own schedule; "
                f"choose schedule {OWN}, or the model exact, which takes any."
            )
        if request.variance == "beta" and request.sampler not in ("ddim", "ddpm"):
            raise ValueError("Variance beta is a choice of ddim and ddpm only; use posterior.")
        if request.model == "basic" and request.adds_noise():
            raise ValueError(
                "The model basic was trained with uniform noise, and this run would add Gaussian "
                "noise to it; choose naive, or ddim with eta 0."
            )
        return request

    def adds_noise(self) -> bool:
        """Whether the sampler draws fresh noise with these settings."""
        if ALL_SAMPLERS[self.sampler].deterministic or self.eta == 0:
            return False
        return bool(self.eta) or self.sampler != "ddim" or self.variance == "beta"

    def title(self) -> str:
        """The run in a few words."""
        label = f"label {self.label}" if self.label else "any digit"
        return f"{self.model}, {label}, {self.sampler}, {self.steps} steps, seed {self.seed}"


@dataclass(frozen=True)
class Run:
    """A request made ready: the model, its denoiser and the ladder of levels."""

    request: Request
    model: Model
    denoise: Denoiser
    levels: list[Level]

    @classmethod
    def of(cls, request: Request) -> Run:
        """Load the model; ValueError where the settings do not fit it."""
        model = load(request.model)
        denoise = model.denoiser(request.label, guidance=request.guidance)
        if request.clip_x0:
            denoise = Clipped(denoise)
        own = request.schedule == OWN
        schedule = model.schedule if own else SCHEDULES[request.schedule]()
        return cls(request, model, denoise, schedule.levels(request.steps, request.spacing))

    def steps(self) -> Iterator[Step]:
        """The sampler, ready to go."""
        request = self.request
        noise = seeded(request.seed, request.batch)
        options = {"variance": request.variance} if request.variance != "posterior" else {}
        start = self.model.start(noise, self.levels[0], request.batch)
        return ALL_SAMPLERS[request.sampler](
            self.denoise, start, self.levels, noise=noise, eta=request.eta, **options
        )


def reel_of(run: Run) -> Reel:
    """An empty reel for this run."""
    panels = (*PANELS, NEAREST) if run.request.model == "exact" else PANELS
    if any(abs(level.alpha**2 + level.sigma**2 - 1) > 1e-3 for level in run.levels):
        panels = (SCALED, *panels[1:])
    return Reel(
        panels,
        total=len(run.levels),
        title=run.request.title(),
        settings=asdict(run.request),
        curve=signal_curve(),
        ticks=[place(level) for level in run.levels],
        strip=1,
    )


def add_step(reel: Reel, run: Run, step: Step, before: Step | None) -> None:
    """The frame of one step: what was seen in x at its level."""
    level, x0 = step.level, step.prediction.x0
    guess = "this is the first guess"
    if before is not None:
        guess = f"the guess moved {moved_by(x0, before.prediction.x0)}"
    reel.add(
        pictures(run, step.x, level, step.prediction),
        f"Step {step.index + 1} of {run.request.steps}: {percent(noise_share(level))} of the "
        f"variance is noise; {guess}.",
        pos=place(level),
        facts=numbers(run, level, step.calls, step.index + 1),
        warn=warning(x0, run.request.clip_x0),
    )


def add_result(reel: Reel, run: Run, last: Step) -> None:
    """The last frame: the finished picture."""
    level, steps = last.next_level, run.request.steps
    reel.add(
        pictures(run, last.x_next, level, last.prediction),
        f"Done: the picture after {steps} steps, beside the last guess and the last noise seen.",
        pos=place(level),
        facts=numbers(run, level, last.calls, steps),
    )


def pictures(run: Run, x: Tensor, level: Level, prediction: Prediction) -> list[str]:
    """x scaled to unit variance, the clipped x0 and the noise in colours, as data URIs."""
    scale = (level.alpha**2 + level.sigma**2) ** 0.5
    model = run.model
    uris = [
        gray_uri(model.pixels(x / scale)),
        gray_uri(model.pixels(prediction.x0)),
        signed_uri(prediction.eps),
    ]
    if isinstance(model, ExactModel):
        exact = model.empirical(run.request.label)
        uris.append(gray_uri(model.pixels(exact.images[exact.nearest(prediction.x0)])))
    return uris


def numbers(run: Run, level: Level, calls: int, done: int) -> list[tuple[str, str]]:
    """The numbers beside the pictures."""
    rows = calls * run.denoise.cost
    return [
        ("step", f"{done} / {run.request.steps}"),
        *facts(level),
        ("network calls", str(rows) if rows else "0 (exact)"),
    ]


def moved_by(x0: Tensor, before: Tensor) -> str:
    """How far the displayed guess moved: RMS of the change over the range of pixels."""
    change = x0.clamp(-1, 1) - before.clamp(-1, 1)
    return percent(change.square().mean().sqrt().item() / 2)


def warning(x0: Tensor, clipped: bool) -> str:
    """What to doubt: the raw guess may lie far outside the displayable range."""
    peak = torch.nan_to_num(x0.abs()).max().item()
    if clipped or peak <= 1.5:
        return ""
    return f"The raw guess reaches ±{short(peak)}; it is shown clipped to −1..1."
