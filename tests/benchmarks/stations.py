"""Parts of a discrete-event simulation: a clock, and stations that serve jobs in turn."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count

Action = Callable[[], None]


class Clock:
    """What happens, in the order of time; what happens at once in the order it was asked for."""

    def __init__(self) -> None:
        """At 0, with nothing to come."""
        self.now = 0.0
        self._coming: list[tuple[float, int, Action]] = []
        self._order = count()

    def after(self, seconds: float, action: Action) -> None:
        """Let something happen."""
        heapq.heappush(self._coming, (self.now + seconds, next(self._order), action))

    def run(self) -> None:
        """Let time pass until nothing is to come."""
        while self._coming:
            self.now, _, action = heapq.heappop(self._coming)
            action()


class Station:
    """Serves one job at a time, first come, first served.

    Attributes:
        busy: seconds at work.
        served: jobs that are done.
        present: the integral of the jobs that are here over time; over the time it is their mean.
        stayed: seconds that the jobs that are done were here.
    """

    def __init__(self, clock: Clock) -> None:
        """Free."""
        self.clock, self.busy, self.served = clock, 0.0, 0
        self.present = self.stayed = self._changed = 0.0
        self._line: deque[tuple[float, float, Action]] = deque()
        self._here = 0

    def ask(self, seconds: float, then: Action) -> None:
        """Serve a job of so many seconds; `then` follows."""
        self._count(1)
        self._line.append((self.clock.now, seconds, then))
        if self._here == 1:
            self._serve()

    def _serve(self) -> None:
        came, seconds, then = self._line.popleft()
        self.busy += seconds

        def done() -> None:
            self._count(-1)
            self.served += 1
            self.stayed += self.clock.now - came
            if self._here:
                self._serve()
            then()

        self.clock.after(seconds, done)

    def _count(self, change: int) -> None:
        self.present += self._here * (self.clock.now - self._changed)
        self._changed = self.clock.now
        self._here += change
