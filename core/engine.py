"""Network calls of many runs, answered in shared batches.

Who calls a network while a slot is free computes the call at once, in its own thread. Calls that
come meanwhile wait, and whoever has finished hands its slot to one of them, which computes all
that fits together as one batch: flat combining, Hendler et al. 2010,
https://doi.org/10.1145/1810479.1810540. A run alone is computed as if there were no engine.

Models take turns by the time they were given for each of their callers: stride scheduling,
Waldspurger & Weihl 1995, MIT/LCS/TM-528. Within a model who came first is first; a call of many
rows gets its share of a batch, and comes back for the rest.

`answered_by` puts something else in the engine's place, such as `core.remote`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, Protocol, cast

import torch
from torch import Tensor

ROWS = 16  # of a shared batch, unless `core.batches` has found another number
FEW = 4  # rows that a call gets at once, however many others wait: two branches, two pictures
_alone: ContextVar[bool] = ContextVar("alone", default=False)


class Call:
    """A network call that waits for its answer.

    Attributes:
        model: whose network it is; models take turns.
        key: calls of the same key fit into one batch; None fits with no other.
        taken: rows that are in some batch already.
        missing: rows without an answer.
    """

    def __init__(
        self,
        compute: Callable[..., Tensor],
        model: Any,
        x: Tensor,
        t: float,
        condition: Tensor | None,
        asked: dict[str, Any],
    ) -> None:
        """Of x, (B, C, H, W), at t, with a condition of B rows; `asked` is its alone."""
        self.compute, self.model, self.asked = compute, model, asked
        self.x, self.t, self.condition = x, t, condition
        given = [each for each in (x, condition) if each is not None]
        graded = torch.is_grad_enabled() and any(each.requires_grad for each in given)
        fits = not (asked or graded or _alone.get())
        kinds = ((each.shape[1:], each.dtype, each.device) for each in given)
        self.key = (compute, *kinds) if fits else None
        self.taken, self.missing = 0, len(x)
        self.answers: dict[int, Tensor] = {}  # by their first row
        self.error: BaseException | None = None
        self.batch: Batch | None = None  # that its thread has to compute
        self.turn = threading.Event()

    @property
    def left(self) -> int:
        """Rows that are in no batch yet."""
        return len(self.x) - self.taken

    @property
    def answered(self) -> bool:
        """Whether all rows have their answer, or none will."""
        return self.error is not None or not self.missing

    def alone(self) -> Tensor:
        """The answer, computed as it was asked."""
        return self.compute(self.model, self.x, self.t, self.condition, **self.asked)

    def answer(self) -> Tensor:
        """The rows in their order."""
        if self.error is not None:
            raise self.error
        parts = [self.answers[row] for row in sorted(self.answers)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)


Batch = list[tuple[Call, int, int]]  # calls, the first of their rows and the one after the last


class Engine:
    """Answers network calls, a few batches at a time.

    Args:
        slots: batches at a time, 1 or more; each is computed with as many threads as torch has.
        rows: of a shared batch at most, 1 or more.
    """

    def __init__(self, slots: int = 1, rows: int = ROWS) -> None:
        """At rest. `sizes` counts the batches that were computed by their rows."""
        self.slots, self.rows = slots, rows
        self.sizes: Counter[int] = Counter()
        self.reset()

    def reset(self) -> None:
        """Forget all calls: those of the process that this one was forked from."""
        self._lock = threading.Lock()
        self._waiting: list[Call] = []
        self._at_work = 0
        self._callers: Counter[Any] = Counter()  # calls by model, waiting or at work
        self._given: dict[Any, float] = {}  # seconds for each caller, by model
        self._now = 0.0  # what the model that was chosen last had been given

    @property
    def waiting(self) -> int:
        """Calls with rows that are in no batch yet."""
        return len(self._waiting)

    @property
    def callers(self) -> int:
        """Calls that wait or are at work."""
        return self._callers.total()

    def answer(self, call: Call) -> Tensor:
        """The answer of a call, once it is its turn; whatever the network raises."""
        with self._lock:
            self._waiting.append(call)
            self._callers[call.model] += 1
            if self._callers[call.model] == 1:
                self._given[call.model] = self._now
            self._start()
        while True:
            call.turn.wait()
            call.turn.clear()
            with self._lock:
                batch, answered = call.batch, call.answered
            if batch is not None:
                self._lead(call, batch)
            elif answered:
                return call.answer()

    def _lead(self, leader: Call, batch: Batch) -> None:
        begun = time.perf_counter()
        answers = computed(batch)
        spent = time.perf_counter() - begun
        with self._lock:
            leader.batch = None
            self._at_work -= 1
            self.sizes[sum(high - low for _, low, high in batch)] += 1
            if self._callers[leader.model]:  # or all of its calls have failed
                self._given[leader.model] += spent / self._callers[leader.model]
            for (call, row, _), answer in zip(batch, answers, strict=True):
                before = call.answered
                if isinstance(answer, BaseException):
                    call.error = answer
                else:
                    call.answers[row] = answer
                    call.missing -= len(answer)
                if call.answered and not before:
                    self._ended(call)
            if leader.answered:  # perhaps before it has led
                leader.turn.set()
            self._start()

    def _ended(self, call: Call) -> None:
        if call in self._waiting:  # with rows that nobody needs after an error
            self._waiting.remove(call)
        self._callers[call.model] -= 1
        if not self._callers[call.model]:
            del self._callers[call.model], self._given[call.model]
        call.turn.set()

    def _start(self) -> None:
        """Give the free slots to the threads of calls that wait."""
        while self._at_work < self.slots:
            free = [call for call in self._waiting if call.batch is None]
            if not free:
                return
            model = min({call.model for call in free}, key=self._given.__getitem__)
            self._now = self._given[model]
            first = next(call for call in free if call.model is model)
            first.batch = self._batch(first)
            self._at_work += 1
            first.turn.set()

    def _batch(self, first: Call) -> Batch:
        """What is computed together with a call; who is not done yet goes to the end."""
        if first.key is None:
            rows = {first: len(first.x)}
        else:
            others = [call for call in self._waiting if call is not first]
            fitting = [first, *(c for c in others if (c.model, c.key) == (first.model, first.key))]
            rows = shares([call.left for call in fitting], self.rows)
            rows = {call: each for call, each in zip(fitting, rows, strict=True) if each}
        batch = []
        for call, count in rows.items():
            batch.append((call, call.taken, call.taken + count))
            call.taken += count
            self._waiting.remove(call)
            if call.left:
                self._waiting.append(call)
        return batch


def shares(wanted: Sequence[int], room: int) -> list[int]:
    """The rows of a batch that each call gets: a few, or an equal part, then what is left."""
    given, few = [0] * len(wanted), max(FEW, room // len(wanted))
    for most in (few, room):
        for k, each in enumerate(wanted):
            more = min(each - given[k], most, room - sum(given))
            given[k] += more
    return given


def computed(batch: Batch) -> Sequence[Tensor | BaseException]:
    """The answer to each part of a batch, or what went wrong with it."""
    if len(batch) == 1:
        return [attempted(batch[0])]
    first = batch[0][0]
    try:
        x = torch.cat([call.x[low:high] for call, low, high in batch])
        t = x.new_tensor(
            [float(call.t) for call, low, high in batch for _ in range(low, high)],
            dtype=torch.promote_types(x.dtype, torch.float32),
        )
        condition = None
        if first.condition is not None:
            given = [(cast("Tensor", call.condition), low, high) for call, low, high in batch]
            condition = torch.cat([each[low:high] for each, low, high in given])
        with torch.no_grad():
            output = first.compute(first.model, x, t, condition)
        return output.split([high - low for _, low, high in batch])
    except BaseException:  # whose it is shows when each is computed alone
        return [attempted(part) for part in batch]


def attempted(part: tuple[Call, int, int]) -> Tensor | BaseException:
    """The answer to rows of one call, or what went wrong."""
    call, low, high = part
    try:
        if high - low == len(call.x):
            return call.alone()
        condition = call.condition if call.condition is None else call.condition[low:high]
        return call.compute(call.model, call.x[low:high], call.t, condition)
    except BaseException as error:  # an interrupt, too: the slot must become free
        return error


ENGINE = Engine()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ENGINE.reset)


class Answering(Protocol):
    """What answers network calls."""

    def answer(self, call: Call) -> Tensor:
        """The answer of a call; whatever the network raises."""
        ...


_answering: Answering = ENGINE


def answered_by(answering: Answering) -> Answering:
    """Let all network calls from now on be answered by this; returns what has answered them."""
    global _answering
    before, _answering = _answering, answering
    return before


def shared(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Decorate the network call of a model, (x, t, condition) -> output: the engine answers it.

    The method is called with one t for all rows, or with a tensor that has one for each.
    """

    @functools.wraps(forward)
    def call(
        model: Any, x: Tensor, t: float, condition: Tensor | None = None, **asked: Any
    ) -> Tensor:
        return _answering.answer(Call(forward, model, x, t, condition, asked))

    return call


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Within it, the network calls of this thread share no batch: somebody looks into them."""
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)
