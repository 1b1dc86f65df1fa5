"""The queue that runs wait in: fair between sessions, and bounded; seen in Gradio 6.31."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import gradio as gr
from fastapi import HTTPException, Request
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, EventQueue, Queue
from gradio.route_utils import get_fn
from gradio.server_messages import EventMessage, ProcessCompletedMessage, ProcessGeneratingMessage
from gradio.utils import LRUCache

from demos.ui.server import memory
from demos.ui.server.monitor import FIRST_FRAME, Lanes
from demos.ui.server.refusals import Refused, language_of
from demos.ui.server.sessions import SESSIONS
from demos.ui.server.work import ENDLESS, HEAVY, seconds_of
from demos.words import said, sentence

UNHEARD = 10  # seconds after which an event whose answers nobody reads is ended
FORGOTTEN = 60  # seconds after which answers that nobody reads are thrown away
UNREAD = 400  # answers that a client may leave unread
RUN, LONG, TRAIN = "runs", "long runs", "trainings"
THREADS = 64  # for all events
# Runs at a time; the other threads are for small events. Of the trainings one is at work, and the
# others have a place in its line, or show what is there.
AT_WORK = {RUN: 44, LONG: 2, TRAIN: 8}
EAGER = {RUN: 8, LONG: 0, TRAIN: 0}  # so many may start before anybody reads their answers
WAITING = {RUN: 400, LONG: 64, TRAIN: 64}
# Runs of one session, at work or waiting; a training that was stopped takes seconds to end.
OF_SESSION = {RUN: 6, LONG: 1, TRAIN: 3}
EVENTS = 64  # events of one session, runs or not
DONE = '"status":"done"'  # near the beginning of a run's last message
RUNNING = '"status":"running"'  # and of those before it


def lane_of(seconds: float | None) -> str | None:
    """The lane of a run that takes so long; None for what is no run."""
    if seconds is None:
        return None
    if seconds == ENDLESS:
        return TRAIN
    return LONG if seconds > HEAVY else RUN


class Mailbox(asyncio.Queue):
    """The unread messages of a session."""

    taken = seen = 0

    def _get(self) -> EventMessage:
        self.taken += 1
        return super()._get()

    def is_read(self) -> bool:
        """Whether a message was taken since the last time this was asked, or none is here."""
        moved, self.seen = self.taken > self.seen, self.taken
        return moved or self.empty()


class Mailboxes(LRUCache):
    """The unread messages of each session; only idle ones make room for others."""

    def __init__(self, busy: Callable[[str], bool]) -> None:
        """`busy` says whether a session still waits for messages."""
        super().__init__(SESSIONS)
        self.busy = busy

    def __setitem__(self, key: str, _: Any) -> None:
        """Open a mailbox; where there are too many, the oldest idle one is closed."""
        if len(self) >= self.max_size:
            oldest = next((other for other in self if not self.busy(other)), None)
            if oldest is None:
                raise Refused(503, said("server.pages"))
            del self[oldest]
        super().__setitem__(key, Mailbox())


class FairQueue(Queue):
    """Gradio's queue with two lanes: long runs never keep short ones waiting.

    It bounds what one session may have at work, ends events whose answers nobody reads, sends the
    last message of a run once instead of twice, looks less often for new clicks (every millisecond
    takes 16 % of a core), and does not tell all who wait whenever a run starts.
    """

    readers: Counter[str]  # the open streams of each session
    silent: dict[str, float]  # since when nobody reads the answers of a session
    held: WeakKeyDictionary[Event, ProcessGeneratingMessage]  # last ones, until the next
    begun: WeakSet[Event]  # runs with a first frame

    def prepare(self, busy: Callable[[str], bool]) -> None:
        """What `__init__` would do, for a queue that Gradio has made already."""
        self.readers, self.silent, self.held = Counter(), {}, WeakKeyDictionary()
        self.begun = WeakSet()
        self.pending_messages_per_session = Mailboxes(busy)
        self.progress_update_sleep_when_free = 1  # nothing here reports gr.Progress
        self.ANALYTICS_MAX_EVENTS = 1  # Gradio makes a table of all of them after each event
        for lane, limit in AT_WORK.items():
            self.event_queue_per_concurrency_id[lane] = EventQueue(lane, limit)

    @property
    def sleep_when_free(self) -> float:
        """Seconds until the next look: more while runs need the processor."""
        return 0.02 if any(self.active_jobs) else 0.005

    def start(self) -> None:
        """Begin to work, and to look after events that nobody waits for."""
        super().start()
        for task in (self.look_after(), memory.look_after()):
            self._asyncio_tasks.add(asyncio.create_task(task))

    def events_of(self, session: str) -> list[Event]:
        """The events of a session that are at work or waiting."""
        events = list(self.event_ids_to_events.values())
        return [event for event in events if event.session_hash == session]

    async def push(self, body: PredictBodyInternal, request: Request, username: str | None) -> Any:
        """Put an event into the lane of its length; HTTPException where there are too many."""
        try:
            return await self.pushed(body, request, username)
        except Refused as refused:
            raise HTTPException(refused.status, refused.told(request.headers)) from refused

    async def pushed(
        self, body: PredictBodyInternal, request: Request, username: str | None
    ) -> Any:
        """The same; Refused where there are too many."""
        fn = get_fn(self.blocks, None, body)
        state = self.blocks.state_holder[body.session_hash] if body.session_hash else None
        values = [
            state[block._id] if block.stateful and state is not None else value
            for block, value in zip(fn.inputs, body.data, strict=False)
        ]
        seconds = seconds_of(fn.fn, values) if fn.fn else None
        lane = lane_of(seconds)
        self.check_room(body.session_hash or "", lane)
        ok, event_id, kind = await super().push(body, request, username)
        if ok and lane and isinstance(event_id, str):
            self.change_lane(self.event_ids_to_events[event_id], lane)
        return ok, event_id, kind

    def check_room(self, session: str, lane: str | None) -> None:
        """Refused where no further event can be taken."""
        own = self.events_of(session)
        if len(own) >= EVENTS:
            raise Refused(429, said("server.many", count=len(own)))
        if lane is None:
            return
        of_lane = sum(event.concurrency_id == lane for event in own)
        if of_lane >= OF_SESSION[lane]:
            raise Refused(429, said("server.many", count=of_lane))
        waiting = len(self.event_queue_per_concurrency_id[lane].queue)
        if waiting >= WAITING[lane]:
            raise Refused(429, said("server.full", count=waiting))

    def change_lane(self, event: Event, lane: str) -> None:
        """Move an event that waits to another queue."""
        self.event_queue_per_concurrency_id[event.concurrency_id].queue.remove(event)
        event.concurrency_id = lane
        self.event_queue_per_concurrency_id[lane].queue.append(event)
        self.broadcast_estimations(lane, len(self.event_queue_per_concurrency_id[lane].queue) - 1)

    def broadcast_estimations(self, concurrency_id: str, after: int | None = None) -> None:
        """Tell who comes last how long the line is; those before ask `/line` for their place."""
        if after is not None:
            super().broadcast_estimations(concurrency_id, after)

    def get_events(self) -> Any:
        """The next event to start; on a busy server only runs whose answers somebody reads."""
        lanes = self.event_queue_per_concurrency_id
        for lane in AT_WORK:
            lanes[lane].queue.sort(key=lambda event: not self.readers[event.session_hash])
        held_back = {
            lane: lanes.pop(lane)
            for lane, eager in EAGER.items()
            if lanes[lane].queue
            and lanes[lane].current_concurrency >= eager
            and not self.readers[lanes[lane].queue[0].session_hash]
        }
        try:
            return super().get_events()
        finally:
            lanes.update(held_back)

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """Put a message into the mailbox of its session, if it still has one.

        The last message of a run waits for the next one: the event's result would repeat it.
        """
        mailbox = self.pending_messages_per_session.get(event.session_hash)
        if mailbox is None:
            event.alive = False
            return
        if mailbox.qsize() > UNREAD:
            if event.alive:
                self.say_ended(event, mailbox)
            return
        held = self.held.pop(event, None)
        if held is not None:
            result = isinstance(event_message, ProcessCompletedMessage) and event_message.success
            super().send_message(event, _without_last(held) if result else held)
        if event.concurrency_id in AT_WORK and event not in self.begun:
            self.begins(event, event_message)
        if isinstance(event_message, ProcessGeneratingMessage) and _places(event_message, DONE):
            self.held[event] = event_message
        else:
            super().send_message(event, event_message)

    def begins(self, event: Event, message: EventMessage) -> None:
        """Measure how long the first frame of a run took."""
        if isinstance(message, ProcessGeneratingMessage) and _places(message, RUNNING):
            self.begun.add(event)
            FIRST_FRAME.observe(time.monotonic() - event.enqueue_time)

    def lanes(self) -> Lanes:
        """How many runs are at work and waiting."""
        queues = self.event_queue_per_concurrency_id
        return {
            lane: (queues[lane].current_concurrency, len(queues[lane].queue)) for lane in AT_WORK
        }

    def at_work(self) -> Counter[str]:
        """How many runs are at work, by their event; those that no API has are ""."""
        jobs = (event for job in self.active_jobs for event in job or ())
        runs = [event for event in jobs if event.concurrency_id in AT_WORK]
        return Counter(event.fn.api_name or "" for event in runs)

    def ahead(self, session: str) -> int | None:
        """How many runs are before that of a session in its line; None where none of it waits."""
        for lane in AT_WORK:
            waiting = [e.session_hash for e in self.event_queue_per_concurrency_id[lane].queue]
            if session in waiting:
                return waiting.index(session)
        return None

    def compute_analytics_summary(self, records: Any) -> dict[str, Any]:
        """No statistics: nobody looks at them."""
        return self.cached_event_analytics_summary

    async def look_after(self) -> None:
        """End what nobody waits for, once a second."""
        while not self.stopped:
            await asyncio.sleep(1)
            now = time.monotonic()
            for session, mailbox in list(self.pending_messages_per_session.items()):
                if mailbox.is_read() and self.readers[session]:
                    self.silent.pop(session, None)
                    continue
                silence = now - self.silent.setdefault(session, now)
                for event in self.events_of(session) if silence > UNHEARD else ():
                    if now - event.enqueue_time > UNHEARD and event.alive:
                        await self.end(event)
                if silence > FORGOTTEN and not self.events_of(session):
                    self.forget(session)

    async def end(self, event: Event) -> None:
        """End an event that nobody waits for, and say so to whoever comes late."""
        await self.clean_events(event_id=event._id)
        mailbox = self.pending_messages_per_session.get(event.session_hash)
        if mailbox is not None:
            self.say_ended(event, mailbox)

    def say_ended(self, event: Event, mailbox: Mailbox) -> None:
        """Let this be the last that is said of an event."""
        event.alive = False
        language = language_of(event.request.headers)
        text = sentence(said("server.unheard", seconds=UNHEARD), language)
        title = sentence(said("server.ended"), language)
        output = {"error": text, "title": title, "visible": True, "duration": 10}
        message = ProcessCompletedMessage(output=output, success=False, event_id=event._id)
        self.pending_event_ids_session.setdefault(event.session_hash, set()).add(event._id)
        mailbox.put_nowait(message)

    def forget(self, session: str) -> None:
        """Throw the answers away that nobody has read."""
        self.pending_messages_per_session.pop(session, None)
        self.pending_event_ids_session.pop(session, None)
        self.silent.pop(session, None)


def _places(message: ProcessGeneratingMessage, status: str) -> list[int]:
    """Which values of a message are a player's, of this status: texts, or their replacement."""
    found = []
    for place, value in enumerate(message.output.get("data") or ()):
        text = value[0][-1] if isinstance(value, list) and value and value[0] else value
        if isinstance(text, str) and status in text[:80]:
            found.append(place)
    return found


def _without_last(message: ProcessGeneratingMessage) -> ProcessGeneratingMessage:
    """The message with nothing new in the place of a run's last message."""
    data, last = message.output["data"], _places(message, DONE)
    unchanged = [
        ([] if isinstance(value, list) else gr.skip()) if place in last else value
        for place, value in enumerate(data)
    ]
    return message.model_copy(update={"output": {**message.output, "data": unchanged}})


def prepared(blocks: gr.Blocks, busy: Callable[[str], bool]) -> FairQueue:
    """The queue of a page, made fair."""
    blocks.queue(max_size=1000, default_concurrency_limit=8, api_open=False)
    blocks._queue.__class__ = FairQueue
    queue = blocks._queue
    if not isinstance(queue, FairQueue):
        raise TypeError("the queue of this Gradio cannot be changed")
    queue.prepare(busy)
    return queue
