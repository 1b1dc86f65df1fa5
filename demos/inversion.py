"""Tab 4: a real digit is inverted to noise, reconstructed, and edited."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from torch import Tensor

from core.images import BLANK, gray_uri
from core.inversion import INVERSIONS, Inversion, start_index
from core.metrics import psnr
from core.models import Model, load
from demos import sources, widgets
from demos.player import Panel, Player, Reel
from demos.plots import place, short, signal_curve
from demos.stages import Stage

TITLE = "Invert & edit"
MODELS = ("digits", "exact")  # those that know labels
LEAD = (
    "**From a real picture to its noise and back, then back as another digit.** Inversion runs "
    "the sampler uphill; the same noise sampled down again gives the picture back. Sampled down "
    "with another label it gives an edit that keeps the handwriting. Beside it SDEdit, which adds "
    "random noise instead: compare what is kept."
)
PANELS = (
    Panel("x₀", "picture"),
    Panel("xₜ ↑", "1 invert: picture to noise", "noise"),
    Panel("xₜ ↓", "2 reconstruct", "signal", phone=False),
    Panel("xₜ ↓", "3 edit", "difference"),
    Panel("xₜ ↓", "SDEdit: random noise", "", phone=False),
)
WHY_NOT = (
    "DDIM inversion of the exact denoiser is ill-posed: it knows finitely many digits, and off "
    "them the path to noise collapses or explodes. So the model exact has SDEdit only"
)


@dataclass(frozen=True, eq=False)
class Session:
    """What the tab remembers between inverting and editing."""

    inversion: Inversion
    picture: Tensor
    frames: list[dict]
    settings: dict[str, Any]


def invert(
    model: str = "digits",
    source: str = "test digit",
    digit: int = 4,
    index: int = 0,
    picture: Any = None,
    drawing: Any = None,
    generated: Any = None,
    label: str = "4",
    method: str = "ddim",
    steps: int = 50,
    seed: int = 0,
) -> Iterator[tuple[dict, Any]]:
    """Carry a digit to noise and reconstruct it; streams both ways.

    Args:
        model: digits, or exact (SDEdit only).
        source: test digit, upload, drawing or generated.
        digit: label of the test digit, 0..9.
        index: which of the test digits with this label, 0..799.
        picture: the uploaded picture; at most 16 megapixels.
        drawing: the drawn picture.
        generated: the picture sent from the sampler.
        label: what the picture shows, "0" .. "9", or "" for any digit.
        method: ddim (target label), ddim_current (current label) or sdedit.
        steps: 2..500.
        seed: of the noise of sdedit, 0..4294967295.
    """
    settings = {key: value for key, value in locals().items() if key in SHOWN}
    settings |= checked(model, label, method, steps, seed)
    x0 = taken_from(source, digit, index, picture, drawing, generated)
    loaded = load(settings["model"])
    reel = reel_of(loaded, settings, total=2 * (settings["steps"] + 1))
    stage = Stage(loaded, reel, [gray_uri(loaded.pixels(x0)), *[BLANK] * 4])
    inversion = yield from there_and_back(stage, x0, settings)
    message = reel.whole()
    yield message, Session(inversion, x0, message["frames"], settings)


INVERTING = ("Inverting with", "Inverted", "Reconstructing with", "Reconstructed")
SAYINGS = {"sdedit": ("Adding random noise to", "Noised", "Denoising with", "Denoised")}
SHOWN = ("source", "digit", "index")


def checked(model: Any, label: Any, method: Any, steps: Any, seed: Any) -> dict[str, Any]:
    """The settings of an inversion; ValueError, one sentence, for what cannot be run."""
    settings = {
        "model": widgets.choice(model, "Model", MODELS),
        "label": widgets.choice(label, "Label", [value for _, value in widgets.LABELS]),
        "method": widgets.choice(method, "Method", list(INVERSIONS)),
        "steps": widgets.whole(steps, "Steps", 2, 500),
        "seed": widgets.whole(seed, "Seed", 0, 2**32 - 1),
    }
    if settings["model"] == "exact" and settings["method"] != "sdedit":
        raise ValueError(f"{WHY_NOT}; choose the method sdedit, or the model digits.")
    return settings


def there_and_back(stage: Stage, x0: Tensor, settings: dict[str, Any]):
    """Stream the inversion and the reconstruction; returns the Inversion."""
    model, label = stage.model, settings["label"]
    method = INVERSIONS[settings["method"]]
    up, there, down, back_again = SAYINGS.get(settings["method"], INVERTING)
    inversion = yield from stage.streamed(
        method.invert(model, x0, label, steps=settings["steps"], seed=settings["seed"]),
        1,
        f"{up} {words(label)}",
    )
    end = inversion.trajectory[-1]
    stage.rest(end, inversion.levels[-1], 1, f"{there}: {noise_text(end)}")
    back = yield from stage.streamed(
        method.edit(inversion, label, strength=1.0), 2, f"{down} {words(label)}"
    )
    ratio = psnr(model.pixels(back), model.pixels(x0))
    said = f"{back_again}: PSNR {decibel(ratio)} against the picture. {verdict(ratio)}"
    stage.rest(back, inversion.levels[0], 2, said)
    return inversion


def edit(
    session: Session | None = None,
    target: str = "9",
    guidance: float = 3.0,
    strength: float = 0.8,
    sdedit_seed: int = 1,
) -> Iterator[tuple[dict, Any]]:
    """Sample the inverted noise again with another label, SDEdit beside it; streams both.

    Args:
        session: what `invert` left behind.
        target: the label to turn the digit into, "0" .. "9", or "" for any digit.
        guidance: classifier-free guidance of the edit in 0..20; 1 is none.
        strength: start level as a share of the steps in 0..1; 0 changes nothing.
        sdedit_seed: seed of SDEdit's noise, 0..4294967295.
    """
    if not isinstance(session, Session):
        raise ValueError("invert a picture first; then it can be edited")
    target = widgets.choice(target, "Target label", [value for _, value in widgets.LABELS])
    guidance = widgets.real(guidance, "Guidance", 0, 20)
    strength = widgets.real(strength, "Strength", 0, 1)
    seed = widgets.whole(sdedit_seed, "Seed", 0, 2**32 - 1)
    inversion, x0 = session.inversion, session.picture
    model, steps = inversion.model, len(inversion.levels) - 1
    chosen = dict(target=target, guidance=guidance, strength=strength, sdedit_seed=seed)
    start = start_index(strength, steps)
    reel = reel_of(model, session.settings | chosen, len(session.frames) + start + 1)
    for frame in session.frames:
        reel.copy(frame)
    stage = Stage(model, reel, [*session.frames[-1]["pictures"][:3], BLANK, BLANK])
    noised = replace(inversion, trajectory=random_path(model, x0, steps, seed))
    pair = zip(
        INVERSIONS[inversion.method].edit(inversion, target, guidance=guidance, strength=strength),
        INVERSIONS["sdedit"].edit(noised, target, guidance=guidance, strength=strength),
        strict=True,
    )
    yield from stage.pairs(pair, f"Editing to {words(target)}, start level {start} of {steps}")
    ends = stage.last or (x0, x0)
    kept = [psnr(model.pixels(each), model.pixels(x0)) for each in ends]
    stage.rest_pair(
        ends,
        inversion.levels[0],
        f"Edited to {words(target)}: PSNR to the picture {decibel(kept[0])}, "
        f"SDEdit {decibel(kept[1])}; more means that more was kept.",
    )
    yield reel.whole(), before_after(model, x0, ends[0])


def taken_from(source, digit, index, picture, drawing, generated) -> Tensor:
    """The picture to invert, put right, (1, 1, 28, 28) in [-1, 1]."""
    if source == "generated":
        if not isinstance(generated, Tensor):
            raise ValueError("no picture was sent yet: sample one in the tab Sample and send it")
        return generated
    return sources.chosen(source, digit, index, drawing if source == "drawing" else picture)


def random_path(model: Model, x0: Tensor, steps: int, seed: int) -> list[Tensor]:
    """SDEdit's noisy pictures of x0 at every level."""
    made = INVERSIONS["sdedit"].invert(model, x0, steps=steps, seed=seed)
    return [x0, *(step.x_next for step in made)]


