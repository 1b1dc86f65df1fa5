"""Where calls are made: they are sent to replicas, and again where one is lost."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future

from torch import Tensor

from core.engine import ENGINE, Answering, Call
from core.remote.calls import Question, Reply, Unloaded, question_of, unpacked

TOGETHER = 4  # calls of one message at most: it goes to one replica
TRIES = 4  # replicas that a call is sent to, one after the other
PATIENCE = 120.0  # seconds that a call waits for its answer
PAUSE = 0.2  # seconds until a call is sent again, longer each time
LOST = "the replicas that compute for this page do not answer; try again, or tell whoever runs it"


class Lost(Exception):
    """The replica that had a call is gone."""


Transport = Callable[[list[Question]], AsyncIterator[tuple[int, Reply]]]  # in any order; or Lost


class Cluster:
    """Answers network calls by sending them to replicas.

    Args:
        transport: takes the calls of a message to a replica, and yields its answers as they come.
        local: answers the calls that cannot travel.
        patience: seconds that a call waits for its answer.
        together: calls of a message at most.
    """

    def __init__(
        self,
        transport: Transport,
        local: Answering = ENGINE,
        patience: float = PATIENCE,
        together: int = TOGETHER,
    ) -> None:
        """With a thread that sends and receives."""
        self.transport, self.local = transport, local
        self.patience, self.together = patience, together
        self.unloaded: set[str] = set()  # models that replicas could not load
        self._lock = threading.Lock()
        self._waiting: list[tuple[Question, Future[Reply]]] = []
        self._tasks: set[asyncio.Task] = set()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="cluster", daemon=True).start()

    def answer(self, call: Call) -> Tensor:
        """The answer of a call, on the device of its x.

        ValueError where no replica answers; of what the network raises a ValueError stays one,
        and anything else is a RuntimeError.
        """
        question = question_of(call)
        if question is None or question.model in self.unloaded:
            return self.local.answer(call)
        reply = self._asked(question)
        if isinstance(reply, Unloaded):
            self.unloaded.add(question.model)
            return self.local.answer(call)
        if isinstance(reply, Exception):
            raise reply
        return unpacked(reply).to(call.x.device)

    def close(self) -> None:
        """End its thread; calls that are on their way are lost."""

        def end() -> None:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.call_soon(self._loop.stop)  # once they have been told

        self._loop.call_soon_threadsafe(end)

    def _asked(self, question: Question) -> Reply:
        until, lost = time.monotonic() + self.patience, None
        for attempt in range(TRIES):
            time.sleep(attempt * PAUSE)
            try:
                return self._sent(question).result(max(0.0, until - time.monotonic()))
            except Lost as error:
                lost = error
            except TimeoutError as error:
                lost = error
                break
        raise ValueError(LOST) from lost

    def _sent(self, question: Question) -> Future[Reply]:
        future: Future[Reply] = Future()
        with self._lock:
            self._waiting.append((question, future))
            first = len(self._waiting) == 1
        if first:  # who comes until the thread has time for it travels along
            self._loop.call_soon_threadsafe(self._start)
        return future

    def _start(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for k in range(0, len(waiting), self.together):
            task = self._loop.create_task(self._exchange(waiting[k : k + self.together]))
            self._tasks.add(task)  # the loop itself keeps a weak reference
            task.add_done_callback(self._tasks.discard)

    async def _exchange(self, sent: list[tuple[Question, Future[Reply]]]) -> None:
        error: Exception = Lost("the answers ended early")
        try:
            async for place, reply in self.transport([question for question, _ in sent]):
                sent[place][1].set_result(reply)
        except Exception as raised:
            error = raised
        finally:  # also of one that is cancelled
            for _, future in sent:
                if not future.done():
                    future.set_exception(error)
