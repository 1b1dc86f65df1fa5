"""Two thousand malformed requests over all routes: each is answered, none ends in a fault."""

import json
import random
from typing import Any

import httpx
import pytest

from tests.attacks import serving
from tests.server import Stream, configured, ended

REQUESTS, EVENTS = 2000, 120
WORDS = ["", "a", "é", "\ud800", "x" * 70, "../..", "0", "null", "%00", "a b", "<script>", "💥"]
NUMBERS = [0, -1, 1, 2**31, 2**63, 10**30, 0.5, 1e308, float("nan"), float("inf")]
SCALARS: list[Any] = [None, True, *WORDS, *NUMBERS]
METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "BREW"]
PARTS = [
    "gradio_api",
    "queue",
    "join",
    "data",
    "call",
    "v2",
    "sample",
    "noise",
    "edit",
    "run",
    "api",
    "predict",
    "cancel",
    "reset",
    "upload",
    "upload_progress",
    "heartbeat",
    "stream",
    "close",
    "component_server",
    "deep_link",
    "config",
    "info",
    "openapi.json",
    "theme.css",
    "static",
    "assets",
    "file=",
    "file",
    "proxy=",
    "svelte",
    "custom_component",
    "monitoring",
    "summary",
    "run-history",
    "records",
    "startup-events",
    "process_recording",
    "vibe-edit",
    "manifest.json",
    "robots.txt",
    "login",
    "logout",
    "token",
    "app_id",
    "user",
    "dev",
    "reload",
    "pwa_icon",
    "favicon.ico",
    "playlist.m3u8",
]
TYPES = [
    "application/json",
    "text/plain",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
]
KEYS = [
    "data",
    "fn_index",
    "session_hash",
    "event_id",
    "trigger_id",
    "event_data",
    "simple_format",
    "batched",
]


def value(draw: random.Random, depth: int = 0) -> Any:
    """Any JSON value, and some that are none."""
    kind = draw.randrange(8)
    if depth > 3 or kind < 5:
        return draw.choice(SCALARS)
    if kind == 5:
        return {str(draw.choice(KEYS)): value(draw, depth + 1) for _ in range(draw.randrange(4))}
    if kind == 6:
        file = {"path": draw.choice([*WORDS, "/etc/passwd", "http://127.0.0.1:1/a", "upload/a"])}
        return file | {"meta": {"_type": "gradio.FileData"}, "url": draw.choice(WORDS)}
    return [value(draw, depth + 1) for _ in range(draw.randrange(5))]


def content(draw: random.Random) -> bytes:
    """The body of a request."""
    if draw.random() < 0.2:
        return draw.randbytes(draw.randrange(200))
    body: Any = {key: value(draw) for key in KEYS if draw.random() < 0.6}
    if draw.random() < 0.5:
        body["session_hash"], body["fn_index"] = "fuzz", draw.randrange(-2, 150)
    text = json.dumps(body if draw.random() < 0.9 else value(draw))
    return text[: draw.randrange(len(text) + 1)].encode() if draw.random() < 0.1 else text.encode()


def request(draw: random.Random) -> dict[str, Any]:
    """One malformed request."""
    known = [
        "queue/join",
        "queue/data",
        "cancel",
        "reset",
        "upload",
        "call/sample",
        "call/v2/noise",
    ]
    if draw.random() < 0.6:
        path = f"/gradio_api/{draw.choice(known)}"
    else:
        path = "/" + "/".join(draw.choice([*PARTS, "é", "..", "%00", "a" * 300]) for _ in range(3))
    method = draw.choice(METHODS) if draw.random() < 0.4 else "POST"
    query = (
        {draw.choice(KEYS): draw.choice(["", "a", "é", "x" * 90])} if draw.random() < 0.4 else {}
    )
    headers = {"content-type": draw.choice(TYPES)}
    if draw.random() < 0.2:
        odd = [
            "host",
            "origin",
            "x-forwarded-host",
            "x-forwarded-proto",
            "content-length",
            "range",
        ]
        headers[draw.choice(odd)] = draw.choice(["", "a b", "evil.example", "-1", "9" * 30])
    return {"method": method, "url": path, "content": content(draw), "headers": headers} | (
        {"params": query} if query else {}
    )


def answers(client: httpx.Client, sent: dict[str, Any]) -> tuple[int, str]:
    """Status and first bytes of an answer; a stream is not read to its end."""
    try:
        with client.stream(**sent) as answer:
            if "event-stream" in answer.headers.get("content-type", ""):
                return answer.status_code, ""
            return answer.status_code, answer.read()[:2000].decode("utf-8", "replace")
    except (httpx.LocalProtocolError, httpx.InvalidURL, ValueError):
        return 0, ""  # the client itself does not send this
    except httpx.RemoteProtocolError:
        return 400, ""  # refused below HTTP


@pytest.mark.alone
@pytest.mark.slow
def test_no_malformed_request_is_a_fault(tmp_path):
    draw = random.Random(14)
    with serving(tmp_path) as server:
        sent = 0
        while sent < REQUESTS:
            each = request(draw)
            status, text = answers(server.http, each)
            sent += status > 0
            assert status < 500, (each, status, text)
            assert "Traceback" not in text and '"error":null' not in text.replace(" ", ""), each
        events = [e for e in configured(server.address)["dependencies"] if e["backend_fn"]]
        for _ in range(EVENTS):
            event = draw.choice(events)
            data = [value(draw) for _ in event["inputs"]]
            if any(part in json.dumps(data) for part in ("NaN", "Infinity", "\\ud800", "path")):
                continue  # those end at the door, as above
            final = ended(Stream(server.address, event["api_name"], data))
            error = final["output"].get("error")
            assert final["success"] or (error and "fault here" not in error), (event, data, final)
        assert "Traceback" not in server.said(), server.said()[-3000:]
        server.works()
