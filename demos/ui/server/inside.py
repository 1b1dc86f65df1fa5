"""What the door knows of the page behind it: its events, its sessions, who listens."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction

from demos.ui.server.guard import guard
from demos.ui.server.queue import prepared
from demos.ui.server.refusals import Refused


class Inside:
    """The events of a page and the sessions that call them."""

    def __init__(self, blocks: gr.Blocks) -> None:
        """Look at a page that is complete, and take over its queue."""
        self.blocks = blocks
        self.pages: Counter[str] = Counter()  # the open pages of each session
        self.queue = prepared(blocks, self.busy)
        guard(list(blocks.fns.values()))
        self.events = {
            str(fn.api_name): fn for fn in blocks.fns.values() if fn.api_visibility == "public"
        }
        listed = blocks.get_api_info()["named_endpoints"]
        self.arguments = {
            name: [each["parameter_name"] for each in listed[f"/{name}"]["parameters"]]
            for name in self.events
        }

    def busy(self, session: str) -> bool:
        """Whether a session has a page open, an answer to read, or an event at work."""
        open_pages = self.pages[session] or self.queue.readers[session]
        return bool(open_pages or self.queue.events_of(session))

    def counted(self) -> tuple[int, Counter[str], int]:
        """The open pages, the runs at work by their event, and how many wait in line."""
        waiting = sum(count for _, count in self.queue.lanes().values())
        return self.pages.total(), self.queue.at_work(), waiting

    @contextlib.contextmanager
    def here(self, session: str) -> Iterator[None]:
        """While a page is open, its session is not forgotten."""
        with _counted(self.pages, session):
            yield

    @contextlib.contextmanager
    def heard(self, session: str) -> Iterator[None]:
        """While the answers of a session are read, its events go on."""
        with _counted(self.queue.readers, session):
            yield

    def knows(self, session: str) -> bool:
        """Whether a session has answers to read, or will have."""
        return session in self.queue.pending_messages_per_session

    def session_of(self, event_id: str) -> str:
        """The session of an event; an event that was called without one is its own."""
        event = self.queue.event_ids_to_events.get(event_id)
        if event is not None:
            return event.session_hash
        waiting = self.queue.pending_event_ids_session.items()
        return next((session for session, ids in waiting if event_id in ids), event_id)

    def judge(self, body: dict[str, Any]) -> None:
        """Refused where an event does not exist, or gets another number of values."""
        index, data, trigger = (body.get(key) for key in ("fn_index", "data", "trigger_id"))
        fn = self.blocks.fns.get(index) if type(index) is int else None
        if fn is None or fn.fn is None:
            raise Refused(404, f"there is no event with fn_index {str(index)[:20]}")
        if trigger is not None and (type(trigger) is not int or trigger not in self.blocks.blocks):
            raise Refused(400, "trigger_id must be null or the id of a component of the page")
        self._check_count(fn, data, (len(fn.inputs),))

    def judge_call(self, name: str, body: dict[str, Any], named: bool) -> None:
        """The same for an event that is called by name, with values in order or by name."""
        fn = self.events.get(name)
        if fn is None:
            known = ", ".join(sorted(self.events))
            raise Refused(404, f"there is no event {name[:40]!r}; there are {known}")
        if not named:
            visible = sum(not block.skip_api for block in fn.inputs)
            self._check_count(fn, body.get("data"), (len(fn.inputs), visible))
            return
        known = self.arguments[name]
        strange = [key for key in body if key not in known]
        if strange:
            raise Refused(400, f"{name} has no argument {strange[0][:40]!r}; it has {known}")

    def _check_count(self, fn: BlockFunction, data: Any, counts: tuple[int, ...]) -> None:
        if not isinstance(data, list) or len(data) not in counts:
            raise Refused(
                400, f"data must be a list of {counts[-1]} values, one for each of the inputs"
            )


@contextlib.contextmanager
def _counted(counter: Counter[str], key: str) -> Iterator[None]:
    counter[key] += 1
    try:
        yield
    finally:
        counter[key] -= 1
        if not counter[key]:
            del counter[key]
