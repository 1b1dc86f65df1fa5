"""Sessions that hold what runs leave behind, within bounds; seen in Gradio 6.31.

Gradio's own keep a copy of the whole page and of every value in each of them, and forget the
oldest one although its page is open.
"""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState, StateHolder

SESSIONS = 4000  # kept; those with an open page and those at work are never forgotten
SESSION_BYTES, ALL_BYTES = 300_000_000, 1_500_000_000  # of what finished runs leave behind


class Session(SessionState):
    """A session that holds what its states hold, and no copy of the page.

    Gradio copies the configuration of every component into a new session (27 ms) and each value
    that is sent or shown into it, for its deep links, which are closed here.
    """

    def __init__(self, blocks: gr.Blocks, grown: Callable[[], None]) -> None:
        """An empty session; `grown` is called when a run leaves something behind in it."""
        self.blocks_config = copy.copy(blocks.default_config)
        self.grown = grown
        self.config_values: dict[int, dict] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed, self.STATE_TTL_WHEN_CLOSED = False, 3600

    def __setitem__(self, key: int, value: Any) -> None:
        """Keep a state, unless it is too large, or a changed component."""
        block = self.blocks_config.blocks.get(key)
        if not isinstance(block, gr.State):
            self.blocks_config.blocks[key] = value
            return
        size = getattr(value, "nbytes", 0)
        self._state_ttl[key] = (block.time_to_live, datetime.datetime.now())
        self.state_data[key] = value if size <= SESSION_BYTES else None
        if size:
            self.grown()

    def _update_config(self, key: int) -> None:
        """No copy of a component's configuration."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """No copy of what was sent or shown."""

    @property
    def nbytes(self) -> int:
        """Bytes of what its runs left behind."""
        return sum(getattr(value, "nbytes", 0) for value in self.state_data.values())


class Sessions(StateHolder):
    """All sessions: the least used is forgotten first, but never one whose page is open."""

    def __init__(self, busy: Callable[[str], bool]) -> None:
        """`busy` says whether a session has a page open or an event at work."""
        super().__init__()
        self.busy = busy

    def set_blocks(self, blocks: gr.Blocks) -> None:
        """Take the page over."""
        super().set_blocks(blocks)
        self.capacity = SESSIONS

    def __getitem__(self, session_id: str) -> SessionState:
        """The session of this hash, a new one where there is none."""
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks, self.lighten)
        return super().__getitem__(session_id)

    def update(self, session_id: str) -> None:
        """Mark a session as used now; where there are too many, forget an idle one."""
        with self.lock:
            self.session_data.move_to_end(session_id)
            if len(self.session_data) <= self.capacity:
                return
            idle = (key for key in self.session_data if key != session_id and not self.busy(key))
            if oldest := next(idle, None):
                del self.session_data[oldest]
                self.time_last_used.pop(oldest, None)

    def lighten(self) -> None:
        """Forget what the largest sessions keep of their runs, until the rest fits."""
        sessions = list(self.session_data.items())
        sizes = {key: each.nbytes for key, each in sessions if isinstance(each, Session)}
        total = sum(sizes.values())
        for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
            if total <= ALL_BYTES:
                return
            self.session_data[key].state_data.clear()
            total -= sizes[key]
