"""The files that ship with the project, and which of them are broken: by size and checksum.

`python -m core.assets` writes the list anew, after a model was trained or a run recorded.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from core.files import Folder, shipped

LIST = "shipped.json"
FOLDERS = ("data", "images/library", "images/photos", "models", "tapes", "ui")
ASIDE = ("README.md", "figures.json", "LICENSE-emojibase.txt")  # for readers, not for the app
SUMMED = 2 * 2**20  # bytes up to which a file is read; of a larger one the size is looked at
TEXTS = (".json", ".html", ".js", ".css")  # of which a checkout may change the ends of lines


def broken() -> dict[str, str]:
    """What is wrong with the shipped files: path in the repository -> one sentence.

    Empty where all is well. Files up to 2 MiB are compared by their checksum, larger ones by
    their size: of a network's weights `core.weights` looks at every number when it reads them.
    """
    folder = shipped("assets")
    try:
        rows = folder.json(LIST)
        if not all(map(is_row, rows.values())):
            raise folder.refusal(LIST, "holds no sizes and checksums")
    except ValueError as error:
        return {f"assets/{LIST}": str(error)}
    found = ((path, trouble(folder, path, row)) for path, row in rows.items())
    return {f"assets/{path}": said for path, said in found if said}


def is_row(row: Any) -> bool:
    """Whether this is a size and a checksum."""
    return isinstance(row, list) and list(map(type, row)) == [int, str]


def trouble(folder: Folder, path: str, row: list) -> str:
    """What is wrong with one file, in a sentence; "" where it is as listed: [size, checksum]."""
    try:
        now = entry(folder, path)
    except ValueError as error:
        return str(error)
    if now == row:
        return ""
    kind = f"is cut short: {now[0]} of {row[0]} bytes" if now[0] < row[0] else "was changed"
    return str(folder.refusal(path, kind))


def entry(folder: Folder, path: str) -> list:
    """Size in bytes and SHA-256 of a file; "" for the checksum of a large one."""
    with folder.opened(path) as opened:
        size = os.fstat(opened.fileno()).st_size
        if size > SUMMED:
            return [size, ""]
        content = opened.read()
    if path.endswith(TEXTS):
        content = content.replace(b"\r\n", b"\n")
    return [len(content), hashlib.sha256(content).hexdigest()]


def listed() -> dict[str, list]:
    """The files that the app needs, as they are now, by their paths in assets."""
    folder = shipped("assets")
    paths = sorted(
        path.relative_to(folder.path).as_posix()
        for part in FOLDERS
        for path in (folder.path / part).rglob("*")
        if path.is_file() and path.name not in ASIDE
    )
    return {path: entry(folder, path) for path in paths}


def write() -> None:
    """List the files as they are now."""
    rows = (f"{json.dumps(path)}: {json.dumps(row)}" for path, row in listed().items())
    text = "{\n" + ",\n".join(rows) + "\n}\n"
    (shipped("assets").path / LIST).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
