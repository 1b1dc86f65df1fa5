"""By which names the server is called, and which sites may use it.

Against DNS rebinding, and requests that other websites make in a learner's browser.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from demos.ui.server.refusals import Refused

SAFE = ("GET", "HEAD", "OPTIONS")  # methods that change nothing
HUGGING_FACE = "huggingface.co"


class Names:
    """The host names that are this server's own."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """This machine's names, those `allowed` besides, and on a Space its address there."""
        machine = socket.gethostname().lower()
        self.allowed = {name.lower() for name in (*allowed, os.environ.get("SPACE_HOST", ""))}
        self.allowed -= {""}
        self.known = self.allowed | {"localhost", machine, f"{machine}.local"}
        self.space = bool(os.environ.get("SPACE_ID"))

    def check(self, method: str, headers: Headers) -> None:
        """Refuse a request under another name, and a changing one from another site.

        A name that is an address is always this server's: a name that was rebound to it is not.
        """
        called = [headers.get("host", ""), *headers.getlist("x-forwarded-host")]
        for host in called:
            if not self.known_host(_name(host)):
                raise Refused(
                    421,
                    f"this server is not called {host[:80]!r}; use its address, or start it with "
                    "--allow and that name",
                )
        if method in SAFE:
            return
        origin = headers.get("origin")
        foreign = headers.get("sec-fetch-site") == "cross-site"
        if origin is not None and _name(origin) not in self.allowed:
            foreign = foreign or origin.lower().partition("//")[2] not in map(str.lower, called)
        if foreign:
            raise Refused(
                403, "a page of another website cannot use this server; open it by its own address"
            )

    def known_host(self, name: str) -> bool:
        """Whether a host name without its port is one of ours."""
        return name in self.known or _is_address(name) or (self.space and _hugging_face(name))

    def embedders(self) -> list[str]:
        """Who may show the page in a frame, as sources of a content security policy."""
        sites = [f"{kind}://{name}" for name in sorted(self.allowed) for kind in ("http", "https")]
        spaces = [f"https://{HUGGING_FACE}", f"https://*.{HUGGING_FACE}"] if self.space else []
        return ["'self'", *sites, *spaces]


def _name(host: str) -> str:
    """The lower-case name of a Host or Origin header, without scheme, port and brackets."""
    try:
        return urlsplit(host if "//" in host else f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _hugging_face(name: str) -> bool:
    return name.endswith((".hf.space", f".{HUGGING_FACE}")) or name == HUGGING_FACE
