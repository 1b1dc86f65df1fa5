"""The runs of the last tab: a picture is inverted to noise, reconstructed, and edited."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from core.data.captions import EXAMPLES
from core.images import from_pil, pixels_uri, to_pil
from core.inversion import INVERSIONS, Inversion, difference_mask, start_index
from core.models import MODELS, LatentModel, Model
from demos import checks, sources, widgets
from demos.gpu import loaded
from demos.player import Reel
from demos.plots import place, signal_curve
from demos.remarks import compared, inflated, kept_text, masked_text, never_seen, noise_text, words
from demos.stages import BACK, EDIT, NOISE, PICTURE, Stage, panels_of
from demos.views import Kept, decoded

TARGET = "cat face on a blue background"
WHY_NOT = (
    "DDIM inversion of the exact denoiser is ill-posed: it knows finitely many digits, and off "
    "them the path to noise collapses or explodes. So the model exact has SDEdit only"
)
INVERTING = ("Inverting with", "Inverted", "Reconstructing with", "Reconstructed")
SAYINGS = {"sdedit": ("Adding random noise to", "Noised", "Denoising with", "Denoised")}
MASKS = ("everywhere", "automatic")
SIDE = 336  # pixels of the pictures before and after, at most


@dataclass(frozen=True, eq=False)
class Session:
    """What the tab remembers between inverting and editing.

    Attributes:
        inversion: what the method left behind.
        x0: the clean latents that were inverted.
        pixels: the picture itself, (1, 1 or 3, H, W) in [0, 1].
        kept: the run of the inversion.
        shown: the run that the player shows: that of the inversion, or of the last edit.
    """

    inversion: Inversion
    x0: Tensor
    pixels: Tensor
    kept: Kept
    shown: Kept


def invert(
    model: str = "digits",
    source: str = "test digit",
    digit: int = 4,
    index: int = 0,
    caption: str = EXAMPLES[0],
    picture: Any = None,
    drawing: Any = None,
    generated: Any = None,
    label: str = "4",
    prompt: str | None = None,
    method: str = "ddim",
    steps: int = 50,
    seed: int = 0,
    invert_guidance: float = 1.0,
) -> Iterator[tuple[Any, Any]]:
    """Carry a picture to noise and reconstruct it; streams both ways.

    Args:
        model: digits, emoji, another text-to-image model, or exact (SDEdit only).
        source: test digit, upload, drawing or generated; for text-to-image models scene, upload
            or generated.
        digit: label of the test digit, 0..9.
        index: which of the test digits with this label, 0..799.
        caption: the scene, such as "dog face on a blue background".
        picture: the uploaded picture; at most 16 megapixels.
        drawing: the drawn picture.
        generated: the picture sent from the sampler, with the name of its model.
        label: what the picture shows, "0" .. "9", or "" for any digit; for models of digits.
        prompt: what the picture shows, for models that read text; none is the scene's caption.
        method: ddim, ddim_current, sdedit, fixed_point, anderson, residual, edit_friendly,
            negative_prompt, proximal, null_text, edict or belm.
        steps: 2..500.
        seed: of the noise of sdedit and edit_friendly, 0..4294967295.
        invert_guidance: classifier-free guidance on the way up and in the reconstruction, 0..20.
    """
    raw = locals()
    settings = checked(raw)
    inverted = loaded(settings["model"], report=gr.Info)
    x0, pixels = taken(inverted, settings, raw)
    up = INVERSIONS[settings["method"]].up(settings["steps"], settings["invert_guidance"])
    reel = reel_of(inverted, settings, total=up + settings["steps"] + 2, strip=NOISE)
    warn = never_seen(settings["model"], settings.get("prompt", "")) or inflated(settings)
    stage = Stage(inverted, reel, [pixels_uri(pixels)], warn)
    inversion = yield from there_and_back(stage, x0, pixels, settings)
    kept = stage.finished()
    yield kept.message, Session(inversion, x0, pixels, kept, kept)


def models() -> list[tuple[str, str]]:
    """(title, name) of the models that can be asked for something."""
    return [choice for choice in widgets.model_choices() if MODELS[choice[1]].prompts]


def checked(raw: dict[str, Any]) -> dict[str, Any]:
    """The settings that repeat an inversion; ValueError, one sentence, for what cannot be run."""
    name = checks.choice(raw["model"], "Model", [name for _, name in models()])
    prompts = MODELS[name].prompts
    source = checks.choice(raw["source"], "Picture", sources.SOURCES[prompts])
    settings: dict[str, Any] = {"model": name, "source": source}
    caption = checks.text(raw["caption"], "Scene", 200)
    if source == "test digit":
        settings |= {
            "digit": checks.whole(raw["digit"], "Digit", 0, 9),
            "index": checks.whole(raw["index"], "Number", 0, 799),
        }
    elif source == "scene":
        settings["caption"] = caption
    if prompts == "text":
        shown = caption if source == "scene" and raw["prompt"] is None else raw["prompt"]
        settings["prompt"] = checks.text(shown, "Source prompt")
    else:
        settings["label"] = one_label(raw["label"], "Label")
    settings |= {
        "method": checks.choice(raw["method"], "Method", list(INVERSIONS)),
        "steps": checks.whole(raw["steps"], "Steps", 2, 500),
        "seed": checks.whole(raw["seed"], "Seed", 0, 2**32 - 1),
        "invert_guidance": checks.real(raw["invert_guidance"], "Inversion guidance", 0, 20),
    }
    if name == "exact" and settings["method"] != "sdedit":
        raise ValueError(f"{WHY_NOT}; choose the method sdedit, or the model digits.")
    if settings["method"] == "null_text":
        if prompts != "text":
            raise ValueError(
                "null-text fits the embedding of the empty prompt, and the model "
                f"{name} has none; choose the model emoji, or another method"
            )
        if settings["invert_guidance"] == 1:
            raise ValueError(
                "null-text fits the empty prompt for one guidance, and at 1 nothing is asked of "
                "it; choose an inversion guidance such as 7.5"
            )
    return settings


def one_label(value: Any, name: str) -> str:
    """A label of the digits; ValueError otherwise."""
    return checks.choice(value, name, [label for _, label in widgets.LABELS])


def taken(model: Model, settings: dict[str, Any], raw: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """The clean latents to invert, and the pixels of the picture that they stand for."""
    source = settings["source"]
    if source == "generated":
        x0 = sent(model, raw["generated"])
    elif isinstance(model, LatentModel):
        image = sources.in_colour(model, source, settings.get("caption"), raw["picture"])
        return model.encode([image]), from_pil(image, "RGB")
    else:
        picture = raw["drawing" if source == "drawing" else "picture"]
        x0 = sources.chosen(model, source, digit=raw["digit"], index=raw["index"], picture=picture)
    return x0, model.pixels(x0).cpu()


def sent(model: Model, generated: Any) -> Tensor:
    """The clean latents that the sampler sent; ValueError for another model's."""
    if generated is None:
        raise ValueError("no picture was sent yet: sample one in the tab Sample and send it")
    name, x0 = generated
    if name != model.card.name:
        raise ValueError(
            f"the picture that was sent was made by the model {name}, which alone can invert it; "
            f"choose the model {name}, or another picture"
        )
    return x0


