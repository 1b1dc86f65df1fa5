"""Runs as files: `.stepwise` is a zip of JSON and pictures, read as what comes from strangers.

    tape.json           {"format": "stepwise", "version": 1, ...}: all but the pictures
    pictures/00000.png  each picture once; a frame has the names of its pictures

Version 0 was the JSON alone, with the pictures inside as data URIs; it is read, too. The browser
writes such files as well, in `assets/ui/js/tapefile.js`.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from pathlib import Path
from typing import Any

from core.archives import CutShort, packed, unpacked
from core.files import refusal
from core.tape_checks import ENDINGS, FILE_BYTES, NAME, TYPES, check, check_amount, parsed
from core.tapes import Tape

FORMAT, VERSION, ENDING = "stepwise", 1, ".stepwise"
TAPE = "tape.json"
URI = re.compile(r"data:image/(png|jpeg);base64,")
SENTENCES = {
    "large": f"has more than {FILE_BYTES // 10**6} MB; save a run with fewer frames",
    "foreign": "is no saved run of Stepwise; choose a file that Save run has made",
    "newer": "is of a newer version of Stepwise; open it there, or update this one",
    "cut": "is cut short; copy or download it again",
    "broken": "is a saved run that is broken ({}); save it again",
}

_turn = threading.Lock()  # many large files at once take the memory of one


class Unopened(ValueError):
    """A file is not opened; `kind` is one of SENTENCES, `trouble` what is wrong in a few words."""

    def __init__(self, kind: str, trouble: str = "") -> None:
        """One sentence of both, without the name of the file."""
        self.kind, self.trouble = kind, str(refusal(trouble[:200]))
        super().__init__(SENTENCES[kind].format(self.trouble))


def save(tape: Tape, path: Path | str) -> None:
    """Write a run into a file, which `load` reads; its pictures are made."""
    Path(path).write_bytes(written(tape))


def load(path: Path | str) -> Tape:
    """Read a run from a file; ValueError, one sentence, for a file that holds none."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(FILE_BYTES + 1)
        return read(content)
    except OSError as error:
        why = error.strerror or "disk"
        raise refusal(f"{path} cannot be read ({why}); record it again") from error
    except Unopened as error:
        raise refusal(f"{path} {error}") from error


def written(tape: Tape) -> bytes:
    """A run as the bytes of a file; ValueError for a picture that is neither PNG nor JPEG."""
    names: dict[str, str] = {}
    frames = []
    for i, frame in enumerate(tape.frames):
        sent = tape.sent(i, frame)
        made: list[Any] = [p() if callable(p) else p for p in sent["pictures"]]
        sent["pictures"] = [names.setdefault(p, named(p, len(names))) for p in made]
        frames.append({**sent, "text": frame.text} if frame.text else sent)
    head = {"format": FORMAT, "version": VERSION, **tape.head(), "frames": frames}
    text = json.dumps(head, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    pictures = {name: base64.b64decode(p.partition(",")[2]) for p, name in names.items()}
    return packed({TAPE: text.encode(), **pictures})


def named(picture: str, count: int) -> str:
    """The name of the next picture in a file that has so many."""
    kind = URI.match(picture)
    if kind is None:
        raise ValueError(f"a picture must be a PNG or a JPEG as a data URI, got {picture[:40]!r}")
    return f"pictures/{count:05d}.{ENDINGS[kind[1]]}"


def read(content: bytes, among: int = 1) -> Tape:
    """A run from the bytes of a file; `among` so many, which share what can be sent at once.

    Unopened, one sentence, for anything else: what is larger, deeper or longer than a run is; a
    zip with other things in it; a picture that is none; a drawing with more than lines and words.
    """
    if len(content) > FILE_BYTES:
        raise Unopened("large")
    with _turn:
        try:
            return _read(content, among)
        except Unopened:
            raise
        except CutShort as error:
            raise Unopened("cut") from error
        except (TypeError, KeyError, IndexError, RecursionError) as error:
            raise Unopened("broken", "its parts do not fit each other") from error
        except ValueError as error:
            raise Unopened("broken", str(error)) from error


def _read(content: bytes, among: int) -> Tape:
    if content[:64].lstrip()[:1] == b"{":
        found, pictures = _version_0(parsed(content))
    elif content[:2] == b"PK":
        found, pictures = _version_1(unpacked(content, most=2 * FILE_BYTES))
    else:
        raise Unopened("foreign")
    check(found, pictures)
    shown = {name: _uri(name, data) for name, data in pictures.items()}
    check_amount(found["frames"], shown, among)
    for frame in found["frames"]:
        frame["pictures"] = [shown[name] for name in frame["pictures"]]
    return Tape.of(found)


def _version_1(entries: dict[str, bytes]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The JSON of a file, and its pictures by name."""
    if TAPE not in entries:
        raise Unopened("foreign")
    found = parsed(entries.pop(TAPE))
    if found.get("format") != FORMAT:
        raise Unopened("foreign")
    version = found.get("version")
    if type(version) is int and version > VERSION:
        raise Unopened("newer")
    if version != VERSION or type(version) is not int:
        raise ValueError(f"its version must be {VERSION}")
    strange = [name for name in entries if not NAME.fullmatch(name)]
    if strange:
        raise ValueError(f"nothing may be called {strange[0][:40]}")
    return found, entries


def _version_0(found: dict[str, Any]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The same of JSON with its pictures inside."""
    if "panels" not in found or not isinstance(found.get("frames"), list):
        raise Unopened("foreign")
    names: dict[str, str] = {}
    for frame in found["frames"]:
        frame["pictures"] = [names.setdefault(p, named(p, len(names))) for p in frame["pictures"]]
    uris = {name: p.partition(",")[2] for p, name in names.items()}
    return found, {name: base64.b64decode(p, validate=True) for name, p in uris.items()}


def _uri(name: str, data: bytes) -> str:
    return f"data:image/{TYPES[name[-3:]]};base64,{base64.b64encode(data).decode()}"
