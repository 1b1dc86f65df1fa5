"""Steps 1 and 2 of the last tab: a picture is inverted to noise and reconstructed."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from torch import Tensor

from core.data.captions import EXAMPLES
from core.images import from_pil, pixels_uri
from core.inversion import INVERSIONS, Inversion
from core.metrics import psnr, rms
from core.models import MODELS, Model
from demos import checks, sources, widgets
from demos.gpu import loaded
from demos.library import picked
from demos.methods import why_not
from demos.plots import place, signal_curve
from demos.prompts import doubts
from demos.reel import Reel
from demos.remarks import at_guidance, compared, inflated, noise_text, words
from demos.server.work import network_seconds, takes
from demos.stages import BACK, NOISE, Stage, panels_of
from demos.views import Kept

INVERTING = ("Inverting with", "Inverted", "Reconstructing with", "Reconstructed")
SAYINGS = {"sdedit": ("Adding random noise to", "Noised", "Denoising with", "Denoised")}


@dataclass(frozen=True, eq=False)
class Session:
    """What the tab remembers between inverting and editing.

    Attributes:
        inversion: what the method left behind.
        x0: the clean latents that were inverted.
        start: what they stand for, D(E(x)) of latents, in pixels.
        pixels: the picture itself, (1, 1 or 3, H, W) in [0, 1].
        off: how far off the way up the way back is, the RMS at every level from the noise down.
        back: PSNR of the reconstruction in dB, against what was inverted.
        kept: the run of the inversion.
        shown: the run that the player shows: that of the inversion, or of the last edit.
        edited: what the last edit made of the picture, in pixels; None before it.
    """

    inversion: Inversion
    x0: Tensor
    start: Tensor
    pixels: Tensor
    off: list[float]
    back: float
    kept: Kept
    shown: Kept
    edited: Tensor | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of its runs and its trajectory."""
        runs = {id(run): run.nbytes for run in (self.kept, self.shown)}
        return sum(runs.values()) + sum(x.nbytes for x in self.inversion.trajectory)


def seconds(model, method, steps, invert_guidance, **_: Any) -> float:
    """How long an inversion and its reconstruction take on one core, from what was sent."""
    calls = INVERSIONS[method].calls(steps, 1.0) * (1 if invert_guidance == 1 else 2)
    return network_seconds(model, calls)


@takes(seconds)
def invert(
    model: str = "digits",
    source: str = "test digit",
    digit: int = 4,
    index: int = 0,
    caption: str = EXAMPLES[0],
    library: str | None = None,
    picture: Any = None,
    drawing: Any = None,
    generated: Any = None,
    label: str = "4",
    prompt: str | None = None,
    method: str = "ddim",
    steps: int = 30,
    seed: int = 0,
    invert_guidance: float = 1.0,
) -> Iterator[tuple[Any, Any]]:
    """Carry a picture to noise and reconstruct it; streams both ways.

    Args:
        model: digits, emoji, another text-to-image model, or exact (SDEdit only).
        source: test digit, library, upload, drawing or generated; for text-to-image models
            scene, library, upload or generated.
        digit: label of the test digit, 0..9.
        index: which of the test digits with this label, 0..799.
        caption: the scene, such as "dog face on a blue background".
        library: prompt or label of a picture of the library; none is its first.
        picture: the uploaded picture; at most 16 megapixels.
        drawing: the drawn picture.
        generated: the picture sent from the sampler, with the name of its model.
        label: what the picture shows, "0" .. "9", or "" for any digit; for models of digits.
        prompt: what the picture shows, for models that read text; none is the scene's caption or
            the library's.
        method: ddim, ddim_current, sdedit, fixed_point, anderson, residual, edit_friendly,
            negative_prompt, proximal, null_text, prompt_to_prompt, edict or belm.
        steps: 2..500.
        seed: of the noise of sdedit and edit_friendly, 0..4294967295.
        invert_guidance: classifier-free guidance on the way up and in the reconstruction, 0..20.
    """
    raw = locals()
    settings = checked(raw)
    chosen = loaded(settings["model"], report=gr.Info)
    x0, pixels = taken(chosen, settings, raw)
    key = json.dumps(settings), *(each.cpu().numpy().tobytes() for each in (x0, pixels))
    known = REMEMBERED.get(key)
    if known is None:
        yield gr.skip(), None
        known = yield from computed(chosen, settings, x0, pixels)
        REMEMBERED.keep(key, known)
    yield known.kept.message, known


def inverted(session: Session | None, then: str) -> Session:
    """The session; where there is none yet, ValueError says what can be done with one."""
    if session is None:
        raise ValueError(
            f"invert a picture first (the page opens with a recorded one); then {then}"
        )
    return session


