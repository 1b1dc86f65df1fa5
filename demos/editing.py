"""Step 3 of the last tab: the noise of a picture is sampled again as something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from core.images import pixels_uri, to_pil
from core.inversion import INVERSIONS, difference_mask, start_index
from core.models import Model
from demos import checks, painting
from demos.inverting import Session, inverted, one_label, reel_of
from demos.plots import decibel
from demos.prompts import doubts
from demos.remarks import at_guidance, inflated, kept_text, masked_text, read_text, words
from demos.server.work import network_seconds, takes
from demos.stages import EDIT, PICTURE, RANDOM, Stage
from demos.views import decoded

TARGET = "fox on a blue background"
MASKS = ("everywhere", "automatic", "drawn")
SIDE = 336  # pixels of the pictures before and after, at most


def seconds(session: Session | None, **_: Any) -> float:
    """How long an edit and SDEdit beside it take on one core, at most."""
    if session is None:
        return 0.0
    inversion = session.inversion
    down = INVERSIONS[inversion.method].calls_down + 1
    return network_seconds(inversion.model.card.name, 2 * down * len(inversion.levels))


@takes(seconds)
def edit(
    session: Session | None = None,
    target: str = "9",
    target_prompt: str = TARGET,
    guidance: float = 3.0,
    strength: float = 0.8,
    sdedit_seed: int = 1,
    mask: str = MASKS[0],
    painted: Any = None,
) -> Iterator[tuple[Any, Any]]:
    """Sample the inverted noise again as something else, SDEdit beside it; streams both.

    Args:
        session: what `invert` left behind.
        target: the label to turn a digit into, "0" .. "9", or "" for any digit.
        target_prompt: the text to turn a picture into, for models that read text.
        guidance: classifier-free guidance of the edit in 0..20; 1 is none.
        strength: start level as a share of the steps in 0..1; 0 changes nothing.
        sdedit_seed: seed of SDEdit's noise, 0..4294967295.
        mask: everywhere; automatic: only where the two prompts see different noise; or drawn.
        painted: where it may change: a picture, opaque (or white, if it is opaque all over) there.
    """
    raw = locals()
    session = inverted(session, "it can be edited")
    inversion = session.inversion
    chosen = wanted(inversion.model, raw)
    start = start_index(chosen["strength"], len(inversion.levels) - 1)
    before = session.kept.message
    total = len(before["frames"]) + start + 1
    reel = reel_of(inversion.model, before["settings"] | chosen, total, strip=EDIT)
    warn = doubts(inversion.model.card.name, chosen.get("target_prompt", ""))
    warn = warn or inflated(before["settings"])
    stage = Stage(inversion.model, reel, before["frames"][-1]["pictures"][:EDIT], warn)
    stage.copy(session.kept)
    stage.known = [("reconstruction", decibel(session.back))]
    where = mask_of(session, chosen, painted)
    ends = yield from both_edits(stage, session, chosen, start, where)
    made = [inversion.model.pixels(end).cpu() for end in ends]
    said = edited_text(session, asked_of(chosen), chosen["guidance"], made) + masked_text(where)
    panels = zip((EDIT, RANDOM), zip(ends, made, strict=True), strict=True)
    stage.rest(dict(panels), inversion.levels[0], said)
    kept = stage.finished()
    yield kept.message, replace(session, shown=kept, edited=made[0])


def edited_text(session: Session, asked: str, guidance: float, made: list[Tensor]) -> str:
    """What has become of the picture, and of SDEdit's."""
    model = session.inversion.model
    same = asked == session.inversion.prompt
    verb = "Sampled again, nothing edited, with" if same else "Edited to"
    kept = kept_text(made, session.start, session.pixels)
    read = read_text(model, made[0], "" if same else asked)
    at = f" at {at_guidance(model.card.name, guidance)}" if guidance < 1 else ""
    return f"{verb} {words(model, asked)}{at}: {kept}{read}"


def wanted(model: Model, raw: dict[str, Any]) -> dict[str, Any]:
    """The settings that repeat an edit; ValueError, one sentence, for what cannot be run."""
    return ways(model, raw) | {
        "sdedit_seed": checks.whole(raw["sdedit_seed"], "Seed", 0, 2**32 - 1),
        "mask": checks.choice(raw["mask"], "Mask", MASKS),
    }


def ways(model: Model, raw: dict[str, Any]) -> dict[str, Any]:
    """The target, the guidance and the start level; ValueError, one sentence, otherwise."""
    if model.card.condition == "text":
        target = {"target_prompt": checks.text(raw["target_prompt"], "Target prompt")}
    else:
        target = {"target": one_label(raw["target"], "Target label")}
    return target | {
        "guidance": checks.real(raw["guidance"], "Guidance", 0, 20),
        "strength": checks.real(raw["strength"], "Strength", 0, 1),
    }


def asked_of(chosen: dict[str, Any]) -> str:
    """The target of an edit: a prompt, or a label."""
    return chosen["target_prompt"] if "target_prompt" in chosen else chosen["target"]


def mask_of(session: Session, chosen: dict[str, Any], painted: Any) -> Tensor | None:
    """Where an edit may change the latents; None is everywhere."""
    if chosen["mask"] == "drawn":
        return painting.painted(painted, session.x0)
    if chosen["mask"] == "automatic":
        inversion = session.inversion
        return difference_mask(inversion.model, session.x0, inversion.prompt, asked_of(chosen))
    return None


def both_edits(
    stage: Stage, session: Session, chosen: dict[str, Any], start: int, mask: Tensor | None
):
    """Stream the edit and SDEdit from the same level; returns their ends."""
    inversion, x0, asked = session.inversion, session.x0, asked_of(chosen)
    if mask is not None:
        stage.pictures[PICTURE] = pixels_uri(dimmed(session.pixels, mask))
    steps, seed = len(inversion.levels) - 1, chosen["sdedit_seed"]
    random = INVERSIONS["sdedit"].invert(inversion.model, x0, steps=steps, seed=seed)
    noised = replace(inversion, trajectory=[x0, *(step.x_next for step in random)])
    how = {"guidance": chosen["guidance"], "strength": chosen["strength"], "mask": mask}
    pairs = zip(
        INVERSIONS[inversion.method].edit(inversion, asked, **how),
        INVERSIONS["sdedit"].edit(noised, asked, **how),
        strict=True,
    )
    said = words(inversion.model, asked)
    yield from stage.pairs(pairs, f"Editing to {said}, start level {start} of {steps}")
    return stage.last or (x0, x0)


def dimmed(pixels: Tensor, mask: Tensor) -> Tensor:
    """The picture, dark where the mask keeps it."""
    bright = F.interpolate(mask.float().cpu(), size=pixels.shape[-2:], mode="nearest")
    return pixels * (0.3 + 0.7 * bright)


def decode(session: Session | None, frame: Any) -> Any:
    """The message with the pictures of one frame decoded in full."""
    return decoded(session.shown if session else None, frame)


def before_after(*pixels: Tensor) -> tuple[Image.Image, ...]:
    """The picture and its edit, enlarged by a whole number for the slider."""
    images = [to_pil(each)[0] for each in pixels]
    times = max(1, SIDE // images[0].width)
    size = images[0].width * times, images[0].height * times
    return tuple(image.resize(size, Image.Resampling.NEAREST) for image in images)
