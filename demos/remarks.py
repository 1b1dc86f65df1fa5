"""Inversions and edits in words: what the last tab says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from core.classifiers import read_digits, read_scenes
from core.data.captions import parse, unknown
from core.data.emoji import Scene, options
from core.inversion import start_index
from core.metrics import neighbour_correlation, psnr, ssim
from core.models import MODELS, Model
from core.schedules import Level
from demos.plots import decibel, noise_share, percent, short

GUIDANCE = "0: prompt or label does nothing; 1 none"  # then what a higher one does


def never_seen(model: str, prompt: str) -> str:
    """Which words of a prompt the embedded text-to-image model was not trained with, if any."""
    said = []
    for word, near in list(unknown(prompt).items() if MODELS[model].data == "scenes" else [])[:3]:
        known = f"; {', '.join(near)} {'is' if len(near) == 1 else 'are'}" if near else ""
        said.append(f"“{word}”: not in this model's vocabulary{known}.")
    return " ".join(said)


def at_guidance(model: str, guidance: float) -> str:
    """A guidance in words, and below 1 what it does to the prompt or label.

    eps = eps_u + w (eps_c - eps_u): w = 0 leaves nothing of the condition, w = 1 all of it. A
    model that is told the guidance has no such sum.
    """
    card, said = MODELS[model], f"guidance {guidance:g}"
    if guidance >= 1 or card.told:
        return said
    word = "prompt" if card.condition == "text" else "label"
    does = "does nothing" if guidance == 0 else f"counts {percent(guidance)}"
    return f"{said} (the {word} {does})"


def noise_text(model: Model, x: Tensor) -> str:
    """Whether it looks like noise."""
    mean, spread = short(x.mean().item()), short(x.std().item())
    alike = short(neighbour_correlation(x))
    said = (
        f"mean {mean}, spread {spread}, correlation of neighbours {alike}; "
        "true noise has 0, 1 and 0."
    )
    if model.card.space == "latents":
        said += " Its channels are shown side by side, orange −3, white 0, blue +3."
    return said


def inflated(settings: dict[str, Any]) -> str:
    """What to doubt in an inversion with guidance, where nothing corrects it."""
    if settings["invert_guidance"] == 1 or not settings["method"].startswith("ddim"):
        return ""
    return (
        "Guidance breaks DDIM inversion: up and down no longer undo each other. Compare with "
        "guidance 1, or with a method that is exact."
    )


def compared(made: Tensor, start: Tensor, pixels: Tensor) -> str:
    """PSNR and SSIM of a reconstruction: against what was inverted, and a real picture."""
    ratio, alike = psnr(made, start), f"SSIM {ssim(made, start):.3f}"
    if start.equal(pixels):
        return f"PSNR {decibel(ratio)} and {alike} against the picture. {verdict(ratio)}"
    own, copy = decibel(psnr(made, pixels)), decibel(psnr(start, pixels))
    return (
        f"PSNR {decibel(ratio)} and {alike} against the VAE's copy D(E(x)), {own} against the "
        f"picture itself (the copy has {copy}). {verdict(ratio)}"
    )


def kept_text(made: Sequence[Tensor], start: Tensor, pixels: Tensor) -> str:
    """How much of the picture an edit and SDEdit keep."""
    ours, theirs = (decibel(psnr(each, start)) for each in made)
    against = "the picture" if start.equal(pixels) else "the VAE's copy of the picture"
    return f"PSNR to {against} {ours}, SDEdit {theirs}; more means that more was kept."


def reading(model: Model, pixels: Tensor) -> str:
    """The digit, or the caption, that the shipped classifier reads; "" for other models."""
    x = 2 * pixels - 1
    if model.card.data == "mnist":
        return str(read_digits(x).argmax().item())
    if model.card.data != "scenes":
        return ""
    known = options()
    seen = {head: known[head][scores.argmax()] for head, scores in read_scenes(x).items()}
    return Scene(**seen).caption()


def meaning(model: Model, target: str) -> str:
    """What the classifier should read where the edit succeeds; "" where that is not known."""
    if model.card.condition == "label":
        return target
    try:
        return parse(target).caption()
    except ValueError:
        return ""


def read_text(model: Model, made: Tensor, asked: str) -> str:
    """What the shipped classifier reads in an edit; nothing where there is none."""
    read, wanted = reading(model, made), meaning(model, asked)
    if not read:
        return ""
    but = f", where {words(model, wanted)} was asked for" if wanted and read != wanted else ""
    return f" The classifier reads {words(model, read)}{but or (', as asked' if wanted else '')}."


def masked_text(mask: Tensor | None) -> str:
    """How much of a picture a mask lets change."""
    if mask is None:
        return ""
    share = percent(mask.mean().item())
    return f" {share} of the picture may change: where it is bright on the left."


def verdict(ratio: float) -> str:
    """A PSNR in words."""
    if ratio > 30:
        return "No difference to be seen."
    if ratio > 25:
        return "Small differences."
    return "Clear differences." if ratio > 18 else "A different picture."


def words(model: Model, asked: str) -> str:
    """A label or a prompt in words."""
    return model.describe(asked)


def start_text(levels: list[Level] | None, strength: float) -> str:
    """The level that an edit starts at, of levels from clean to noisy: how much is noise."""
    if levels is None:
        return "how far up the edit starts: 0 the picture, 1 pure noise"
    steps = len(levels) - 1
    start = start_index(strength, steps)
    return (
        f"step {start} of {steps}: {percent(noise_share(levels[start]))} of the variance is noise"
    )