def reel_of(model: Model, settings: dict[str, Any], total: int) -> Reel:
    """An empty reel for a run of this tab."""
    picture = sources.words(settings["source"], settings["digit"], settings["index"])
    return Reel(
        PANELS,
        total=total,
        title=f"{picture}, {settings['method']}, {settings['steps']} steps",
        settings=settings,
        curve=signal_curve(),
        ticks=[place(level) for level in model.schedule.levels(settings["steps"])],
        strip=3 if "target" in settings else 1,
    )


def noise_text(x: Tensor) -> str:
    """Whether it looks like noise."""
    mean, spread = short(x.mean().item()), short(x.std().item())
    return f"mean {mean} and spread {spread}; true noise has 0 and 1."


def decibel(ratio: float) -> str:
    """A PSNR with its unit."""
    return "∞ dB" if ratio == float("inf") else f"{ratio:.1f} dB"


def verdict(ratio: float) -> str:
    """A PSNR in words."""
    if ratio > 30:
        return "No difference to be seen."
    return "Small differences." if ratio > 20 else "A different picture."


def words(label: str) -> str:
    """A label in words."""
    return f"label {label}" if label else "no label"


def before_after(model: Model, x0: Tensor, x: Tensor) -> tuple:
    """The picture and its edit, enlarged for the slider."""
    return tuple(model.decode(each)[0].resize((336, 336), 0) for each in (x0, x))


