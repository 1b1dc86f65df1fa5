"""Panels that fill one after the other: how the last tab shows an inversion and its edits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import gradio as gr
from torch import Tensor

from core.images import BLANK, pixels_uri, signed_uri
from core.metrics import rms
from core.models import Model
from core.samplers import Step
from core.schedules import Level
from demos.plots import facts, noise_share, percent, place, short
from demos.reel import Panel, Picture, Reel, later
from demos.views import Kept, approximate, half, preview_uri

PICTURE, NOISE, BACK, EDIT, RANDOM = range(5)
FITTING = "Fitting the empty prompt on the way down"
PANELS = (
    Panel("x₀", "picture"),
    Panel("xₜ ↑", "1 invert: picture to noise", "noise"),
    Panel("xₜ ↓", "2 reconstruct", "signal"),
    Panel("xₜ ↓", "3 edit", "difference"),
    Panel("xₜ ↓", "SDEdit: random noise"),
)


def panels_of(model: Model, method: str) -> tuple[Panel, ...]:
    """The five panels; of latents the way to noise is shown channel by channel."""
    verb = "add random noise" if method == "sdedit" else "invert"
    shown = "picture to noise"
    if model.card.space == "latents":
        shown = f"its {model.shape[0]} latent channels"
    noise = Panel("xₜ ↑", f"1 {verb}: {shown}", "noise")
    return tuple(noise if panel == PANELS[NOISE] else panel for panel in PANELS)


class Stage:
    """The five panels, filled one after the other.

    While latents stream they are shown approximately, and kept in half precision, so that a frame
    can be decoded later; where a stage comes to rest they are decoded at once.
    """

    def __init__(
        self, model: Model, reel: Reel, pictures: Sequence[Picture], warn: str = ""
    ) -> None:
        """Start with these pictures, and leave the other panels empty.

        `warn` says what to doubt in the frames to come.
        """
        self.model, self.reel, self.warn = model, reel, warn
        self.pictures = [*pictures, *[BLANK] * (len(PANELS) - len(pictures))]
        self.previews: dict[int, Tensor] = {}  # the latents behind approximate pictures, by panel
        self.latents: list[dict[int, Tensor]] = []  # the same for every frame
        self.known: list[tuple[str, str]] = []  # facts of an earlier stage
        self.last: tuple[Tensor, Tensor] | None = None
        self.off: list[float] = []  # of the way up, at each level of the way back

    def copy(self, kept: Kept) -> None:
        """Begin with the frames of an earlier run."""
        for frame in kept.message["frames"]:
            self.reel.copy(frame)
        self.latents = [*kept.latents]

    def show(self, panel: int, x: Tensor, pixels: Tensor | None = None) -> None:
        """Put x into a panel, or its `pixels`, decoded; the others keep their pictures."""
        self.pictures = [*self.pictures]
        self.previews = {k: kept for k, kept in self.previews.items() if k != panel}
        if panel == NOISE and self.model.card.space == "latents":
            self.pictures[panel] = later(signed_uri, x)
        elif pixels is not None:
            self.pictures[panel] = pixels_uri(pixels)
        else:
            self.pictures[panel] = later(preview_uri, self.model, x)
            self.previews |= dict.fromkeys(approximate(self.model, panel), half(x))

    def streamed(self, steps, panel: int, doing: str, path: Sequence[Tensor] = ()):
        """Stream the steps of one panel; returns what the generator returns.

        `path` is the way up that a reconstruction should find again: how far off it is, is said.
        """
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return stop.value
            self.show(panel, step.x)
            if path:
                self.off.append(rms(step.x - path[-1 - step.index]))
            self.add(step, panel, doing, self.off[-1] if path else None)
            if self.reel.due():
                yield self.reel.message(), gr.skip()

    def pairs(self, pairs: Iterator[tuple[Step, Step]], doing: str):
        """Stream edit and SDEdit in step."""
        for ours, theirs in pairs:
            self.show(EDIT, ours.x)
            self.show(RANDOM, theirs.x)
            self.add(ours, EDIT, doing)
            self.last = (ours.x_next, theirs.x_next)
            if self.reel.due():
                yield self.reel.message(), gr.skip()

    def rest(self, ends: dict[int, tuple[Tensor, Tensor | None]], level: Level, text: str) -> None:
        """The frame in which a stage comes to rest: latents and their pixels, if any, by panel."""
        for panel, end in ends.items():
            self.show(panel, *end)
        self.frame(level, next(iter(ends)), text)

    def add(self, step: Step, panel: int, doing: str, off: float | None = None) -> None:
        """One frame at the level of a step; `off` is its distance to the way up."""
        fitting = panel == NOISE and step.next_level.log_snr > step.level.log_snr
        share = percent(noise_share(step.level))
        text = f"{FITTING if fitting else doing}: {share} of the variance is noise"
        numbers = [("denoiser calls", str(step.calls))]
        if off is not None:
            text += f", {short(off)} off the way up"
            numbers.append(("off the way up (RMS)", short(off)))
        self.frame(step.level, panel, f"{text}.", numbers)

    def frame(
        self, level: Level, panel: int, text: str, numbers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """One frame of the pictures as they are now."""
        self.reel.add(
            self.pictures,
            text,
            pos=place(level),
            facts=[*facts(level), *numbers, *self.known],
            warn=self.warn,
            thumb=panel,
            approx=tuple(self.previews),
        )
        self.latents.append(self.previews)

    def finished(self) -> Kept:
        """The whole run, and what is needed to decode its frames."""
        return Kept(self.model.card.name, self.reel.whole(), self.latents)
