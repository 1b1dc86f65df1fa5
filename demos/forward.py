"""Tab 2: the forward-noising visualizer. A picture drowns, and what one denoising call sees."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import gradio as gr
import torch
from PIL import Image
from torch import Tensor

from core.data.captions import EXAMPLES
from core.images import from_pil, pixels_uri, signed_uri
from core.metrics import psnr
from core.models import Model
from core.samplers import Noise
from core.schedules import CLEAN, Level
from demos import checks, sources, widgets
from demos.gpu import loaded
from demos.player import Player
from demos.plots import decibel, facts, noise_share, percent, place, short, signal_curve
from demos.reel import Panel, Reel
from demos.server.work import network_seconds, takes

TITLE = "Noise"
PROCESSES = ("closed form", "Markov chain")
LEAD = (
    "**Noising is an equation: noisy picture = signal part + noise part.** Move the playhead to "
    "the right and watch the signal fade. Then look at the guess: how much can **one** call of "
    "the network recover from each level? Choose the model emoji to noise the latents of a VAE, "
    "z = E(x), which D(z) turns into a picture again."
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
NOISES = {"gaussian": "Gaussian noise", "uniform": "uniform noise"}
BLURRED = "One call gives a blurred average of what it could be: that is why sampling takes steps."


class Pixels:
    """A picture on its way to noise, for a model that works on the pixels themselves."""

    def __init__(self, model: Model, x0: Tensor) -> None:
        """Keep x0 (1, 1, H, W) in [-1, 1]; the model guesses if it knows pictures of this size."""
        self.model, self.x0 = model, x0
        self.known = tuple(x0.shape[1:]) == model.shape
        self.starts = (x0,)
        self.panels = (*EQUATION, *GUESS) if self.known else EQUATION
        self.strip, self.asked = 0, ""

    @torch.no_grad()
    def add(self, reel: Reel, level: Level, x: Tensor) -> None:
        """One level: the equation, and what one denoising call recovers from it."""
        model, signal = self.model, level.alpha * self.x0
        part = x - signal
        uris = [pixels_uri(model.pixels(x)), pixels_uri(model.pixels(signal)), signed_uri(part)]
        numbers, text = [*facts(level), spread(part)], drowned(level)
        if self.known:
            pixels, clean = model.pixels(model.denoiser()(x, level).x0), model.pixels(self.x0)
            uris += [pixels_uri(pixels), signed_uri(2 * (pixels - clean), limit=2.0)]
            ratio = psnr(pixels, clean)
            numbers.append(("one-step PSNR", decibel(ratio)))
            text += f" {verdict(ratio, model.empirical() is not None)}"
        reel.add(uris, text, pos=place(level), facts=numbers)


class Latents:
    """A picture x on its way to noise twice: its latents z = E(x), and beside them its pixels."""

    def __init__(self, model: Model, image: Image.Image, prompt: str) -> None:
        """Encode the picture, and decode it again for what the VAE alone loses."""
        self.model, self.denoise = model, model.denoiser(prompt)
        self.x, self.z = from_pil(image, "RGB"), model.encode([image])
        self.kept = psnr(self.decoded(self.z), self.x)
        self.starts = (self.z, 2 * self.x - 1)
        self.panels = latent_panels(model.shape[0])
        self.strip, self.asked = 1, " (also the prompt)" if prompt else " (empty prompt)"

    def decoded(self, z: Tensor) -> Tensor:
        """D(z), (B, 3, H, W) in [0, 1]."""
        return self.model.pixels(z).cpu()

    @torch.no_grad()
    def add(self, reel: Reel, level: Level, z: Tensor, x: Tensor) -> None:
        """One level in both spaces, and what one denoising call recovers from the latents."""
        guess = self.denoise(z, level).x0 if level.sigma else z
        noisy, pixels = self.decoded(torch.cat([z, guess])).split(1)
        error = 2 * (pixels - self.x).mean(1, keepdim=True)
        ratio = psnr(pixels, self.x)
        text = latent_verdict(ratio, self.kept) if level.sigma else round_trip(self.kept)
        numbers = [
            *facts(level),
            spread(z - level.alpha * self.z),
            ("one-step PSNR", decibel(ratio)),
            ("VAE round trip", decibel(self.kept)),
        ]
        uris = [pixels_uri((x + 1) / 2), pixels_uri(noisy), signed_uri(z)]
        uris += [pixels_uri(pixels), signed_uri(error, limit=1.0)]
        reel.add(uris, f"{drowned(level)} {text}", pos=place(level), facts=numbers)


def latent_panels(channels: int) -> tuple[Panel, ...]:
    """The panels of a picture that is noised in both spaces."""
    return (
        Panel("xₜ", "noise in pixel space"),
        Panel("D(zₜ)", "noise in latent space, decoded"),
        Panel("zₜ", f"{channels} latent channels: blue +3, orange −3"),
        Panel("D(ẑ₀)", "one-step prediction", "signal"),
        Panel("D(ẑ₀) − x", "mean RGB error (blue +1, orange −1)", "difference", phone=False),
    )


def seconds(model, frames, **_: Any) -> float:
    """How long a run takes on one core: a call and some decoding for each frame."""
    return network_seconds(model, 3 * frames)


@takes(seconds)
def noise(
    model: str = "digits",
    source: str = "test digit",
    digit: int = 4,
    index: int = 0,
    caption: str = EXAMPLES[0],
    picture: Any = None,
    fit: str = "digit",
    process: str = "closed form",
    frames: int = 40,
    seed: int = 0,
) -> Iterator[dict]:
    """Noise a picture level by level and let the model guess the clean one from each.

    Args:
        model: whose levels and noise: digits or exact (Gaussian), basic (uniform: corrupt), emoji
            (Gaussian, on its latents and on the pixels).
        source: test digit or upload; scene or upload for a text-to-image model such as emoji.
        digit: label of the test digit, 0..9.
        index: which of the test digits with this label, 0..799.
        caption: the scene, such as "dog face on a blue background"; also the network's prompt.
        picture: the uploaded picture; at most 16 megapixels.
        fit: digit puts an upload right like MNIST; photo crops it to a grey square of 96 pixels;
            a text-to-image model takes the middle of it in colour.
        process: closed form (one noise for all levels) or Markov chain (fresh noise each step).
        frames: levels shown, 2..200.
        seed: 0..4294967295.
    """
    card = checks.card(model)
    name = card.name
    process = checks.choice(process, "Process", PROCESSES)
    frames = checks.whole(frames, "Frames", 2, 200)
    seed = checks.whole(seed, "Seed", 0, 2**32 - 1)
    offered = sources.offered(card.condition, drawing=False)
    source = checks.choice(source, "Picture", offered)
    caption = checks.text(caption, "Scene", 200)
    settings = {key: value for key, value in locals().items() if key in SHOWN}
    if card.noise == "uniform" and process == "Markov chain":
        raise ValueError(
            "The model basic has uniform noise, and a sum of uniform steps is not uniform; "
            "choose closed form."
        )
    drowning = subject(loaded(name, report=gr.Info), source, digit, index, caption, picture, fit)
    levels = [CLEAN, *drowning.model.schedule.levels(frames - 1)[-2::-1]]
    said = sources.words(source, digit, index, caption)
    reel = reel_of(drowning, levels, f"{said}{drowning.asked}, {process}", settings)
    draw = noise_of(drowning.model, seed)
    paths = (walk(levels, start, process, draw) for start in drowning.starts)
    for level, *xs in zip(levels, *paths, strict=True):
        drowning.add(reel, level, *xs)
        if reel.due():
            yield reel.message()
    yield reel.whole()


SHOWN = ("model", "source", "digit", "index", "caption", "fit", "process", "frames", "seed")


def subject(
    model: Model, source: str, digit: Any, index: Any, caption: str, picture: Any, fit: Any
) -> Pixels | Latents:
    """The picture that was asked for, ready to be noised for this model."""
    if model.card.space == "latents":
        image = sources.in_colour(model, source, caption, picture)
        return Latents(model, image, caption if source == "scene" else "")
    x0 = sources.chosen(model, source, digit=digit, index=index, picture=picture, fit=fit)
    return Pixels(model, x0)


def noise_of(model: Model, seed: int) -> Noise:
    """The kind of noise that the model was trained with."""
    return model.draw(seed)


def reel_of(
    drowning: Pixels | Latents, levels: list[Level], title: str, settings: dict[str, Any]
) -> Reel:
    """An empty reel for these levels."""
    return Reel(
        drowning.panels,
        total=len(levels),
        title=f"{title}, {NOISES[drowning.model.card.noise]}",
        settings=settings,
        curve=signal_curve(),
        ticks=[place(level) for level in levels],
        strip=drowning.strip,
        start=len(levels) // 3,
    )


def walk(levels: list[Level], x0: Tensor, process: str, draw: Noise) -> Iterator[Tensor]:
    """x at every level, from clean to noisy.

    Closed form: x_t = alpha_t x0 + sigma_t eps with one eps. Markov chain:
    x_t = (alpha_t / alpha_s) x_s + sqrt(sigma_t^2 - (alpha_t / alpha_s)^2 sigma_s^2) z with a
    fresh z for each step; Ho et al. 2020, equations 2 and 4, https://arxiv.org/abs/2006.11239.
    """
    if process == "closed form":
        eps = draw(x0)
        yield from (level.alpha * x0 + level.sigma * eps for level in levels)
        return
    x = x0
    yield x
    for before, level in itertools.pairwise(levels):
        ratio = level.alpha / before.alpha
        added = (level.sigma**2 - (ratio * before.sigma) ** 2) ** 0.5
        x = ratio * x + added * draw(x0)
        yield x


def drowned(level: Level) -> str:
    """The beginning of every sentence: the level, and how much of the variance is noise."""
    return f"{sources.at(level)} {percent(noise_share(level))} of the variance is noise."


def spread(part: Tensor) -> tuple[str, str]:
    """The standard deviation of a noise part; sigma is what to expect."""
    return "measured σ", short(part.std().item())


def verdict(ratio: float, exact: bool) -> str:
    """The quality of a one-step prediction in words."""
    if exact and ratio < 25:
        return "The exact denoiser answers with the training digits that fit, not with this one."
    if ratio > 25:
        return "One call recovers the picture almost exactly."
    if ratio > 15:
        return "One call recovers most of the picture."
    return BLURRED


def latent_verdict(ratio: float, kept: float) -> str:
    """The quality of a decoded one-step prediction, against what the VAE keeps at best."""
    if ratio > kept - 3:
        return "One call recovers nearly all that the VAE keeps of the picture."
    return "One call recovers most of the picture." if ratio > 15 else BLURRED


def round_trip(kept: float) -> str:
    """What the VAE alone does to the picture."""
    return (
        f"The VAE's round trip D(E(x)) has a PSNR of {decibel(kept)} to the picture x: "
        "its error is the VAE's alone."
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
            picture = sources.controls(model, drawing=False)
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
    ordered = [model, *picture.values(), process, frames, seed]
    widgets.wire("noise", noise, ordered, [player], buttons)
