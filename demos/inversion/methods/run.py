"""One picture, several inversion methods, the same budget of denoiser calls: the runs."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from core.images import pixels_uri
from core.inversion import INVERSIONS, Inversion, Method, start_index
from core.metrics import psnr
from core.models import Model
from core.samplers import Step
from core.tapes import Say
from demos.inversion.methods import named_method, promise, refusal
from demos.inversion.session import Session
from demos.inversion.summary import meaning, reading
from demos.words import Refusal, said
from demos.words.reasons import alone

MOST_STEPS = 500
PERIOD = 1 / 20  # seconds between two signs of life; Stop is heard at each
SIDE = 192  # pixels from which on a picture is made smaller: twice the side on the page


class Now(NamedTuple):
    """Which of the methods is at work, at what, and how far it is."""

    title: Say
    place: int
    methods: int
    doing: str
    done: int
    total: int


@dataclass(frozen=True)
class Original:
    """The picture that all methods invert.

    Attributes:
        picture: data URI.
        copy: what the model makes of it, D(E(x)) of latents; "" where that is the picture itself.
        copied: PSNR of the copy against the picture, in dB.
        read: what the classifier reads in it, "" where there is none.
    """

    picture: str
    copy: str
    copied: float
    read: str


@dataclass(frozen=True)
class Row:
    """What one method made of the picture.

    Attributes:
        name: key of INVERSIONS.
        steps: of the ladder; 0 of a method that was not run.
        calls: denoiser evaluations of the inversion, of the edit, and of the reconstruction,
            which the budget does not count.
        back: PSNR of the reconstruction against the model's own pixels of the picture, in dB.
        kept: the same of the edit.
        read: what the classifier reads in the edit, "" where there is none.
        meant: whether that is what was asked for; None where a classifier cannot tell.
        seconds: of inversion and edit.
        pictures: data URIs of the reconstruction and of the edit.
        note: what else is to be known, in words.
        trouble: why there is no result, in words; then the figures mean nothing.
    """

    name: str
    steps: int
    calls: tuple[int, int, int] = (0, 0, 0)
    back: float = 0.0
    kept: float = 0.0
    read: str = ""
    meant: bool | None = None
    seconds: float = 0.0
    pictures: tuple[str, str] = ("", "")
    note: Say = ""
    trouble: Say = ""

    @property
    def title(self) -> Say:
        """Its name on the page."""
        return named_method(self.name)

    @property
    def exact(self) -> Say:
        """How exactly it reconstructs by construction."""
        return promise(self.name)


@dataclass(frozen=True, eq=False)
class Task:
    """What every method is asked for.

    Attributes:
        session: an inversion of the picture.
        budget: denoiser evaluations of inversion and edit together.
        target: what the edit asks for.
        guidance: of the edit.
        strength: the level that the edit starts at, as a share of the steps, above 0.
    """

    session: Session
    budget: int
    target: str
    guidance: float
    strength: float

    @property
    def inversion(self) -> Inversion:
        """The inversion that is repeated with each method."""
        return self.session.inversion


def compare(task: Task, methods: Sequence[str]) -> Iterator[Original | Now | Row]:
    """Invert, reconstruct and edit one picture with every method, in the order of INVERSIONS.

    Yields the `Original` once, a `Row` when a method is done, and between the steps a `Now`, at
    most 20 a second. Model, prompt and guidance of the way up are those of the task's inversion,
    the seed is 0.

    Raises:
        ValueError: a budget below 2 steps. What is wrong with one method alone is told in its
            row, also that the model cannot run it.
    """
    model = task.inversion.model
    plan = planned(model, methods, task.budget, task.strength)
    yield Now(said("compare.picture"), 0, len(plan), "looking", 0, 1)
    yield original(model, task.session.start, task.session.pixels, task.target)
    for place, (name, steps) in enumerate(plan.items(), 1):
        refused = refusal(model.card, name)
        if refused is not None:
            yield Row(name, 0, trouble=refused.say)
            continue
        trial = Trial(named_method(name), place, len(plan))
        try:
            yield (yield from trial.row(task, INVERSIONS[name], steps))
        except ValueError as error:
            yield Row(name, steps, trouble=alone(error))


def planned(model: Model, methods: Sequence[str], budget: int, strength: float) -> dict[str, int]:
    """The methods in the order of INVERSIONS, and their steps; ValueError as in `compare`.

    A method that the model cannot run has none.
    """
    most, plan = min(MOST_STEPS, len(model.schedule)), {}
    for name in filter(methods.__contains__, INVERSIONS):
        method = INVERSIONS[name]
        plan[name] = 0
        if not model.supports(method):
            continue
        plan[name] = method.steps_within(budget, strength, most)
        if plan[name] < 2:
            values = {"budget": budget, "method": named_method(name)}
            raise Refusal("compare.refused.budget", least=method.calls(2, strength), **values)
    return plan


@dataclass
class Trial:
    """One method at work: its place among the others, and the seconds that its steps took."""

    title: Say
    place: int
    methods: int
    seconds: float = 0.0
    told: float = 0.0

    def row(self, task: Task, method: Method, steps: int) -> Generator[Now, None, Row]:
        """Invert, reconstruct and edit; the edit starts at the level of the task."""
        session, source = task.session, task.inversion
        model, guided = source.model, source.guidance
        made, up = yield from self.through(
            method.invert(model, session.x0, source.prompt, steps=steps, guidance=guided, seed=0),
            "inverting",
            method.up(steps, guided),
        )
        spent = self.seconds
        back, again = yield from self.through(
            method.edit(made, source.prompt, strength=1.0), "reconstructing", steps
        )
        self.seconds = spent
        edited, down = yield from self.through(
            method.edit(made, task.target, guidance=task.guidance, strength=task.strength),
            "editing",
            start_index(task.strength, steps),
        )
        shown = [model.pixels(finite(each)).cpu() for each in (back, edited)]
        read, wanted = reading(model, shown[1], task.target), meaning(model, task.target)
        return Row(
            method.name,
            steps,
            calls=(up, down, again),
            back=psnr(shown[0], session.start),
            kept=psnr(shown[1], session.start),
            read=read,
            meant=read == wanted if read and wanted else None,
            seconds=self.seconds,
            pictures=(thumbnail(shown[0]), thumbnail(shown[1])),
            note=note(task, method, steps),
        )

    def through(
        self, steps: Generator[Step, None, Any], doing: str, total: int
    ) -> Generator[Now, None, tuple[Any, int]]:
        """Make the steps, and say now and then how far they are; returns the end and the calls.

        Closed between two steps, it closes them.
        """
        done = calls = 0
        yield self.now(doing, 0, total)
        with closing(steps):
            while True:
                begun = time.perf_counter()
                try:
                    step = next(steps)
                    settle(step.x_next)
                except StopIteration as stop:
                    return stop.value, calls
                finally:
                    self.seconds += time.perf_counter() - begun
                done, calls = done + 1, step.calls
                if time.monotonic() - self.told >= PERIOD:
                    yield self.now(doing, done, total)

    def now(self, doing: str, done: int, total: int) -> Now:
        """What is said between two steps."""
        self.told = time.monotonic()
        return Now(self.title, self.place, self.methods, doing, done, total)


def note(task: Task, method: Method, steps: int) -> Say:
    """What else is to be known of a run."""
    if method.needs_gradients and task.inversion.guidance == 1:
        return said("compare.note.fits_nothing")
    if method.calls(steps + 1, task.strength) <= task.budget:
        return said("compare.note.most", steps=steps)
    return ""


def settle(x: Tensor) -> None:
    """Wait until an accelerator has done its work: only then a step has ended."""
    if x.device.type != "cpu":
        torch.accelerator.synchronize()


def finite(x: Tensor) -> Tensor:
    """The latents; ValueError where a method has left the range of numbers."""
    if not x.isfinite().all():
        raise Refusal("compare.trouble.bounds")
    return x


def original(model: Model, start: Tensor, pixels: Tensor, target: str) -> Original:
    """The picture, and what the model makes of it."""
    same = start.equal(pixels)
    return Original(
        thumbnail(pixels),
        "" if same else thumbnail(start),
        psnr(start, pixels),
        reading(model, start, target),
    )


def thumbnail(pixels: Tensor) -> str:
    """A picture as data URI: exact, or made smaller and JPEG where it is large."""
    longest = max(pixels.shape[-2:])
    if longest <= SIDE:
        return pixels_uri(pixels)
    size = [max(1, round(side * SIDE / longest)) for side in pixels.shape[-2:]]
    return pixels_uri(F.interpolate(pixels, size=size, mode="area"), "JPEG")
