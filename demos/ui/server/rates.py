"""How often one session and one address may ask: the windows of `limits`, and open connections."""

from __future__ import annotations

import contextlib
import secrets
from collections import Counter
from collections.abc import Iterator

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import Scope

from demos.ui.server.refusals import Refused
from demos.words import said

# A class behind one router shares its address, so an address may ask for a hundred learners.
EVENTS = (parse("1200/minute"), parse("12000/minute"))  # of a session, of an address
UPLOADS = parse("600/hour")  # of an address
GUESSES = parse("60/minute")  # wrong ones, from an address
STREAMS = 600  # connections of an address that stay open: two a page
MEGABYTES = 300  # uploaded from an address in an hour


class Rates:
    """Counts what sessions and addresses ask for."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self.windows = SlidingWindowCounterRateLimiter(MemoryStorage())
        self.volume = parse(f"{MEGABYTES * 1000}/hour")  # kilobytes
        self.streams: Counter[str] = Counter()

    def event(self, session: str, address: str) -> None:
        """Count one event; Refused where the session or the address asks too often."""
        of_session, of_address = EVENTS
        self._count(of_session, "session", session)
        self._count(of_address, "address", address)

    def upload(self, address: str, size: int) -> None:
        """Count an upload of so many bytes; Refused where the address sends too many."""
        self._count(UPLOADS, "uploads", address)
        self._count(self.volume, "volume", address, cost=1 + size // 1000)

    def _count(self, item: RateLimitItem, kind: str, key: str, cost: int = 1) -> None:
        if not self.windows.hit(item, kind, key, cost=cost):
            raise Refused(429, said("server.requests"), wait=60)

    @contextlib.contextmanager
    def stream(self, address: str) -> Iterator[None]:
        """Count a connection while it is open; Refused where the address has too many."""
        if self.streams[address] >= STREAMS:
            raise Refused(429, said("server.connections", most=STREAMS))
        self.streams[address] += 1
        try:
            yield
        finally:
            self.streams[address] -= 1
            if not self.streams[address]:
                del self.streams[address]


class Guesses:
    """Judges what is said for a word or a key, and counts what is wrong."""

    def __init__(self) -> None:
        """Nobody has guessed yet."""
        self.windows = SlidingWindowCounterRateLimiter(MemoryStorage())

    def right(self, scope: Scope, given: str, known: str) -> bool:
        """Whether it is what is known; Refused where too many from one address were wrong."""
        address = (scope.get("client") or ("",))[0]
        if not self.windows.test(GUESSES, address):
            raise Refused(429, said("server.tries"), wait=60)
        right = secrets.compare_digest(given.encode(), known.encode())
        if not right:
            self.windows.hit(GUESSES, address)
        return right
