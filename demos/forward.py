"""Tab 2: the forward-noising visualizer. A picture drowns, and what one denoising call sees."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from core.images import gray_uri, signed_uri
from core.metrics import psnr
from core.models import MODELS, BasicModel, ExactModel, Model, load, uniform
from core.samplers import seeded
from core.schedules import Level
from demos import sources, widgets
from demos.player import Panel, Player, Reel
from demos.plots import facts, noise_share, percent, place, short, signal_curve

TITLE = "Noise"
PROCESSES = ("closed form", "Markov chain")
LEAD = (
    "**Noising is an equation: noisy picture = signal part + noise part.** Move the playhead to "
    "the right and watch the signal fade. Then look at the guess: how much can **one** call of "
    "the network recover from each level?"
)
EQUATION = (
    Panel("xₜ", "noisy picture ="),
    Panel("α x₀", "signal part +", "signal"),
    Panel("σ ε", "noise part (blue +3, orange −3)", "noise", phone=False),
)
GUESS = (
    Panel("x̂₀", "one-step prediction", "signal"),
    Panel("x̂₀ − x₀", "its error (blue +2, orange −2)", "difference", phone=False),
)


@dataclass(frozen=True)
class Path:
    """One picture on its way to noise: the levels, and x at each."""

    model: Model
    levels: list[Level]
    x: list[Tensor]
    x0: Tensor

    @property
    def known(self) -> bool:
        """Whether the model can look at a picture of this size."""
        return tuple(self.x0.shape[1:]) == self.model.shape


def noise(
    model: str = "digits",
    source: str = "test digit",
    digit: int = 4,
    index: int = 0,
    picture: Any = None,
    fit: str = "digit",
    process: str = "closed form",
    frames: int = 40,
    seed: int = 0,
) -> Iterator[dict]:
    """Noise a picture level by level and let the model guess the clean one from each.

    Args:
        model: whose levels and noise: digits or exact (Gaussian), basic (uniform: corrupt).
        source: test digit or upload.
        digit: label of the test digit, 0..9.
        index: which of the test digits with this label, 0..799.
        picture: the uploaded picture; at most 16 megapixels.
        fit: digit puts an upload right like MNIST; photo crops it to a grey square of 96 pixels.
        process: closed form (one noise for all levels) or Markov chain (fresh noise each step).
        frames: levels shown, 2..200.
        seed: 0..4294967295.
    """
    name = widgets.choice(model, "Model", list(MODELS))
    process = widgets.choice(process, "Process", PROCESSES)
    frames = widgets.whole(frames, "Frames", 2, 200)
    seed = widgets.whole(seed, "Seed", 0, 2**32 - 1)
    settings = {key: value for key, value in locals().items() if key in SHOWN}
    if name == "basic" and process == "Markov chain":
        raise ValueError(
            "The model basic has uniform noise, and a sum of uniform steps is not uniform; "
            "choose closed form."
        )
    widgets.choice(source, "Picture", sources.SOURCES[:2])
    x0 = sources.chosen(source, digit, index, picture, fit)
    walked = walk(load(name), x0, process, frames, seed)
    reel = reel_of(walked, f"{sources.words(source, digit, index)}, {process}", settings)
    for level, x in zip(walked.levels, walked.x, strict=True):
        add_frame(reel, walked, level, x)
        if reel.due():
            yield reel.message()
    yield reel.whole()


SHOWN = ("model", "source", "digit", "index", "fit", "process", "frames", "seed")


def reel_of(walked: Path, title: str, settings: dict[str, Any]) -> Reel:
    """An empty reel; a picture that the model can look at has panels for its guess."""
    return Reel(
        (*EQUATION, *GUESS) if walked.known else EQUATION,
        total=len(walked.levels),
        title=f"{title}, {walked.model.card.noise}",
        settings=settings,
        curve=signal_curve(),
        ticks=[place(level) for level in walked.levels],
        start=len(walked.levels) // 3,
    )


def walk(model: Model, x0: Tensor, process: str, frames: int, seed: int) -> Path:
    """x at every level from clean to noisy.

    Closed form: x_t = alpha_t x0 + sigma_t eps with one eps. Markov chain:
    x_t = (alpha_t / alpha_s) x_s + sqrt(sigma_t^2 - (alpha_t / alpha_s)^2 sigma_s^2) z with a
    fresh z for each step; Ho et al. 2020, equations 2 and 4, https://arxiv.org/abs/2006.11239.
    """
    levels = model.schedule.levels(frames - 1)[::-1]
    draw = seeded(seed, 1)
    if isinstance(model, BasicModel):
        draw = uniform(draw)
    if process == "closed form":
        eps = draw(x0)
        xs = [level.alpha * x0 + level.sigma * eps for level in levels]
        return Path(model, levels, xs, x0)
    xs = [x0]
    for before, level in itertools.pairwise(levels):
        ratio = level.alpha / before.alpha
        added = (level.sigma**2 - (ratio * before.sigma) ** 2) ** 0.5
        xs.append(ratio * xs[-1] + added * draw(x0))
    return Path(model, levels, xs, x0)


@torch.no_grad()
def add_frame(reel: Reel, walked: Path, level: Level, x: Tensor) -> None:
    """One level: the equation, and what one denoising call recovers from it."""
    model, x0 = walked.model, walked.x0
    part = x - level.alpha * x0
    uris = [gray_uri(model.pixels(x)), gray_uri(model.pixels(level.alpha * x0)), signed_uri(part)]
    numbers = [*facts(level), ("measured spread of the noise part", short(part.std().item()))]
    share = percent(noise_share(level))
    text = f"{sources.at(level)} {share} of the variance is noise."
    if walked.known:
        guess = model.denoiser()(x, level).x0
        pixels, clean = model.pixels(guess), model.pixels(x0)
        uris += [gray_uri(pixels), signed_uri(2 * (pixels - clean), limit=2.0)]
        ratio = psnr(pixels, clean)
        numbers.append(("one-step PSNR", "∞ dB" if ratio == float("inf") else f"{ratio:.1f} dB"))
        text += f" {verdict(ratio, isinstance(model, ExactModel))}"
    reel.add(uris, text, pos=place(level), facts=numbers)


def verdict(ratio: float, exact: bool) -> str:
    """The quality of a one-step prediction in words."""
    if exact and ratio < 25:
        return "The exact denoiser answers with the training digits that fit, not with this one."
    if ratio > 25:
        return "One call recovers the picture almost exactly."
    if ratio > 15:
        return "One call recovers most of the picture."
    return (
        "One call gives a blurred average of what it could be: that is why sampling takes steps."
    )


def build(shared: widgets.Shared) -> None:
    """Lay out the tab."""
    widgets.lead(LEAD)
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            model = widgets.Dropdown(
                widgets.model_choices(),
                value="digits",
                label="Model",
                info="its levels, its kind of noise, its guess",
            )
            picture = sources.controls(drawing=False)
            process = widgets.Radio(
                list(PROCESSES),
                value="closed form",
                label="Process",
                info="one noise for all levels, or fresh noise every step; both "
                "reach the same distribution",
            )
            buttons = widgets.run_row()
            with gr.Accordion("More", open=False):
                frames = widgets.Slider(
                    2, 100, 40, step=1, label="Frames", info="levels shown between clean and noise"
                )
                seed = widgets.seed_row()
        with gr.Column():
            player = Player(widgets.tape("noise"), name="noise", panels=(*EQUATION, *GUESS))
    ordered = [model, *picture, process, frames, seed]
    widgets.wire("noise", widgets.shown(noise), ordered, [player], buttons)
