"""What is uploaded, and made of it: kept for an hour in a folder of our own, by random names."""

from __future__ import annotations

import contextlib
import errno
import re
import secrets
import time
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from demos.ui.server.bodies import chunks
from demos.ui.server.refusals import Refused
from demos.words import said

UPLOAD_BYTES = 30_000_000
FILES = 8  # of one request
AGE = 3600  # seconds that a file is kept
FOLDER_BYTES = 2_000_000_000
PREFIX = "upload/"
NAME = re.compile(r"upload/[0-9a-f]{32}-[a-zA-Z0-9_-]{0,40}\.[a-z0-9]{3,8}")
ENDINGS = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "heic", "heif", "avif"]
OTHERS = ["tif", "tiff"]  # pictures, too: that they cannot be read is said where others are
SAVED_RUN, PACKED = "stepwise", "zip"
TAKEN = [*ENDINGS, *OTHERS, SAVED_RUN, PACKED]


class Uploads:
    """The folder of uploaded pictures and runs.

    Gradio answers an upload with an absolute path; here it is a random name that ends as that of
    the file, and `path_of` finds it when the name comes back.
    """

    def __init__(self, folder: Path) -> None:
        """Keep them in this folder, which is made when the first file comes."""
        self.folder = folder

    async def taken(self, request: Request) -> tuple[list[str], int]:
        """Store the files of a multipart request; their names and bytes, or Refused."""
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise Refused(415, "an upload must be multipart/form-data with the field files")
        stream = chunks(request.receive, UPLOAD_BYTES, "server.upload")
        parser = MultiPartParser(request.headers, stream, max_files=FILES, max_fields=FILES)
        try:
            form = await parser.parse()
        except (MultiPartException, KeyError, UnicodeError, ValueError) as error:
            raise Refused(400, "the upload is not valid multipart/form-data") from error
        except OSError as error:
            raise _full(error) from error
        try:
            files = [each for each in form.getlist("files") if isinstance(each, UploadFile)]
            if not files:
                raise Refused(400, "an upload needs a file in the field files")
            return [await self._stored(each) for each in files], sum(f.size or 0 for f in files)
        finally:
            await form.close()

    async def _stored(self, file: UploadFile) -> str:
        stem, _, ending = (file.filename or "").rpartition(".")
        stem, ending = re.sub(r"[^a-zA-Z0-9_-]+", "-", stem)[:40], ending.lower()
        kind, _, subtype = (file.content_type or "").lower().partition("/")
        if ending not in TAKEN:  # a photo from the clipboard may have no name
            ending = subtype if kind == "image" else ""
        if ending not in TAKEN:
            raise Refused(415, said("server.kinds", endings=", ".join(ENDINGS)))
        name = f"{PREFIX}{secrets.token_hex(16)}-{stem}.{ending}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            with self._file(name).open("wb") as kept:
                while part := await file.read(1 << 20):
                    kept.write(part)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file(name).unlink()
            raise _full(error) from error
        return name

    def keep(self, content: bytes, ending: str, stem: str = "made") -> str:
        """Store what was made here; its name. OSError where the disk is full."""
        name = f"{PREFIX}{secrets.token_hex(16)}-{stem}.{ending}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file(name).write_bytes(content)
        return name

    def path_of(self, name: str) -> Path | None:
        """The file that an upload's name stands for; None for any other name."""
        path = self._file(name) if NAME.fullmatch(name) else None
        return path if path is not None and path.is_file() else None

    def _file(self, name: str) -> Path:
        return self.folder / name.removeprefix(PREFIX)

    def _sweep(self) -> None:
        """Forget what is older than an hour; refuse more where the folder is full."""
        total, oldest = 0, time.time() - AGE
        for file in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                stat = file.stat()
                if stat.st_mtime < oldest:
                    file.unlink()
                else:
                    total += stat.st_size
        if total > FOLDER_BYTES:
            raise Refused(507, said("server.room"))


def _full(error: OSError) -> Refused:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return Refused(507, said("server.stored"))
    return Refused(507, said("server.disk"))


def named(value: dict[str, Any], uploads: Uploads, cache: Path) -> dict[str, Any]:
    """A file as an event sends it, with the name of an upload replaced by its path.

    Refused for a path that is neither an upload nor a picture that this server has made.
    """
    path = value.get("path")
    if not isinstance(path, str) or "meta" not in value:
        return value
    upload = uploads.path_of(path)
    if upload is not None:
        return {**value, "path": str(upload), "url": None}
    made = Path(path)
    if "\0" not in path and made.is_absolute() and cache in made.parents and ".." not in path:
        return value
    raise Refused(400, said("server.gone"))