def there_and_back(stage: Stage, x0: Tensor, pixels: Tensor, settings: dict[str, Any]):
    """Stream the inversion and the reconstruction; returns the Inversion."""
    model, asked = stage.model, settings.get("prompt") or settings.get("label", "")
    method, steps, seed = INVERSIONS[settings["method"]], settings["steps"], settings["seed"]
    up, there, down, back_again = SAYINGS.get(settings["method"], INVERTING)
    inversion = yield from stage.streamed(
        method.invert(
            model, x0, asked, steps=steps, seed=seed, guidance=settings["invert_guidance"]
        ),
        NOISE,
        f"{up} {words(model, asked)}",
    )
    end = inversion.trajectory[-1]
    stage.rest(end, inversion.levels[-1], NOISE, f"{there}: {noise_text(model, end)}")
    back = yield from stage.streamed(
        method.edit(inversion, asked, strength=1.0),
        BACK,
        f"{down} {words(model, asked)}",
        inversion.trajectory,
    )
    said = f"{back_again}: {compared(model, back, x0, pixels)}"
    stage.rest(back, inversion.levels[0], BACK, said)
    return inversion


def edit(
    session: Session | None = None,
    target: str = "9",
    target_prompt: str = TARGET,
    guidance: float = 3.0,
    strength: float = 0.8,
    sdedit_seed: int = 1,
    mask: str = MASKS[0],
) -> Iterator[tuple[Any, Any, Any]]:
    """Sample the inverted noise again as something else, SDEdit beside it; streams both.

    Args:
        session: what `invert` left behind.
        target: the label to turn a digit into, "0" .. "9", or "" for any digit.
        target_prompt: the text to turn a picture into, for models that read text.
        guidance: classifier-free guidance of the edit in 0..20; 1 is none.
        strength: start level as a share of the steps in 0..1; 0 changes nothing.
        sdedit_seed: seed of SDEdit's noise, 0..4294967295.
        mask: everywhere, or automatic: only where the two prompts see different noise.
    """
    raw = locals()
    if not isinstance(session, Session):
        raise ValueError("invert a picture first; then it can be edited")
    inversion, x0 = session.inversion, session.x0
    chosen = wanted(inversion.model, raw)
    start, before = (
        start_index(chosen["strength"], len(inversion.levels) - 1),
        session.kept.message,
    )
    total = len(before["frames"]) + start + 1
    reel = reel_of(inversion.model, before["settings"] | chosen, total, strip=EDIT)
    warn = never_seen(inversion.model.card.name, chosen.get("target_prompt", ""))
    stage = Stage(inversion.model, reel, before["frames"][-1]["pictures"][:EDIT], warn)
    stage.copy(session.kept)
    ends, where = yield from both_edits(stage, session, chosen, start)
    kept_words = kept_text(inversion.model, ends, x0, session.pixels)
    said = f"Edited to {words(inversion.model, asked_of(chosen))}: {kept_words}"
    stage.rest_pair(ends, inversion.levels[0], said + masked_text(where))
    kept = stage.finished()
    pictures = before_after(session.pixels, inversion.model, ends[0])
    yield kept.message, pictures, replace(session, shown=kept)


