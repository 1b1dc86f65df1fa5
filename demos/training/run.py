"""A training as a run: the tape, and a frame for each snapshot."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

from core.classifiers import SURE, readable
from core.tapes import Axis, Frame, Panel, Say, Tape
from core.training.apart import apart
from core.training.plans import Plan, Snapshot, moments, snapshots
from demos.runs.stream import Shown
from demos.training.data import notes, plan_of
from demos.training.drawn import levels_uri, loss_uri, pictures_of, points_of
from demos.training.kept import TRAININGS, Training, waited
from demos.training.request import LEVELS, MNIST, STEPS, TrainRequest
from demos.words import Refusal, said, sentence

MINUTES = 10  # that one press of Run may train
RANGE, MANY = 30, 10_000  # largest over smallest loss that is drawn: over steps, over levels
LOSSES = {
    STEPS: Panel("loss", "L", said("panel.train.loss"), phone=False),
    LEVELS: Panel("loss", "L", said("panel.train.levels"), phone=False),
}
GUESSES = Panel("guesses", "xₜ → x̂₀", said("panel.train.guesses"), "second")
FIELD = Panel("guesses", "x̂₀ − x", said("panel.train.field"), "second")
SAMPLED = Panel("samples", "x₀", said("panel.train.samples"), "signal")
POINTS = Panel("samples", "x₀", said("panel.train.points"), "signal")
PICTURES = (GUESSES, SAMPLED)


def run(
    request: TrainRequest, name: str, report: Callable[[str], None] = lambda said: None
) -> Generator[Shown, None, str]:
    """Train as asked, from where the training of this name stands; returns the name.

    `report` is told of the line.
    """
    plan = plan_of(request)
    at = moments(plan.steps)
    yield Tape(
        request=request.settings(),
        title=request.title(),
        panels=(LOSSES[request.show], *((FIELD, POINTS) if request.plane else PICTURES)),
        total=len(at),
        axis=Axis(
            name=said("axis.train"),
            ends=(said("axis.train.step", step=0), said("axis.train.step", step=plan.steps)),
            ticks=[place(step, plan) for step in at],
        ),
        strip="samples",
        event=request.event,
    )
    training = TRAININGS.of(name, request.data)
    look = Look(request, plan)
    for snapshot in list(training.seen):
        yield look.frame(snapshot)
    yield from look.rest(training, report)
    return name


def place(step: int, plan: Plan) -> float:
    """Where a step stands on the timeline: most happens at first."""
    return math.sqrt(step / plan.steps)


class Look:
    """How the snapshots of a training become frames."""

    def __init__(self, request: TrainRequest, plan: Plan) -> None:
        """Of a training that begins; what to know of its data is said in each frame."""
        self.request, self.plan, self.notes = request, plan, notes(plan.rows)
        self.seen: list[Snapshot] = []

    def rest(self, training: Training, report: Callable[[str], None]) -> Iterator[Frame | None]:
        """What is still to be trained, once it is this training's turn."""

        def told(ahead: int) -> None:
            report(sentence(said("train.waiting", ahead=ahead)))

        if training.done:
            return
        with TRAININGS.line.joined() as ahead:
            yield from waited(ahead, told)
            yield from map(self.frame, training.seen[len(self.seen) :])
            if training.done:  # by another learner, in the meantime
                return
            begun = time.monotonic()
            with closing(apart(snapshots, self.plan, training.folder)) as found:
                for snapshot in found:
                    if self.seen and snapshot.step <= self.seen[-1].step:
                        continue  # the process was killed, and goes on from an older checkpoint
                    training.seen.append(snapshot)
                    yield self.frame(snapshot)
                    if time.monotonic() - begun > 60 * MINUTES:
                        raise Refusal("train.refused.minutes", minutes=MINUTES)
            training.done = True

    def frame(self, snapshot: Snapshot) -> Frame:
        """A snapshot beside those before it."""
        self.seen.append(snapshot)
        plane = self.request.plane
        pictures = points_of(snapshot, self.plan.rows.seen) if plane else pictures_of(snapshot)
        return Frame(
            pictures={"loss": self.drawn(), **pictures},
            say=self.says(snapshot),
            pos=place(snapshot.step, self.plan),
            numbers={"step": snapshot.step, "loss": snapshot.loss, "held_out": snapshot.error},
            doubts=self.notes,
        )

    def drawn(self) -> str:
        """The loss, over the steps or over the noise levels."""
        first, last = self.seen[0], self.seen[-1]
        if self.request.show == LEVELS:
            high = max(each for each in (*first.errors, *first.bound) if math.isfinite(each))
            return levels_uri(last.errors, last.bound, (2 * high / MANY, 2 * high))
        high = 1.5 * max(first.losses[0], 1e-6)
        return loss_uri(*self.curves(), self.plan.steps, (high / RANGE, high))

    def curves(self) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        """The loss of every batch, and of the rows that were held out, by step."""
        batches: list[tuple[int, float]] = []
        for each in self.seen:
            first = each.step - len(each.losses)
            batches += zip(range(first, each.step), each.losses, strict=True)
        held = [(each.step, each.error) for each in self.seen]
        return [each for each in batches if math.isfinite(each[1])], held

    def says(self, snapshot: Snapshot) -> list[Say]:
        """How far it is, how well it guesses, and what is to be read in its samples."""
        seen = snapshot.step * self.plan.batch
        loss, held = snapshot.loss, snapshot.error
        where = {"step": snapshot.step, "steps": self.plan.steps}
        if not math.isfinite(loss + held):
            return [said("train.diverged", **where)]
        say: list[Say] = [said("train.now", loss=loss, held=held, seen=seen, **where)]
        if self.request.show == LEVELS:
            shares = {"share": of_cleanest(snapshot.bound), "simple": of_cleanest(snapshot.errors)}
            say.append(said("train.bound", **shares))
        if self.request.data in MNIST:
            count = int(readable(snapshot.samples).sum())
            say.append(said("train.read", count=count, samples=len(snapshot.samples), share=SURE))
        return say


def of_cleanest(losses: Sequence[float]) -> float:
    """The share of the cleanest level in the sum over all, of those that are finite."""
    return losses[0] / sum(each for each in losses if math.isfinite(each))
