"""Tab 3: the step-by-step sampler. Every intermediate picture streams in while it is computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from core.bridge import BRIDGED
from core.denoisers import Clipped, Denoiser, Prediction
from core.images import gray_uri, signed_uri
from core.models import MODELS, ExactModel, Model, load
from core.samplers import SAMPLERS, Step, seeded
from core.schedules import SCHEDULES, SPACINGS, Level
from demos import widgets
from demos.player import Panel, Player, Reel
from demos.plots import noise_share, percent, place, short, signal_curve

TITLE = "Sample"
ALL_SAMPLERS = {**SAMPLERS, **BRIDGED}
OWN = "own"  # the schedule that the model was trained with
ETA = "share of fresh noise, 0 none to 1 as DDPM; empty: the sampler's own"
VARIANCES = ("posterior", "beta")
LEAD = (
    "**From noise to a digit, one step at a time.** Left is the picture at its noise level, in "
    "the middle what the model believes lies under the noise, right the noise it sees. Press "
    "**Run**, then walk through the steps with the arrow keys: when does the guess become a digit?"
)
PANELS = (
    Panel("xₜ", "noisy picture"),
    Panel("x̂₀", "predicted clean picture", "signal"),
    Panel("ε̂", "predicted noise (blue +3, orange −3)", "noise", phone=False),
)
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


def sample(
    model: str = "digits",
    label: str = "",
    sampler: str = "ddim",
    steps: int = 50,
    guidance: float = 2.0,
    seed: int = 0,
    batch: int = 1,
    eta: float | None = None,
    variance: str = "posterior",
    spacing: str = "trailing",
    schedule: str = OWN,
    clip_x0: bool = False,
) -> Iterator[tuple[dict, Any]]:
    """Sample digits step by step; streams the frames of the run.

    Args:
        model: digits, exact or basic.
        label: "0" .. "9", or "" for any digit.
        sampler: a name of the menu, e.g. ddim, ddpm, heun, dpmpp_2m, unipc.
        steps: 1..1000.
        guidance: classifier-free guidance in 0..20; 1 is none.
        seed: 0..4294967295; picture i of a batch has seed + i.
        batch: pictures, 1..16.
        eta: share of fresh noise in 0..1; empty is the sampler's own.
        variance: posterior, or beta (ddim and ddpm only: the DDIM paper's sigma-hat).
        spacing: leading, trailing or linspace.
        schedule: own; for the model exact also any name of the schedule tab.
        clip_x0: clip the predicted clean picture to the displayable range while sampling.
    """
    run = Run.of(Request.checked(**locals()))
    reel = reel_of(run)
    last: Step | None = None
    for step in run.steps():
        add_step(reel, run, step, last)
        last = step
        if reel.due():
            yield reel.message(), gr.skip()
    if last is not None:
        add_result(reel, run, last)
        yield reel.whole(), last.x_next[:1].float().cpu()


def reel_of(run: Run) -> Reel:
    """An empty reel for this run."""
    panels = (*PANELS, NEAREST) if run.request.model == "exact" else PANELS
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
        facts=facts(run, level, step.calls, step.index + 1),
        warn=warning(x0, run.request.clip_x0),
    )


def add_result(reel: Reel, run: Run, last: Step) -> None:
    """The last frame: the finished picture."""
    level, steps = last.next_level, run.request.steps
    reel.add(
        pictures(run, last.x_next, level, last.prediction),
        f"Done: the picture after {steps} steps, beside the last guess and the last noise seen.",
        pos=place(level),
        facts=facts(run, level, last.calls, steps),
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


def facts(run: Run, level: Level, calls: int, done: int) -> list[tuple[str, str]]:
    """The numbers beside the pictures."""
    rows = calls * run.denoise.cost
    return [
        ("step", f"{done} / {run.request.steps}"),
        ("t", "clean" if level.t < 0 else f"{level.t:.0f}"),
        ("signal α", short(level.alpha)),
        ("noise σ", short(level.sigma)),
        ("log-SNR", short(level.log_snr)),
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
    return f"The raw guess reaches ±{peak:.0f}; it is shown clipped to −1..1."


def build(shared: widgets.Shared) -> None:
    """Lay out the tab."""
    widgets.lead(LEAD)
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            controls = main_controls()
            buttons = widgets.run_row()
            presets(controls)
            controls |= more_controls()
            send = gr.Button("Send picture to Invert & edit", size="sm")
        with gr.Column():
            player = Player(widgets.tape("sample"), name="sample", panels=PANELS)
    picture = gr.State()
    # The order of the arguments of `sample`.
    ordered = [controls[name] for name in Request.__dataclass_fields__]
    widgets.wire("sample", widgets.shown(sample), ordered, [player, picture], buttons)
    interlock(controls)
    send.click(
        widgets.shown(hand_over),
        picture,
        [shared.picture, shared.tabs],
        show_progress="hidden",
        api_visibility="private",
    )


def main_controls() -> dict[str, Any]:
    """What one changes most, in the order of use."""
    controls = {
        "model": widgets.Dropdown(
            widgets.model_choices(),
            value="digits",
            label="Model",
            info="a trained network, or the exact answer",
        ),
        "label": widgets.Radio(
            widgets.LABELS,
            value="",
            label="Label",
            info="the digit to draw",
            elem_classes=["digits-row"],
        ),
        "sampler": widgets.Dropdown(
            widgets.sampler_choices(ALL_SAMPLERS),
            value="ddim",
            label="Sampler",
            info="the rule of one step",
        ),
        "steps": widgets.Slider(
            1, 200, 50, step=1, label="Steps", info="more steps, smaller errors"
        ),
        "guidance": widgets.Slider(
            0,
            10,
            2,
            step=0.5,
            label="Guidance",
            info="1 none; higher follows the label more strictly",
        ),
    }
    controls["seed"] = widgets.seed_row()
    return controls


def more_controls() -> dict[str, Any]:
    """The rest, folded."""
    with gr.Accordion("More", open=False):
        return {
            "batch": widgets.Slider(
                1,
                16,
                1,
                step=1,
                label="Batch",
                info="pictures at once, with seeds seed, seed + 1, ...",
            ),
            "eta": widgets.Number(None, label="Eta (η)", minimum=0, maximum=1, step=0.1, info=ETA),
            "variance": widgets.Radio(
                list(VARIANCES),
                value="posterior",
                label="Variance",
                info="of the fresh noise; beta is the DDIM paper's σ̂",
            ),
            "spacing": widgets.Radio(
                list(SPACINGS),
                value="trailing",
                label="Spacing",
                info="which of the 1000 timesteps a run visits",
            ),
            "schedule": widgets.Dropdown(
                [("the model's own", OWN), *SCHEDULES],
                value=OWN,
                label="Schedule",
                interactive=False,
                info="only the model exact can take another one",
            ),
            "clip_x0": gr.Checkbox(
                False,
                label="Clip x0 while sampling",
                info="keep each guess within the range of pictures",
            ),
        }


def presets(controls: dict[str, Any]) -> None:
    """One click to something worth seeing."""
    model, label, sampler = controls["model"], controls["label"], controls["sampler"]
    steps, guidance = controls["steps"], controls["guidance"]

    def preset(*values: Any) -> dict[Any, Any]:
        return dict(zip((model, label, sampler, steps, guidance), values, strict=True))

    widgets.chips(
        {
            "a seven": preset("digits", "7", "ddim", 50, 2),
            "noisy path: DDPM": preset("digits", "3", "ddpm", 100, 2),
            "only 8 steps: DPM++": preset("digits", "5", "dpmpp_2m", 8, 2),
            "guidance 8": preset("digits", "2", "ddim", 50, 8),
            "no network: exact": preset("exact", "7", "ddim", 50, 1),
            "first lesson: naive": preset("basic", "", "naive", 40, 1),
        }
    )


def interlock(controls: dict[str, Any]) -> None:
    """What cannot be chosen together is greyed out, and the help says why."""
    for cause, function, names in (
        ("model", of_model, ("label", "guidance", "schedule")),
        ("sampler", of_sampler, ("eta", "variance")),
    ):
        controls[cause].change(
            function,
            controls[cause],
            [controls[name] for name in names],
            show_progress="hidden",
            api_visibility="private",
        )


def of_model(model: str) -> tuple[dict, dict, dict]:
    """Label, guidance and schedule as the model allows them."""
    if model == "basic":
        label = gr.update(interactive=False, info="the model basic knows no labels", value="")
        guidance = gr.update(interactive=False, value=1)
    else:
        label = gr.update(interactive=True, info="the digit to draw")
        guidance = gr.update(interactive=True)
    if model == "exact":
        return label, guidance, gr.update(interactive=True)
    return label, guidance, gr.update(interactive=False, value=OWN)


def of_sampler(sampler: str) -> tuple[dict, dict]:
    """Eta and variance as the sampler allows them."""
    if ALL_SAMPLERS[sampler].deterministic:
        eta = gr.update(interactive=False, value=None, info="deterministic: no fresh noise")
    else:
        eta = gr.update(interactive=True, info=ETA)
    if sampler in ("ddim", "ddpm"):
        return eta, gr.update(interactive=True)
    return eta, gr.update(interactive=False, value="posterior")


def hand_over(picture: Tensor | None) -> tuple[Tensor, Any]:
    """Give the finished picture to the last tab and open it."""
    if picture is None:
        raise ValueError("run the sampler to its end first; then its picture can be sent")
    return picture, gr.Tabs(selected="inversion")
