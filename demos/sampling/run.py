"""A run of the sampler: its tape, and a frame for every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.denoisers import Clipped
from core.models import Model
from core.noise import seeded
from core.samplers import Step
from core.schedules import Level
from core.tapes import Frame, Picture, Say, Tape, later
from demos.pictures.prompts import not_read
from demos.runs.archive import decoded_uri, half, preview_uri
from demos.runs.stream import Shown
from demos.runs.zero_gpu import reached
from demos.sampling.panels import PANELS, Panels, Part, ladder
from demos.sampling.request import ALL_SAMPLERS, SampleRequest
from demos.sampling.traces import Traces, noisy, predicted
from demos.views.numbers import level_axis, noise_power, noise_share, of_level, place
from demos.words import said

LARGE = 1.5  # a guess beyond it lies far outside of what can be shown


def run(request: SampleRequest, report: Callable[[str], None] | None = None) -> Iterator[Shown]:
    """Sample as asked; `report` is told, in sentences, how a download goes."""
    model = reached(request.model, report=report)
    levels = ladder(model, request)
    seen = PANELS[request.show](model, request)
    yield tape_of(request, seen, levels)
    show = Show(request, model, seen)
    last: Step | None = None
    for step in steps(request, model, seen, levels):
        yield show.step(step, last)
        last = step
    if last is not None:
        yield show.result(last)


def steps(
    request: SampleRequest, model: Model, seen: Panels, levels: list[Level]
) -> Iterator[Step]:
    """The sampler, ready to go."""
    noise = seeded(request.seed, request.batch)
    options = {"variance": request.variance} if request.variance != "posterior" else {}
    return ALL_SAMPLERS[request.sampler](
        Clipped(seen.denoise) if request.clip_x0 else seen.denoise,
        model.start(noise, levels[0], request.batch),
        levels,
        noise=noise,
        eta=request.eta,
        **options,
    )


def tape_of(request: SampleRequest, seen: Panels, levels: list[Level]) -> Tape:
    """The tape of a run, empty."""
    return Tape(
        request=request.settings(),
        title=request.title(),
        panels=seen.panels,
        total=len(levels),
        axis=level_axis(levels),
        strip=seen.strip,
        event=request.event,
    )


@dataclass(frozen=True)
class Show:
    """How the steps of a run become frames."""

    request: SampleRequest
    model: Model
    seen: Panels

    def step(self, step: Step, before: Step | None) -> Frame:
        """What was seen in x at the level of a step."""
        x0 = step.prediction.x0
        parts = self.seen.parts(step)
        say = [
            said(
                "sample.step" if self.told(step) else "sample.step.untold",
                step=step.index + 1,
                steps=self.request.taken,
                share=noise_power(step.level, x0, self.model.noise_power),
                t=step.level.t,
            ),
            said("sample.first") if before is None else moved(x0, before.prediction.x0),
            *self.seen.formula(step),
        ]
        approximate = () if self.model.preview_exact else latents_of(parts)
        frame = self.frame(say, step.level, step, x0, parts, {}, approximate)
        seen = predicted(step, before)
        return replace(frame, traces=self.measured(step) | seen)

    def told(self, step: Step) -> bool:
        """Whether x is at the level that the model is told: pure noise may be called less."""
        return bool(step.index) or noise_share(step.level) > 0.99

    def result(self, last: Step) -> Frame:
        """The finished picture, decoded in full."""
        there = replace(last, x=last.x_next, level=last.next_level)
        parts = self.seen.parts(there)
        pictures = finished(self.model, parts)
        say = said(self.seen.done, steps=self.request.taken)
        frame = self.frame(say, there.level, last, last.x_next, parts, pictures)
        return replace(frame, traces=self.measured(there))

    def measured(self, step: Step) -> Traces:
        """What the plots draw of x."""
        return noisy(step, self.model.noise_power, self.seen.spectra)

    def frame(
        self,
        say: Say,
        level: Level,
        step: Step,
        x0: Tensor,
        parts: dict[str, Part],
        pictures: dict[str, Picture],
        approximate: tuple[str, ...] = (),
    ) -> Frame:
        """One frame; what is not among the pictures is shown as its preview."""
        kept = latents_of(parts) if self.seen.splits or not self.model.preview_exact else ()
        return Frame(
            pictures={key: pictures.get(key) or self.shown(part) for key, part in parts.items()},
            say=say,
            pos=place(level),
            numbers=of_level(level) | {"calls": step.calls * self.seen.denoise.cost},
            approximate=approximate,
            latents={k: half(x) for k, x in parts.items() if k in kept and isinstance(x, Tensor)},
            doubts=self.doubts(step.prediction.x0),
            contrast=self.seen.contrast,
            picture=(self.request.model, self.model.displayable(x0[:1]).float().cpu()),
        )

    def shown(self, part: Part) -> Picture:
        """The preview of a part."""
        return later(preview_uri, self.model, part) if isinstance(part, Tensor) else part

    def doubts(self, x0: Tensor) -> list[Say]:
        """A prompt that is too long; a raw guess far outside of what can be shown."""
        if self.request.clip_x0 or self.model.card.space == "latents":
            return not_read(self.request.model, self.request.condition, self.request.avoided)
        shown = any(panel.key == "x0" for panel in self.seen.panels)
        peak = torch.nan_to_num(x0.abs()).max().item()
        return [said("sample.doubt.peak", peak=peak)] if shown and peak > LARGE else []


def moved(x0: Tensor, before: Tensor) -> Say:
    """How far the guess moved: |x0 - before| / |x0|."""
    share = ((x0 - before).norm() / x0.norm().clamp(min=1e-12)).item()
    return said("sample.moved", share=min(1.0, share))


def latents_of(parts: dict[str, Part]) -> tuple[str, ...]:
    """The keys of the parts that are latents."""
    return tuple(key for key, part in parts.items() if isinstance(part, Tensor))


def finished(model: Model, parts: dict[str, Part]) -> dict[str, Picture]:
    """The latents among the parts as pictures, decoded in full, equal ones once."""
    pictures: dict[str, Picture] = {}
    decoded: list[tuple[Tensor, Picture]] = []
    for key, part in parts.items():
        if isinstance(part, Tensor):
            known = next((picture for x, picture in decoded if torch.equal(x, part)), None)
            pictures[key] = known or later(decoded_uri, model, part)
            decoded.append((part, pictures[key]))
    return pictures
