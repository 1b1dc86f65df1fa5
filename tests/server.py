"""The app as a process of its own, and a raw client of its event stream."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parent.parent
PATIENCE = 240  # seconds for a start on a slow machine


@contextlib.contextmanager
def running(*flags: str) -> Iterator[str]:
    """Start `python app.py`; yields its address and ends it afterwards."""
    command = [sys.executable, "app.py", *flags]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    configured.cache_clear()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield address_of(process)
        finally:
            process.terminate()


def address_of(process: subprocess.Popen) -> str:
    """The address that a starting app prints."""
    deadline = time.monotonic() + PATIENCE
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(r"http://\S+:\d+", line)
        if found:
            return found.group()
        if time.monotonic() > deadline:
            break
    raise RuntimeError("the app did not print an address")


class Stream:
    """One event posted over plain HTTP, its answers read from the raw event stream.

    After iterating: `seconds` from the post to the end, `times` to each answer, `sizes` of the
    answers in bytes. The connection is made before the clock starts, as in a page.
    """

    def __init__(self, address: str, api_name: str, data: list[Any], session: str = "") -> None:
        """Post the event, as a new session unless one is named."""
        self.http = httpx.Client(base_url=f"{address}/gradio_api", timeout=PATIENCE)
        self.session = session or uuid.uuid4().hex
        index = event_of(address, api_name)["id"]
        self.http.get("/startup-events")
        self.begun = time.perf_counter()
        self.body = {"data": data, "fn_index": index, "session_hash": self.session}
        answer = self.http.post("/queue/join", json=self.body)
        answer.raise_for_status()
        self.event = answer.json()["event_id"]
        self.seconds, self.times, self.sizes = 0.0, [], []

    def __iter__(self) -> Iterator[dict]:
        """The messages of the event until it is completed."""
        url = f"/queue/data?session_hash={self.session}"
        with contextlib.closing(self.http), self.http.stream("GET", url) as response:
            for line in response.iter_lines():
                if not line.startswith("data:"):
                    continue
                now = time.perf_counter() - self.begun
                message = json.loads(line[5:])
                if message["msg"] == "process_generating":
                    self.times.append(now)
                    self.sizes.append(len(line))
                yield message
                if message["msg"] in ("process_completed", "close_stream"):
                    self.seconds = now
                    return

    def cancel(self) -> None:
        """Stop the event, as the Stop button does."""
        body = {**self.body, "event_id": self.event}
        self.http.post("/cancel", json=body).raise_for_status()


def ended(stream: Stream, most: int = 8) -> dict:
    """The last message of an event; one that goes on after so many is stopped.

    What looks closer at a run needs nothing from outside: a session has a run by itself.
    """
    for count, message in enumerate(stream):
        if count == most:
            stream.cancel()
        if count == most or message["msg"] == "process_completed":
            return message
    raise AssertionError("the event did not end")


@functools.cache
def configured(address: str) -> dict:
    """The app's configuration, read once, as by a page."""
    return httpx.get(f"{address}/config", timeout=PATIENCE).json()


def event_of(address: str, api_name: str) -> dict:
    """What the app's configuration says of an event."""
    dependencies = configured(address)["dependencies"]
    return next(each for each in dependencies if each["api_name"] == api_name)


def defaults(address: str, api_name: str) -> list[Any]:
    """The default arguments of an event, in the order that its inputs are posted in."""
    components = configured(address)["components"]
    values = {each["id"]: each["props"].get("value") for each in components}
    return [values[each] for each in event_of(address, api_name)["inputs"]]
