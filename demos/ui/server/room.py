"""A class: who may enter, what the teacher sees of it, and the link that the teacher offers.

Whoever types the word of the class gets a cookie, which this start of the server knows; the
teacher's page is behind a key that is printed at the start. It shows counts alone.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
from collections import Counter
from collections.abc import Callable
from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope

from core.paths import ROOT
from demos.ui.server.bodies import json_of
from demos.ui.server.rates import Guesses
from demos.ui.server.refusals import Refused, language_of
from demos.views import codes
from demos.words import said, sentence

UI = ROOT / "assets" / "ui"
TICKET = "stepwise_room"  # the cookie of whoever has said the word
OPEN = (  # without the word; the last is by which Gradio begins
    "/healthz",
    "/readyz",
    "/metrics",
    "/favicon.ico",
    "/preview.png",
    "/gradio_api/startup-events",
)
TAB_OF = {  # the tab of an event
    "schedule": "schedules",
    "noise": "forward",
    "sample": "sampling",
    "invert": "inversion",
    "edit": "inversion",
    "compare_methods": "inversion",
    "experiment": "experiments",
    "train": "training",
}
WORD = re.compile(r"\{\{(\w+\.\w+)\}\}")  # the key of a word in a page
Counting = Callable[[], tuple[int, Counter[str], int]]  # pages, runs by event, runs in line


class Room:
    """The room of a class, before whose door everybody stands who has not said its word."""

    def __init__(self, code: str = "") -> None:
        """Of a class with this word; "" is open to all who reach the server."""
        self.code = code.strip().casefold()
        self.key, self._ticket = secrets.token_urlsafe(9), secrets.token_urlsafe(18)
        self.link, self.number = "", 0  # what is offered, and how often something was
        self.counting: Counting = lambda: (0, Counter(), 0)
        self.guesses = Guesses()

    def said(self, port: int) -> str:
        """What whoever starts the server reads."""
        word = f", their word is {self.code}" if self.code else ""
        learners = f"http://{reached_by(f'localhost:{port}')}/"
        teacher = f"http://localhost:{port}/teacher?key={self.key}"
        return f"* Learners open {learners}{word}\n* The teacher's page: {teacher}"

    async def answer(self, scope: Scope, receive: Receive) -> Response | None:
        """What is answered instead of the page; None lets a request in.

        Refused for a request without the word, a wrong key, and a link that is none of the page.
        """
        path, headers = scope["path"], Headers(scope=scope)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if path == "/teacher":
            return await self._teacher(scope, receive, headers, query)
        if not self._admits(headers) and path not in OPEN:
            return self._gate(scope, headers, query)
        if path == "/offer":
            return JSONResponse({"number": self.number, "link": self.link})
        return None

    def _admits(self, headers: Headers) -> bool:
        shown = cookie_parser(headers.get("cookie", "")).get(TICKET, "")
        return not self.code or secrets.compare_digest(shown.encode(), self._ticket.encode())

    def _gate(self, scope: Scope, headers: Headers, query: dict[str, str]) -> Response:
        if scope["path"] != "/" or scope["method"] not in ("GET", "HEAD"):
            raise Refused(401, said("server.word"))
        word = query.pop("code", None)
        if word is None:
            return page("gate", headers, wrong="")
        if not self.guesses.right(scope, word.strip().casefold(), self.code):
            wrong = sentence(["room.wrong", {}], language_of(headers))
            return page("gate", headers, 403, wrong=wrong)
        answer = RedirectResponse("/" + (f"?{urlencode(query)}" if query else ""), 303)
        answer.set_cookie(TICKET, self._ticket, httponly=True, samesite="lax")
        return answer

    async def _teacher(
        self, scope: Scope, receive: Receive, headers: Headers, query: dict[str, str]
    ) -> Response:
        body = {}
        if scope["method"] == "POST":
            body = await json_of(receive, headers.get("content-length", ""))
        key = str(body.get("key") or query.get("key", ""))
        if not self.guesses.right(scope, key, self.key):
            raise Refused(403, said("server.teacher"))
        if scope["method"] == "POST":
            if "link" in body:
                self._offer(body["link"])
            return JSONResponse(self.state())
        address = f"http://{reached_by(headers.get('host', ''))}/"
        entry = address + (f"?{urlencode({'code': self.code})}" if self.code else "")
        word, shown = self.code or "–", codes.code(entry)
        return page("teacher", headers, code=word, address=address, qr=shown)

    def _offer(self, link: object) -> None:
        """Offer a link of this page, of which only what follows the ? is kept; "" offers none."""
        parts = urlsplit(link.strip()) if isinstance(link, str) else None
        if parts is None or (link and not parts.query):
            raise Refused(400, said("server.link"))
        kept = [(k, v) for k, v in parse_qsl(parts.query) if k not in ("code", "__theme")]
        self.link, self.number = urlencode(kept), self.number + 1

    def state(self) -> dict[str, object]:
        """How many learners are here, what they run, and what is offered."""
        pages, runs, waiting = self.counting()
        tabs: Counter[str] = Counter()
        for event, count in runs.items():
            tabs[TAB_OF.get(event, "")] += count
        named = {f"tab.{tab}": count for tab, count in tabs.items() if tab}
        return {"learners": pages, "runs": named, "waiting": waiting, "link": self.link}


def reached_by(host: str) -> str:
    """The host by which others reach this machine, where it calls itself by another."""
    name, colon, port = host.partition(":")
    if name not in ("localhost", "127.0.0.1"):
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("10.255.255.255", 1))  # sends nothing: it only chooses a way out
        name = probe.getsockname()[0]
    return f"{name}{colon}{port}"


def page(name: str, headers: Headers, status: int = 200, **values: str) -> Response:
    """A page of its own, its words in the language of the browser."""
    language, text = language_of(headers), read(f"{name}.html")
    for file in ("css/room.css", f"js/{name}.js"):
        text = text.replace(f"/* {file} */", read(file) if file in text else "")
    text = WORD.sub(lambda found: escape(sentence([found[1], {}], language)), text)
    for key, value in {**values, "language": language}.items():
        text = text.replace("{{" + key + "}}", escape(value))
    return HTMLResponse(text, status)


def read(name: str) -> str:
    """A file of the page."""
    return (UI / name).read_text(encoding="utf-8")