class Remembered:
    """The latest inversions, for all learners at once, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        """Nothing yet; `limit` in bytes."""
        self.limit, self.sessions = limit, OrderedDict[Any, Session]()
        self.lock = threading.Lock()

    def get(self, key: Any) -> Session | None:
        """The inversion with this key, if it is still here."""
        return self.sessions.get(key)

    def keep(self, key: Any, session: Session) -> None:
        """Remember an inversion; the oldest make room for it."""
        with self.lock:
            self.sessions[key] = session
            total = sum(each.nbytes for each in self.sessions.values())
            while total > self.limit:
                total -= self.sessions.popitem(last=False)[1].nbytes


REMEMBERED = Remembered(200_000_000)


def computed(model: Model, settings: dict[str, Any], x0: Tensor, pixels: Tensor):
    """Stream the inversion and the reconstruction; returns what is remembered of them."""
    up = INVERSIONS[settings["method"]].up(settings["steps"], settings["invert_guidance"])
    reel = reel_of(model, settings, total=up + settings["steps"] + 2, strip=NOISE)
    warn = doubts(settings["model"], settings.get("prompt", "")) or inflated(settings)
    stage = Stage(model, reel, [pixels_uri(pixels)], warn)
    start = model.pixels(x0).cpu()
    inversion, made = yield from there_and_back(stage, x0, start, pixels, settings)
    kept, back = stage.finished(), psnr(made, start)
    return Session(inversion, x0, start, pixels, stage.off, back, kept, kept)


def models() -> list[tuple[str, str]]:
    """(title, name) of the models that can be asked for something."""
    return [choice for choice in widgets.model_choices() if MODELS[choice[1]].condition != "none"]


def checked(raw: dict[str, Any]) -> dict[str, Any]:
    """The settings that repeat an inversion; ValueError, one sentence, for what cannot be run."""
    name = checks.choice(raw["model"], "Model", [name for _, name in models()])
    settings = {"model": name, **asked_and_shown(raw, MODELS[name].condition)}
    settings |= {
        "method": checks.choice(raw["method"], "Method", list(INVERSIONS)),
        "steps": checks.whole(raw["steps"], "Steps", 2, 500),
        "seed": checks.whole(raw["seed"], "Seed", 0, 2**32 - 1),
        "invert_guidance": checks.real(raw["invert_guidance"], "Inversion guidance", 0, 20),
    }
    refusal = why_not(name, settings["method"])
    if refusal:
        raise ValueError(refusal)
    if INVERSIONS[settings["method"]].needs_gradients and settings["invert_guidance"] == 1:
        raise ValueError(
            "null-text fits the empty prompt for one guidance, and at 1 nothing is asked of "
            "it; choose an inversion guidance such as 7.5"
        )
    return settings


def asked_and_shown(raw: dict[str, Any], prompts: str) -> dict[str, Any]:
    """The picture, and the label or the prompt that says what it shows."""
    source = checks.choice(raw["source"], "Picture", sources.SOURCES[prompts])
    settings: dict[str, Any] = {"source": source}
    caption = checks.text(raw["caption"], "Scene", 200)
    if source == "test digit":
        settings |= {
            "digit": checks.whole(raw["digit"], "Digit", 0, 9),
            "index": checks.whole(raw["index"], "Number", 0, 799),
        }
    elif source == "scene":
        settings["caption"] = caption
    elif source == "library":
        settings["library"] = picked(prompts, raw["library"]).prompt
    if prompts != "text":
        return settings | {"label": one_label(raw["label"], "Label")}
    prompt = raw["prompt"]
    if prompt is None:
        prompt = settings.get("caption", settings.get("library"))
    return settings | {"prompt": checks.text(prompt, "Source prompt")}


def one_label(value: Any, name: str) -> str:
    """A label of the digits; ValueError otherwise."""
    return checks.choice(value, name, [label for _, label in widgets.LABELS])


def taken(model: Model, settings: dict[str, Any], raw: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """The clean latents to invert, and the pixels of the picture that they stand for."""
    source = settings["source"]
    if source == "generated":
        x0 = sent(model, raw["generated"])
    elif model.card.space == "latents":
        image = sources.in_colour(
            model, source, settings.get("caption"), raw["picture"], settings.get("library")
        )
        return model.encode([image]), from_pil(image, "RGB")
    else:
        picture = raw["drawing" if source == "drawing" else "picture"]
        which = {key: settings[key] for key in ("digit", "index", "library") if key in settings}
        x0 = sources.chosen(model, source, picture=picture, **which)
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


def there_and_back(
    stage: Stage, x0: Tensor, start: Tensor, pixels: Tensor, settings: dict[str, Any]
):
    """Stream the inversion and the reconstruction; returns the Inversion and the pixels."""
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
    said = f"{there}: {noise_text(model, end)}"
    stage.rest({NOISE: (end, None)}, inversion.levels[-1], said)
    back = yield from stage.streamed(
        method.edit(inversion, asked, strength=1.0),
        BACK,
        f"{down} {words(model, asked)}",
        inversion.trajectory,
    )
    stage.off.append(rms(back - x0))
    made = model.pixels(back).cpu()
    said = f"{back_again}: {compared(made, start, pixels)}"
    stage.rest({BACK: (back, made)}, inversion.levels[0], said)
    return inversion, made


def reel_of(model: Model, settings: dict[str, Any], total: int, strip: int) -> Reel:
    """An empty reel for a run of this tab."""
    shown = (settings.get(key) for key in ("digit", "index", "caption", "library"))
    picture = sources.words(settings["source"], *shown)
    return Reel(
        panels_of(model, settings["method"]),
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
    at = "" if guidance == 1 else f" at {at_guidance(settings['model'], guidance)}"
    return f"{picture}, {settings['method']}{at}, {settings['steps']} steps"