def wanted(model: Model, raw: dict[str, Any]) -> dict[str, Any]:
    """The settings that repeat an edit; ValueError, one sentence, for what cannot be run."""
    if model.card.prompts == "text":
        chosen: dict[str, Any] = {
            "target_prompt": checks.text(raw["target_prompt"], "Target prompt")
        }
    else:
        chosen = {"target": one_label(raw["target"], "Target label")}
    return chosen | {
        "guidance": checks.real(raw["guidance"], "Guidance", 0, 20),
        "strength": checks.real(raw["strength"], "Strength", 0, 1),
        "sdedit_seed": checks.whole(raw["sdedit_seed"], "Seed", 0, 2**32 - 1),
        "mask": checks.choice(raw["mask"], "Mask", MASKS),
    }


def asked_of(chosen: dict[str, Any]) -> str:
    """The target of an edit: a prompt, or a label."""
    return chosen["target_prompt"] if "target_prompt" in chosen else chosen["target"]


def both_edits(stage: Stage, session: Session, chosen: dict[str, Any], start: int):
    """Stream the edit and SDEdit from the same level; returns their ends, and the mask if any."""
    inversion, x0, asked = session.inversion, session.x0, asked_of(chosen)
    mask = None
    if chosen["mask"] == "automatic":
        mask = difference_mask(inversion.model, x0, inversion.prompt, asked)
        stage.pictures[PICTURE] = pixels_uri(dimmed(session.pixels, mask))
    steps, seed = len(inversion.levels) - 1, chosen["sdedit_seed"]
    random = INVERSIONS["sdedit"].invert(inversion.model, x0, steps=steps, seed=seed)
    noised = replace(inversion, trajectory=[x0, *(step.x_next for step in random)])
    ways = {"guidance": chosen["guidance"], "strength": chosen["strength"], "mask": mask}
    pairs = zip(
        INVERSIONS[inversion.method].edit(inversion, asked, **ways),
        INVERSIONS["sdedit"].edit(noised, asked, **ways),
        strict=True,
    )
    said = words(inversion.model, asked)
    yield from stage.pairs(pairs, f"Editing to {said}, start level {start} of {steps}")
    return stage.last or (x0, x0), mask


def dimmed(pixels: Tensor, mask: Tensor) -> Tensor:
    """The picture, dark where the mask keeps it."""
    bright = F.interpolate(mask.float().cpu(), size=pixels.shape[-2:], mode="nearest")
    return pixels * (0.3 + 0.7 * bright)


def decode(session: Session | None, frame: Any) -> Any:
    """The message with the pictures of one frame decoded in full."""
    return decoded(session.shown if session else None, frame)


def reel_of(model: Model, settings: dict[str, Any], total: int, strip: int) -> Reel:
    """An empty reel for a run of this tab."""
    shown = (settings.get(key) for key in ("digit", "index", "caption"))
    picture = sources.words(settings["source"], *shown)
    return Reel(
        panels_of(model),
        total=total,
        title=title_of(picture, settings),
        settings=settings,
        curve=signal_curve(),
        ticks=[place(level) for level in model.schedule.levels(settings["steps"])],
        strip=strip,
    )


def title_of(picture: str, settings: dict[str, Any]) -> str:
    """The run in a few words."""
    guidance = settings["invert_guidance"]
    guided = "" if guidance == 1 else f" at guidance {guidance:g}"
    return f"{picture}, {settings['method']}{guided}, {settings['steps']} steps"


def before_after(pixels: Tensor, model: Model, x: Tensor) -> tuple[Image.Image, ...]:
    """The picture and its edit, enlarged by a whole number for the slider."""
    side = model.size * max(1, SIDE // model.size)
    images = (to_pil(pixels)[0], *model.decode(x))
    return tuple(image.resize((side, side), Image.Resampling.NEAREST) for image in images)
