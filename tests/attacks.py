"""A hostile client: what a server must survive, over plain HTTP on this machine alone."""

from __future__ import annotations

import contextlib
import io
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
from PIL import Image

from tests.server import PATIENCE, ROOT, Stream, address_of, configured, defaults, event_of


class Server:
    """An app of its own: its address, its log, and the memory of its process."""

    def __init__(self, process: subprocess.Popen, log: Path) -> None:
        """Wait until the app has printed its address."""
        self.process, self.log = process, log
        configured.cache_clear()
        self.address = address_of(process)
        self.http = httpx.Client(base_url=self.address, timeout=PATIENCE)

    def megabytes(self) -> float:
        """What its process occupies in memory."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def join(
        self,
        name: str,
        data: list[Any] | None = None,
        session: str = "",
        client: httpx.Client | None = None,
    ) -> httpx.Response:
        """Ask for an event, and do not read its answers."""
        body = {
            "data": defaults(self.address, name) if data is None else data,
            "fn_index": event_of(self.address, name)["id"],
            "session_hash": session or uuid.uuid4().hex,
        }
        return (client or self.http).post("/gradio_api/queue/join", json=body)

    def run(self, name: str = "sample", session: str = "", **changed: Any) -> dict:
        """Call an event with its defaults but for some; what its last message says."""
        data = self.values(name, **changed)
        return list(Stream(self.address, name, data, session))[-1]

    def values(self, name: str, **changed: Any) -> list[Any]:
        """The values of an event by the names of its arguments, the others at their defaults."""
        listed = self.http.get("/gradio_api/info").json()["named_endpoints"][f"/{name}"]
        order = [each["parameter_name"] for each in listed["parameters"]]
        data, inputs = defaults(self.address, name), event_of(self.address, name)["inputs"]
        kinds = {each["id"]: each["type"] for each in configured(self.address)["components"]}
        places = [k for k, each in enumerate(inputs) if kinds[each] != "state"]
        for argument, value in changed.items():
            data[places[order.index(argument)]] = value
        return data

    def works(self) -> None:
        """Fails unless a run comes back whole."""
        final = self.run(steps=3)
        assert final["success"], final
        player = json.loads(final["output"]["data"][0])
        assert player["status"] == "done" and len(player["frames"]) == 4

    def printed(self) -> tuple[str, str]:
        """What a class prints once it is served, and the key of its teacher."""
        lines, found = "", None
        while found is None:
            lines += (self.process.stdout or io.StringIO()).readline()
            found = re.search(r"/teacher\?key=(\S+)", lines)
        return lines, found[1]

    def said(self) -> str:
        """What it has written to its log."""
        return self.log.read_text(encoding="utf-8")


@contextlib.contextmanager
def serving(
    folder: Path, *flags: str, tree: Path = ROOT, environment: dict[str, str] | None = None
) -> Iterator[Server]:
    """Start the `app.py` of a tree in a process of its own; its log and files lie in a folder."""
    log = folder / "log"
    settings = {**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(folder)}
    settings |= environment or {}
    with (
        log.open("w") as written,
        subprocess.Popen(
            [sys.executable, "app.py", *flags],
            cwd=tree,
            stdout=subprocess.PIPE,
            stderr=written,
            text=True,
            env=settings,
        ) as process,
    ):
        try:
            server = Server(process, log)
            with server.http:
                yield server
        finally:
            process.terminate()
            process.wait(timeout=30)


def waited(seconds: float, until: Any) -> bool:
    """Whether something becomes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def png(side=64):
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 80).save(buffer, "PNG")
    return buffer.getvalue()
