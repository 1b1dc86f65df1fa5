"""A request that is not taken: its HTTP status and the sentence that says why.

What a page can run into is said in its language; what only a program can send, in English.
"""

from __future__ import annotations

import json

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Receive, Scope, Send

from demos.ui.errors import COOKIE
from demos.words import LANGUAGES, Say, sentence


def language_of(headers: Headers) -> str:
    """The language that a browser has chosen here, or prefers."""
    chosen = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
    preferred = [each.strip()[:2] for each in headers.get("accept-language", "").split(",")]
    known = [each for each in (chosen, *preferred) if each in LANGUAGES]
    return known[0] if known else LANGUAGES[0]


class Refused(Exception):
    """Why a request goes no further.

    Attributes:
        status: HTTP status, 400..507.
        say: what is wrong, what is allowed, what to do.
        wait: seconds after which it may be tried again; 0 says nothing.
    """

    def __init__(self, status: int, say: Say, wait: int = 0) -> None:
        """Keep all three."""
        super().__init__(sentence(say))
        self.status, self.say, self.wait = status, say, wait

    def told(self, headers: Headers) -> str:
        """The sentence in the language of a request."""
        return sentence(self.say, language_of(headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the sentence, where Gradio's page and FastAPI's clients look for it."""
        told = self.told(Headers(scope=scope))
        body = json.dumps({"detail": told}, ensure_ascii=False).encode()
        headers = [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        if self.wait:
            headers.append((b"retry-after", str(self.wait).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
