"""A request that is not taken: its HTTP status and the sentence that says why."""

from __future__ import annotations

import json

from starlette.types import Receive, Scope, Send


class Refused(Exception):
    """Why a request goes no further.

    Attributes:
        status: HTTP status, 400..507.
        sentence: what is wrong, what is allowed, what to do.
        wait: seconds after which it may be tried again; 0 says nothing.
    """

    def __init__(self, status: int, sentence: str, wait: int = 0) -> None:
        """Keep all three."""
        super().__init__(sentence)
        self.status, self.sentence, self.wait = status, sentence, wait

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the sentence, where Gradio's page and FastAPI's clients look for it."""
        body = json.dumps({"detail": self.sentence}, ensure_ascii=False).encode()
        headers = [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        if self.wait:
            headers.append((b"retry-after", str(self.wait).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