def build(shared: widgets.Shared) -> None:
    """Lay out the tab."""
    widgets.lead(LEAD)
    with gr.Row(elem_classes=["stepwise-columns"]):
        with gr.Column():
            inverting, buttons = invert_controls(shared)
            editing, edit_button = edit_controls()
        with gr.Column():
            player = Player(widgets.tape("inversion"), name="invert", panels=PANELS)
            slider = gr.ImageSlider(
                label="Before and after the edit: drag the line",
                height=380,
                type="pil",
                format="png",
                interactive=False,
                visible=False,
                elem_classes=["before-after"],
            )
    session = gr.State()
    widgets.wire("invert", widgets.shown(invert), inverting, [player, session], buttons)
    started = edit_button.click(
        widgets.shown(edit),
        [session, *editing],
        [player, slider],
        api_name="edit",
        show_progress="hidden",
        concurrency_limit=None,
        concurrency_id="edit",
    )
    started.success(lambda: gr.update(visible=True), None, slider, api_visibility="private")
    started.failure(None, js="() => stepwise.stopped('invert')", api_visibility="private")
    buttons[1].click(None, cancels=[started], api_visibility="private")
    widgets.mark_stale("invert", editing)


def invert_controls(shared: widgets.Shared) -> tuple[list[Any], tuple]:
    """Step 1: what is inverted and how."""
    gr.Markdown("### 1 Invert, 2 reconstruct")
    picture = sources.controls(drawing=True)
    with gr.Row(elem_classes=["pair"]):
        label = widgets.Dropdown(
            widgets.LABELS, value="4", label="Label", info="what the picture shows"
        )
        steps = widgets.Number(50, label="Steps", precision=0, info="2 to 500; more: exacter")
    buttons = widgets.run_row("Invert")
    with gr.Accordion("More", open=False):
        model = widgets.Dropdown(
            [choice for choice in widgets.model_choices() if choice[1] in MODELS],
            value="digits",
            label="Model",
            info="exact offers SDEdit only: see there why",
        )
        method = widgets.Dropdown(
            [
                ("DDIM, target label", "ddim"),
                ("DDIM, current label", "ddim_current"),
                ("SDEdit, no inversion", "sdedit"),
            ],
            value="ddim",
            label="Method",
            info="which level the network is told at each step",
        )
        seed = widgets.seed_row()
    source, digit = picture[:2]
    quiet: Any = {"show_progress": "hidden", "api_visibility": "private"}
    digit.input(str, digit, label, **quiet)
    model.change(of_model, model, method, **quiet)
    shared.picture.change(lambda: "generated", None, source, **quiet)
    return [model, *picture, shared.picture, label, method, steps, seed], buttons


def of_model(model: str) -> dict:
    """The method that the model allows."""
    if model == "exact":
        return gr.update(value="sdedit", interactive=False, info=WHY_NOT + ".")
    return gr.update(value="ddim", interactive=True, info="which level the network is told")


def edit_controls() -> tuple[list[Any], gr.Button]:
    """Step 3: what it is edited to."""
    gr.Markdown("### 3 Edit")
    target = widgets.Radio(
        widgets.LABELS,
        value="9",
        label="Target label",
        info="the digit to turn it into",
        elem_classes=["digits-row"],
    )
    with gr.Row(elem_classes=["pair"]):
        guidance = widgets.Slider(0, 10, 3, step=0.5, label="Guidance", info="1 none, 10 strict")
        strength = widgets.Slider(
            0, 1, 0.8, step=0.02, label="Strength", info="start level, 1 all noise"
        )
    button = gr.Button("Edit", variant="primary")
    with gr.Accordion("More", open=False):
        seed = widgets.Number(
            1, label="SDEdit seed", precision=0, info="0 to 4294967295, of its random noise"
        )
    return [target, guidance, strength, seed], button
