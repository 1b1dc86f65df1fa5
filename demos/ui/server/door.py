"""The ASGI layer in front of Gradio: every request is judged here before Gradio reads it.

Gradio has routes that this page never asks for: links to another learner's state, functions of
components, downloads of any address. They are closed. What is open gets bounded, well-formed
input, so that none of it ends in a fault of the server.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from gradio.server_messages import UnexpectedErrorMessage
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.paths import ROOT
from demos.ui.server.bodies import Disconnected, json_of, replaced, rewritten, word
from demos.ui.server.inside import Inside
from demos.ui.server.monitor import Monitor
from demos.ui.server.names import Names
from demos.ui.server.rates import Rates
from demos.ui.server.refusals import Refused
from demos.ui.server.room import Room
from demos.ui.server.uploads import Uploads, named

API = "/gradio_api/"
PREVIEW = ROOT / "assets" / "ui" / "preview.png"  # what a chat shows beside a link
PAGES = re.compile(
    r"/|/(config|theme\.css|favicon\.ico|preview\.png|manifest\.json|robots\.txt|pwa_icon)/?"
    r"|/(assets|static|pwa_icon)/.+|/(healthz|readyz|metrics|line)"
)
ASKED = re.compile(  # what is read below API
    r"(user|login_check|app_id|info|openapi\.json|startup-events|theme\.css|queue/status)/?"
    r"|queue/data|heartbeat/[^/]+|file=.+|upload_progress|call/(v2/)?[^/]+/[^/]+"
)
SENT = re.compile(r"queue/join|cancel|reset/?|upload|call/(v2/)?[^/]+/?")  # what is sent there
STREAMS = re.compile(r"queue/data|heartbeat/|call/")
LONGEST = 255  # bytes of one part of a path: more is no file anywhere
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "media-src 'self' data: blob:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors "
)
LOST = UnexpectedErrorMessage(message="there is no such session", session_not_found=True)
UNKNOWN = f"data: {LOST.model_dump_json()}\n\n"  # what Gradio's page takes for a lost session
FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


class Door:
    """Judges requests, then hands them to Gradio's app, see `open`."""

    def __init__(
        self, app: ASGIApp, inside: Inside, names: Names, cache: Path, room: Room | None = None
    ) -> None:
        """Stand before an app whose queue and sessions are `inside`, with its files in `cache`.

        With a `room`, only its class may enter.
        """
        self.room = room
        self.app, self.inside, self.names, self.cache = app, inside, names, cache
        self.rates, self.uploads = Rates(), Uploads(cache / "uploads")
        self.monitor = Monitor(inside.queue.lanes, inside.pages.total)
        self.policy = POLICY + " ".join(names.embedders())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        send = partial(self._headed, send, scope)
        try:
            await self.open(scope, receive, send)
        except Refused as refused:
            await refused(scope, receive, send)
        except Disconnected:
            return

    async def open(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, perhaps changed; Refused where it may not enter."""
        headers, path, method = Headers(scope=scope), scope["path"], scope["method"]
        self.names.check(method, headers)
        if "\0" in path or any(len(part.encode()) > LONGEST for part in path.split("/")):
            raise Refused(404, "there is no page at this address")
        answer = await self.room.answer(scope, receive) if self.room else None
        if answer is not None:
            await answer(scope, receive, send)
            return
        scope = _without(scope, "x-forwarded-proto") if _odd_scheme(headers) else scope
        asked = path.removeprefix(API) if path.startswith(API) else None
        with ExitStack() as stack:
            if method in ("GET", "HEAD"):
                if STREAMS.match(asked or ""):
                    stack.enter_context(self.rates.stream(_address(scope)))
                handler = self.asked(asked, scope, stack)
            elif method == "POST" and SENT.fullmatch(asked or ""):
                handler = await self.sent(asked or "", scope, receive, headers)
            else:
                raise Refused(405 if method != "POST" else 404, "there is nothing to send to here")
            await handler(scope, receive, send)

    def asked(self, asked: str | None, scope: Scope, stack: ExitStack) -> ASGIApp:
        """What answers a reading request."""
        if not (ASKED.fullmatch(asked) if asked is not None else PAGES.fullmatch(scope["path"])):
            raise Refused(404, "there is no page at this address")
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if scope["path"] == "/preview.png":
            return FileResponse(PREVIEW)
        if scope["path"] == "/line":
            return JSONResponse({"ahead": self.inside.queue.ahead(query.get("session_hash", ""))})
        monitored = self.monitor.answer(scope["path"])
        if monitored is not None:
            return monitored
        if asked is None:
            for key in ("deep_link", "page"):  # our links hold requests, never a session's state
                query.pop(key, None)
            scope["query_string"] = urlencode(query).encode()
        elif asked == "queue/data":
            session = word(query.get("session_hash"), "session_hash")
            if not self.inside.knows(session):
                return PlainTextResponse(UNKNOWN, media_type="text/event-stream")
            stack.enter_context(self.inside.heard(session))
        elif asked.startswith("heartbeat/"):
            session = word(asked.removeprefix("heartbeat/"), "session_hash")
            stack.enter_context(self.inside.here(session))
        elif asked.startswith("call/"):
            session = self.inside.session_of(asked.rpartition("/")[2])
            if not self.inside.knows(session):
                raise Refused(404, "this event has ended, and its answers are not kept any more")
            stack.enter_context(self.inside.heard(session))
        elif asked == "upload_progress":  # an upload is answered when it is complete
            return PlainTextResponse('data: {"msg": "done"}\n\n', media_type="text/event-stream")
        elif asked.startswith("file="):
            self._file(asked.removeprefix("file="), scope)
        return self.app

    def _file(self, name: str, scope: Scope) -> None:
        upload = self.uploads.path_of(name)
        if upload is not None:
            path = f"{API}file={upload}"
            scope.update(path=path, raw_path=path.encode())
        elif self.cache not in Path(name).parents or ".." in name:
            raise Refused(404, "there is no such picture here")

    async def sent(self, asked: str, scope: Scope, receive: Receive, headers: Headers) -> ASGIApp:
        """What answers a changing request; its body is read and judged here."""
        address = _address(scope)
        if asked == "upload":
            names, size = await self.uploads.taken(Request(scope, receive))
            self.rates.upload(address, size)
            return JSONResponse(names)
        body = await json_of(receive, headers.get("content-length", ""))
        if asked == "queue/join":
            session = word(body.get("session_hash"), "session_hash")
            self.rates.event(session, address)
            self.inside.judge(body)
        elif asked.startswith("call/"):
            name = asked.removeprefix("call/").removeprefix("v2/").rstrip("/")
            self.rates.event("", address)
            self.inside.judge_call(name, body, named="v2/" in asked)
        elif asked == "cancel":
            for key in ("session_hash", "event_id"):
                word(body.get(key), key)
        body = rewritten(body, partial(named, uploads=self.uploads, cache=self.cache))
        text = json.dumps(body).encode()
        changed = _without(scope, "content-length", "content-type", "transfer-encoding")
        changed["headers"] += [
            (b"content-length", str(len(text)).encode()),
            (b"content-type", b"application/json"),
        ]
        return _fixed(self.app, changed, replaced(text, receive))

    async def _headed(self, send: Send, scope: Scope, message: Message) -> None:
        if message["type"] == "http.response.start":
            message.setdefault("headers", [])
            headers = MutableHeaders(scope=message)
            for name in [name for name in headers if name.startswith("access-control-")]:
                del headers[name]
            is_file = scope["path"].startswith(f"{API}file=")
            headers["content-security-policy"] = FILE_POLICY if is_file else self.policy
            headers["x-content-type-options"] = "nosniff"
            headers["referrer-policy"] = "same-origin"
        await send(message)


def _fixed(app: ASGIApp, scope: Scope, receive: Receive) -> ASGIApp:
    """An app that gets this scope and this body, whatever it is called with."""

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await app(scope, receive, send)

    return answer


def _address(scope: Scope) -> str:
    return (scope.get("client") or ("",))[0]


def _odd_scheme(headers: Headers) -> bool:
    return headers.get("x-forwarded-proto", "http") not in ("http", "https")


def _without(scope: Scope, *names: str) -> Scope:
    unwanted = {name.encode() for name in names}
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] not in unwanted]}
