"""Zip files: written so that the same content is the same bytes, read as from strangers."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

END = b"PK\5\6"  # begins what a zip ends with
TAIL = struct.Struct("<4s4H2LH")  # disks and entries, then bytes and place of the directory
COMMENT = 2**16  # bytes that may follow it
LOCATOR, LOCATOR_BYTES = b"PK\6\7", 20  # of a zip with 64-bit sizes, which stands before
ENTRIES, NAMES = 20_001, 100  # files in a zip, bytes of its directory for each of them
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 1
EPOCH = (1980, 1, 1, 0, 0, 0)
TROUBLES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class CutShort(ValueError):
    """The end of a zip is missing."""


def packed(files: Mapping[str, bytes]) -> bytes:
    """A zip with these files in their order: texts deflated, pictures, which are small, stored."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            how = zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED
            archive.writestr(entry, content, how)
    return buffer.getvalue()


def unpacked(content: bytes, most: int) -> dict[str, bytes]:
    """The files in a zip, by name; ValueError where it is broken, or no zip of the plain kind.

    CutShort, which is a ValueError, where its end is missing.

    Before anything is unpacked it is known how much comes out: not more than `most` bytes, nor
    than 20,001 files. No name is ever a path: nothing is written.
    """
    check_end(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            check_entries(entries, most)
            return {entry.filename: archive.read(entry) for entry in entries}
    except (*TROUBLES, struct.error, OSError, OverflowError) as error:
        raise ValueError(f"the zip cannot be read: {error}") from error


def check_end(content: bytes) -> None:
    """ValueError for a zip that is cut short, has a comment or 64-bit sizes, or is too full.

    The directory is bounded before it is read: an entry takes 46 bytes there, and ten times as
    many in memory.
    """
    at = content.rfind(END, max(0, len(content) - TAIL.size - COMMENT))
    if at < 0 or len(content) < at + TAIL.size:
        raise CutShort("the zip is cut short")
    _, _, _, _, count, size, place, comment = TAIL.unpack_from(content, at)
    before = content[-TAIL.size - LOCATOR_BYTES : -TAIL.size]
    if comment or before.startswith(LOCATOR) or size + place + TAIL.size != len(content):
        raise ValueError("the zip is of a kind that is not read")
    if count > ENTRIES or size > ENTRIES * NAMES:
        raise ValueError(f"the zip has more than {ENTRIES} files")


def check_entries(entries: list[zipfile.ZipInfo], most: int) -> None:
    """ValueError where names come twice, what is inside is locked, or too much comes out."""
    if len(entries) > ENTRIES or len({entry.filename for entry in entries}) < len(entries):
        raise ValueError("the zip has a file twice, or too many")
    for entry in entries:
        if entry.flag_bits & ENCRYPTED or entry.compress_type not in METHODS:
            raise ValueError("the zip is locked, or packed in a way that is not read")
    if sum(entry.file_size for entry in entries) > most:
        raise ValueError(f"the zip holds more than {most // 10**6} MB")
