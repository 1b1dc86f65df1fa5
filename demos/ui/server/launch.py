"""Serve the page until it is interrupted, and end without leaving anything behind."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import shutil
import signal
import time
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any, NoReturn

import gradio as gr
from gradio.routes import App, ORJSONResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from core.paths import ROOT
from demos.ui.controls import i18n
from demos.ui.server.door import Door
from demos.ui.server.frontend import cover
from demos.ui.server.inside import Inside
from demos.ui.server.monitor import READY
from demos.ui.server.names import Names
from demos.ui.server.queue import THREADS
from demos.ui.server.room import Room
from demos.ui.server.sessions import Sessions
from demos.words import said, sentence

M_ARENA_MAX = -8  # of malloc.h
FAVICON = ROOT / "assets" / "ui" / "favicon.png"
ABOUT = escape(sentence(said("page.description")))
CARD = f"""
<meta name="description" content="{ABOUT}" />
<meta property="og:type" content="website" />
<meta property="og:title" content="Stepwise" />
<meta property="og:description" content="{ABOUT}" />
<meta property="og:image" content="{{{{ config.get('root', '') }}}}/preview.png" />
<meta name="twitter:card" content="summary_large_image" />
"""
EVERYWHERE = "0.0.0.0"
CLASS = '<meta name="stepwise-class" content="" />'  # of a page that a teacher may offer links
SETTINGS: dict[str, Any] = {
    "theme": gr.themes.Default(
        primary_hue="sky",
        neutral_hue="slate",
        font=("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"),
        font_mono=("ui-monospace", "SFMono-Regular", "Menlo", "monospace"),
    ),
    "prevent_thread_lock": True,
    "max_threads": THREADS,
    "run_history": False,
    "ssr_mode": False,
    "enable_monitoring": False,
    "_frontend": False,  # no self-check of the page at the start: it gives a slow machine 3 s
    "footer_links": ["api", "settings"],
    "favicon_path": FAVICON,
}


class Iterators(dict):
    """The runs at work. Gradio looks for one, waits for its end, and deletes it without looking.

    A run that is stopped as it ends is deleted twice, which would be an error of the server.
    """

    def __delitem__(self, event: str) -> None:
        """Forget a run, also one that has been forgotten."""
        self.pop(event, None)


class GuardedApp(App):
    """Gradio's app behind a `Door`, with `Sessions` of ours."""

    def __init__(
        self, inside: Inside, names: Names, cache: Path, room: Room | None = None
    ) -> None:
        """An app for the page that is `inside`, for all, or for the class of a room."""
        super().__init__(default_response_class=ORJSONResponse)
        self.state_holder, self.iterators = Sessions(inside.busy), Iterators()
        self.inside, self.names, self.cache, self.room = inside, names, cache, room
        if room is not None:
            room.counting = inside.counted

    def build_middleware_stack(self) -> ASGIApp:
        """The door, and behind it all that Starlette and Gradio put in front of the routes."""
        app = GZipMiddleware(super().build_middleware_stack(), minimum_size=1024, compresslevel=5)
        return Door(app, self.inside, self.names, self.cache, self.room)


def launch(
    blocks: gr.Blocks,
    head: str,
    host: str | None = None,
    port: int | None = None,
    allowed: Iterable[str] = (),
    room: Room | None = None,
) -> None:
    """Serve a page in the background.

    Args:
        blocks: the page, complete.
        head: its style and script, as HTML.
        host: the address to listen on; None is 127.0.0.1, and every one with a room.
        port: None is 7860, or the next one that is free.
        allowed: host names by which the page may be called, and whose pages may show it.
        room: that of a class, which alone may enter; None lets everybody in.

    Raises:
        ValueError: the port is taken, or the address is not one of this machine.
    """
    few_arenas()
    many_files()
    if os.environ.get("SPACE_ID"):  # the address of a visitor is what the Space's proxy says
        os.environ.setdefault("FORWARDED_ALLOW_IPS", "*")
    host = host or (EVERYWHERE if room else None)
    names = Names([*allowed, *([host] if host else [])])
    app = GuardedApp(Inside(blocks), names, cache(), room)
    head = (CLASS if room else "") + head  # before the scripts, which ask for it
    cover(CARD)
    settings = {**SETTINGS, "server_name": host, "server_port": port, "_app": app}
    try:
        blocks.launch(head=head, i18n=i18n, **settings)
    except OSError as error:
        where = f"port {port}" if port else "ports 7860 to 7959"
        raise ValueError(
            f"cannot listen on {host or '127.0.0.1'}, {where}: another program does, or the "
            "address is not this machine's; choose another with --port or --host"
        ) from error
    if room is not None:
        print(room.said(blocks.server_port), flush=True)


def few_arenas() -> None:
    """Let all threads share two heaps: with one for each, what a run frees stays in many of them.

    Of glibc alone; elsewhere nothing changes. https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, 2)


def many_files() -> None:
    """Let the process open as many files as the system allows it: each page is one or two.

    Where the system has no such limits nothing changes.
    https://man7.org/linux/man-pages/man2/getrlimit.2.html
    """
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def cache() -> Path:
    """The folder in which Gradio keeps files, this process's own."""
    return Path(os.environ["GRADIO_TEMP_DIR"])


def wait() -> NoReturn:
    """Wait for Ctrl-C or SIGTERM, then end the process and leave nothing behind.

    The interpreter's own clean-up is left out: threads at work in torch would abort it.
    """
    READY.set()
    gc.freeze()  # what is loaded by now stays; looking through it again would halt every run
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        shutil.rmtree(cache(), ignore_errors=True)
        with contextlib.suppress(OSError):  # whoever read what we print may have gone first
            print("Stepwise has ended.", flush=True)
        os._exit(0)
