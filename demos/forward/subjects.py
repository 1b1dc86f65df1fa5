"""What is noised: the pixels of a picture, or its latents beside its pixels."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from torch import Tensor

from core.denoisers import Denoiser
from core.images import from_pil, pixels_uri, signed_uri
from core.metrics import psnr
from core.models import Model
from core.schedules import Level
from core.tapes import Frame, Panel, Say
from demos.views.numbers import noise_power, of_level, place
from demos.words import said

EQUATION = (
    Panel("x_t", "xₜ", said("panel.noisy")),
    Panel("signal", "α x₀", said("panel.signal"), "signal"),
    Panel("noise", "σ ε", said("panel.noise"), "noise"),
)
GUESS = (
    Panel("guess", "x̂₀", said("panel.guess"), "signal"),
    Panel("error", "x̂₀ − x₀", said("panel.error"), "difference", phone=False),
)
FEW = 1.0  # dB by which a guess must be better than one from pure noise, to say anything of x0
MOST, NEARLY = 15.0, 25.0  # dB from which on most of a picture is there, and nearly all of it


class Pixels:
    """A picture on its way to noise, for a model that works on the pixels themselves."""

    strip = "x_t"

    def __init__(self, model: Model, x0: Tensor) -> None:
        """Keep x0 (1, 1, H, W) in [-1, 1]; the model guesses if it knows pictures of this size."""
        self.model, self.x0 = model, x0
        self.known = tuple(x0.shape[1:]) == model.shape
        self.starts = (x0,)
        self.panels = (*EQUATION, *GUESS) if self.known else EQUATION

    @torch.no_grad()
    def frame(self, level: Level, x: Tensor) -> Frame:
        """One level: the equation, and what one denoising call recovers from it."""
        model, signal = self.model, level.alpha * self.x0
        part, say = x - signal, [here(level, noise_power(level, self.x0, self.model.noise_power))]
        numbers = of_level(level) | {"spread": part.std().item()}
        pictures = {
            "x_t": pixels_uri(model.pixels(x)),
            "signal": pixels_uri(model.pixels(signal)),
            "noise": signed_uri(part),
        }
        if self.known:
            clean = model.pixels(self.x0)
            guess, pure = guesses(model, model.denoiser(), level, x, part)
            pictures["guess"] = pixels_uri(guess)
            pictures["error"] = signed_uri(2 * (guess - clean), limit=2.0)
            if level.sigma:
                ratio, without = psnr(guess, clean), psnr(pure, clean)
                numbers |= {"psnr": ratio, "psnr_noise": without}
                say.append(verdict(ratio, without, model.card.denoiser == "empirical"))
            else:
                say.append(said("noise.clean.shown"))
        return Frame(pictures=pictures, say=say, pos=place(level), numbers=numbers)


class Latents:
    """A picture x on its way to noise twice: its latents z = E(x), and beside them its pixels."""

    strip = "decoded"

    def __init__(self, model: Model, image: Image.Image, prompt: str) -> None:
        """Encode the picture, and decode it again for what the VAE alone loses."""
        self.model, self.prompt, self.denoise = model, prompt, model.denoiser(prompt)
        self.x, self.z = from_pil(image, "RGB"), model.encode([image])
        self.kept = psnr(self.decoded(self.z), self.x)
        self.starts = (self.z, 2 * self.x - 1)
        channels = said("panel.channels", channels=model.shape[0])
        self.panels = (
            Panel("x_t", "xₜ", said("panel.in_pixels")),
            Panel("decoded", "D(zₜ)", said("panel.in_latents")),
            Panel("z_t", "zₜ", channels, "noise"),
            Panel("guess", "D(ẑ₀)", said("panel.guess"), "signal"),
            Panel("error", "D(ẑ₀) − x", said("panel.error_rgb"), "difference", phone=False),
        )

    def decoded(self, z: Tensor) -> Tensor:
        """D(z), (B, 3, H, W) in [0, 1]."""
        return self.model.pixels(z).cpu()

    @torch.no_grad()
    def frame(self, level: Level, z: Tensor, x: Tensor) -> Frame:
        """One level in both spaces, and what one denoising call recovers from the latents."""
        part = z - level.alpha * self.z
        noisy, (guess, pure) = self.decoded(z), guesses(self.model, self.denoise, level, z, part)
        ratio = psnr(guess, self.x)
        numbers = {"spread": part.std().item(), "psnr": ratio, "psnr_vae": self.kept}
        say: list[Any] = [here(level, noise_power(level, self.z))]
        if level.sigma:
            without = psnr(pure, self.x)
            numbers["psnr_noise"] = without
            say.append(self.verdict(ratio, without))
        else:
            say.append(said("noise.round_trip", ratio=self.kept))
        error = 2 * (guess - self.x).mean(1, keepdim=True)
        pictures = {
            "x_t": pixels_uri((x + 1) / 2),
            "decoded": pixels_uri(noisy),
            "z_t": signed_uri(z),
            "guess": pixels_uri(guess),
            "error": signed_uri(error, limit=1.0),
        }
        return Frame(
            pictures=pictures, say=say, pos=place(level), numbers=of_level(level) | numbers
        )

    def verdict(self, ratio: float, without: float) -> Say:
        """The quality of a decoded guess, against what the VAE keeps at best."""
        if ratio - without < FEW:
            return said(
                "noise.verdict.prompt" if self.prompt else "noise.verdict.none", ratio=without
            )
        if ratio > self.kept - 3:
            return said("noise.verdict.vae")
        return said("noise.verdict.most" if ratio > MOST else "noise.verdict.blurred")


def here(level: Level, share: float) -> Say:
    """The beginning of every sentence: the level, and how much of the power is noise."""
    if not level.sigma:
        return said("noise.clean")
    return said("noise.level", t=level.t, share=share)


def guesses(
    model: Model, denoise: Denoiser, level: Level, x: Tensor, part: Tensor
) -> tuple[Tensor, Tensor]:
    """What one call sees in x, and what it sees in the same noise without the picture.

    As pixels on the CPU. Pure noise has the power that the level has for data of variance 1. At
    the clean end there is no noise: both are x itself.
    """
    if not level.sigma:
        seen = torch.cat([x, x]) / level.alpha
    else:
        pure = part * (level.alpha**2 + level.sigma**2) ** 0.5 / level.sigma
        seen = denoise(torch.cat([x, pure]), level).x0
    first, second = model.pixels(seen).cpu().split(len(x))
    return first, second


def verdict(ratio: float, without: float, remembers: bool) -> Say:
    """The quality of a guess of a digit; `without` is that of the guess from pure noise."""
    if ratio - without < FEW:
        return said("noise.verdict.none", ratio=without)
    if remembers and ratio < NEARLY:
        return said("noise.verdict.remembers")
    if ratio > NEARLY:
        return said("noise.verdict.exactly")
    return said("noise.verdict.most" if ratio > MOST else "noise.verdict.blurred")
