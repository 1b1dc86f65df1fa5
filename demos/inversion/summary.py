"""Inversions and edits in words: what is said where a stage comes to rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from core.classifiers import read_digits, read_scenes
from core.data.captions import parse
from core.data.emoji import Scene, options
from core.images import to_pil
from core.inversion import difference_mask, start_index
from core.metrics import neighbour_correlation, psnr, ssim
from core.models import Model
from core.schedules import Level
from core.tapes import Say
from demos.inversion.request import EditRequest, InvertRequest
from demos.inversion.session import Session
from demos.pictures.prompts import language_of
from demos.runs.archive import preview_uri
from demos.runs.asked import named_condition
from demos.views.html import saying, spoken
from demos.views.numbers import noise_power
from demos.words import said

SIDE = 336  # pixels of the pictures before and after, at most
TEXTURE = 0.015  # mean difference of neighbours in [0, 1], below which a background is flat
UNSEEN, SMALL, CLEAR = 30.0, 25.0, 18.0  # dB: of differences that cannot be seen, and so on


def noise_text(model: Model, x: Tensor, method: str) -> list[Say]:
    """Whether the end of the way up looks like noise."""
    numbers = {"mean": x.mean().item(), "spread": x.std().item()}
    numbers["alike"] = neighbour_correlation(x)
    say = [said("invert.noised" if method == "sdedit" else "invert.inverted", **numbers)]
    if model.card.space == "latents":
        say.append(said("invert.channels"))
    return say


def broken(request: InvertRequest, ratio: float) -> list[Say]:
    """What broke a reconstruction that can be told from the picture: guidance, if it was that."""
    guided = request.invert_guidance != 1 and request.method.startswith("ddim")
    return [said("invert.doubt.guidance")] if guided and ratio <= UNSEEN else []


def compared(made: Tensor, start: Tensor, pixels: Tensor, method: str) -> list[Say]:
    """PSNR and SSIM of a reconstruction: against what was inverted, and a real picture."""
    ratio, alike = psnr(made, start), ssim(made, start)
    key = "invert.denoised" if method == "sdedit" else "invert.reconstructed"
    values: dict[str, Any] = {"ratio": ratio, "ssim": alike}
    if start.equal(pixels):
        return [said(key), said("invert.against", **values), verdict(ratio)]
    values |= {"own": psnr(made, pixels), "copy": psnr(start, pixels)}
    return [said(key), said("invert.against.copy", **values), verdict(ratio)]


def verdict(ratio: float) -> Say:
    """A PSNR in words."""
    if ratio > UNSEEN:
        return said("verdict.unseen")
    if ratio > SMALL:
        return said("verdict.small")
    return said("verdict.clear" if ratio > CLEAR else "verdict.different")


def kept(made: Sequence[Tensor], start: Tensor, pixels: Tensor) -> Say:
    """How much of the picture an edit and SDEdit keep."""
    ours, theirs = (psnr(each, start) for each in made)
    key = "edit.kept" if start.equal(pixels) else "edit.kept.copy"
    return said(key, ours=ours, theirs=theirs)


def unasked(request: EditRequest, made: Sequence[Tensor], mask: Tensor | None) -> list[Say]:
    """How much an edit and SDEdit keep of what the two prompts see alike, in a textured picture.

    That is outside of the mask of DiffEdit (Couairon et al. 2023, section 3.2,
    https://arxiv.org/abs/2210.11427), which costs 20 network calls. Nothing of pictures without
    texture there, or where a mask has kept it.
    """
    session: Session = request.session
    before, asked = session.inversion.prompt, request.condition
    if mask is not None or not session.textured or asked == before:
        return []
    found = difference_mask(session.inversion.model, session.x0, before, asked).cpu()
    alike = F.interpolate(1 - found, session.start.shape[-2:]).expand_as(session.start) > 0
    inside = alike[..., 1:] & alike[..., :-1]
    if not inside.any() or session.start.diff(dim=-1)[inside].abs().mean() < TEXTURE:
        return []
    ours, theirs = (psnr(each[alike], session.start[alike]) for each in made)
    share = alike.float().mean().item()
    return [said("edit.unasked", share=share, ours=ours, theirs=theirs)]


def both_starts(request: EditRequest, ratio: float) -> list[Say]:
    """What the way down gives from its start level and from z_T, where all else is the same."""
    session: Session = request.session
    steps = len(session.inversion.levels) - 1
    start = start_index(request.strength, steps)
    ways = (request.condition, request.guidance, request.mask)
    same = ways == (session.inversion.prompt, session.request.invert_guidance, "everywhere")
    if not same or start in (0, steps):
        return []
    values = {"start": start, "steps": steps, "ratio": ratio, "back": session.back}
    return [said("edit.both_starts", **values)]


def reading(model: Model, pixels: Tensor, asked: str = "") -> str:
    """What the shipped classifier reads: a digit, or a caption in the language of `asked`.

    "" for models whose pictures it does not know.
    """
    x = 2 * pixels - 1
    if model.card.condition == "label":
        return str(read_digits(x).argmax().item())
    if model.card.data != "scenes":
        return ""
    known = options()
    seen = {head: known[head][scores.argmax()] for head, scores in read_scenes(x).items()}
    return Scene(**seen).caption(language_of(asked))


def meaning(model: Model, target: str) -> str:
    """What the classifier should read where the edit succeeds; "" where that is not known."""
    if model.card.condition == "label":
        return target
    try:
        return parse(target).caption(language_of(target))
    except ValueError:
        return ""


def read(model: Model, made: Tensor, asked: str, same: bool) -> list[Say]:
    """What the shipped classifier reads in an edit; nothing where there is none.

    Whether it is what was asked for is said unless that is the `same` as before.
    """
    seen, wanted = reading(model, made, asked), "" if same else meaning(model, asked)
    if not seen:
        return []
    values = {"read": named_condition(model.card, seen)}
    if not wanted:
        return [said("edit.read", **values)]
    if seen == wanted:
        return [said("edit.read.as_asked", **values)]
    return [said("edit.read.instead", wanted=named_condition(model.card, wanted), **values)]


def masked(mask: Tensor | None) -> list[Say]:
    """How much of a picture a mask lets change."""
    return [] if mask is None else [said("edit.masked", share=mask.float().mean().item())]


def start_text(levels: list[Level], strength: float, x0: Tensor, power: float) -> Say:
    """The level that an edit starts at, of levels from clean to noisy: how much is noise."""
    steps = len(levels) - 1
    start = start_index(strength, steps)
    share = noise_power(levels[start], x0, power)
    return said("edit.start", start=start, steps=steps, share=share)


def level_picture(session: Session, strength: float) -> str:
    """The picture at the level that an edit starts at, and how much of it is noise, as HTML."""
    inversion, model = session.inversion, session.inversion.model
    start = start_index(strength, len(inversion.levels) - 1)
    say: list[Say] = [start_text(inversion.levels, strength, session.x0, model.noise_power)]
    if not model.preview_exact:
        say.append(said("approximate"))
    uri = preview_uri(model, inversion.trajectory[start])
    alt = saying(said("edit.start.alt", start=start), "alt")
    return (
        f'<figure class="level-picture"><img src="{uri}"{alt}>{spoken(say, "figcaption")}</figure>'
    )


def before_after(*pixels: Tensor) -> tuple[Image.Image, ...]:
    """The picture and its edit, enlarged by a whole number for the slider."""
    images = [to_pil(each)[0] for each in pixels]
    times = max(1, SIDE // images[0].width)
    size = images[0].width * times, images[0].height * times
    return tuple(image.resize(size, Image.Resampling.NEAREST) for image in images)
