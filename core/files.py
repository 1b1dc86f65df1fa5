"""Files from elsewhere that may be broken: each trouble is one sentence with file and remedy."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from core import paths

POINTER = b"version https://git-lfs"  # the first bytes of what git-lfs leaves in a file's place
UTF16 = (b"\xff\xfe", b"\xfe\xff")
LARGEST = 64 * 2**20  # bytes of a file that is read as a whole


def refusal(sentence: str) -> ValueError:
    """The error with this sentence; what names in a file hold of control signs is "?" in it."""
    return ValueError("".join(each if each.isprintable() else "?" for each in sentence))


@dataclass(frozen=True)
class Folder:
    """A folder whose files are read, with what is said where one of them is broken.

    Attributes:
        path: where it is on this machine.
        name: what it is called in sentences; a learner is not told where it is.
        remedy: what to do about a broken file.
    """

    path: Path
    name: str
    remedy: str = "copy or download it again"

    def at(self, part: str) -> Folder:
        """A folder within."""
        return Folder(self.path / part, f"{self.name}/{part}", self.remedy)

    def refusal(self, file: str, trouble: str, remedy: str = "") -> ValueError:
        """The error of a file: "NAME/FILE TROUBLE; REMEDY"."""
        where = f"{self.name}/{file}" if file else self.name
        return refusal(f"{where} {trouble}; {remedy or self.remedy}")

    @contextmanager
    def opened(self, file: str) -> Iterator[IO[bytes]]:
        """A file to read bytes from.

        ValueError, one sentence, where there is none, it cannot be read, or git-lfs has left a
        pointer in its place.
        """
        path = self.path / file
        try:
            mode = path.stat().st_mode  # first: to open a pipe would wait for its other end
            if stat.S_ISDIR(mode) or not stat.S_ISREG(mode):
                kind = "a folder" if stat.S_ISDIR(mode) else "no ordinary file"
                raise self.refusal(file, f"is {kind} where a file belongs")
            with path.open("rb") as opened:
                if opened.read(len(POINTER)) == POINTER:
                    fetch = f"run git lfs pull in {self.name}"
                    raise self.refusal(file, "is a git-lfs pointer, not the file itself", fetch)
                opened.seek(0)
                yield opened
        except PermissionError as error:
            allow = "allow this user to read it"
            raise self.refusal(
                file, "cannot be read, since it belongs to others", allow
            ) from error
        except (FileNotFoundError, NotADirectoryError) as error:
            gone = "is a link to a file that is not there" if path.is_symlink() else "is missing"
            raise self.refusal(file, gone) from error
        except OSError as error:
            raise self.refusal(file, f"cannot be read ({error.strerror or 'disk'})") from error

    def read(self, file: str) -> bytes:
        """All bytes of a file; ValueError as in `opened`, for an empty one and above 64 MiB."""
        with self.opened(file) as opened:
            content = opened.read(LARGEST + 1)
        if not content:
            raise self.refusal(file, "is empty")
        if len(content) > LARGEST:
            raise self.refusal(file, f"has more than {LARGEST >> 20} MiB, too many for its kind")
        return content

    def text(self, file: str) -> str:
        """A file as text in UTF-8, with or without a byte-order mark; ValueError otherwise."""
        content = self.read(file)
        if content.startswith(UTF16):
            raise self.refusal(file, "is UTF-16", "save it as UTF-8")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise self.refusal(file, "is not UTF-8 text") from error

    def json(self, file: str, kind: type = dict) -> Any:
        """The object, or list, that a JSON file holds; ValueError, one sentence, otherwise."""
        text = self.text(file)
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            said = f"is cut short or no JSON (line {error.lineno}, column {error.colno})"
            raise self.refusal(file, said) from error
        except (ValueError, RecursionError) as error:  # a number or a nesting beyond all measure
            raise self.refusal(file, "is no JSON that can be read") from error
        if not isinstance(value, kind):
            wanted = "an object {...}" if kind is dict else "a list [...]"
            raise self.refusal(file, f"holds a {type(value).__name__} where {wanted} belongs")
        return value

    def has(self, file: str) -> bool:
        """Whether there is something of this name, be it a broken link."""
        path = self.path / file
        try:
            return path.is_symlink() or path.exists()
        except OSError:
            return False

    def files(self, pattern: str) -> list[str]:
        """Names of what lies in the folder itself and matches, sorted; none without a folder."""
        try:
            return sorted(path.name for path in self.path.glob(pattern))
        except OSError:
            return []


def shipped(path: str) -> Folder:
    """A folder of the repository, by its path in there."""
    return Folder(paths.ROOT / path, path, "restore it from the repository")
