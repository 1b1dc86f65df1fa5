"""AVIF and HEIC files, which are boxes in boxes: what they hold, before a decoder opens them.

ISO/IEC 14496-12 (2022), section 4.2, for boxes; ISO/IEC 23008-12 (2022) for pictures in them.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator

AVIF = {b"avif", b"avis"}
HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
NOTES = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))(?:Exif|mime)", re.DOTALL)
Span = tuple[int, int]  # where the content of a box begins and ends
Size = tuple[int, int]  # width and height


def brand(data: bytes) -> str:
    """The format of a file by how it begins: "AVIF", "HEIC" or, for any other, ""."""
    if data[4:8] != b"ftyp":
        return ""
    end = min(_number(data, 0, 4), 1024)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    return "AVIF" if brands & AVIF else "HEIC" if brands & HEIC else ""


def without_notes(data: bytes) -> bytes:
    """The file with the notes of cameras and editors, EXIF and XMP, as items of no known type."""
    return NOTES.sub(rb"\1skip", data)


def boxes(data: bytes, span: Span) -> Iterator[tuple[bytes, Span]]:
    """(type, content) of the boxes in a span."""
    at, end = span
    while at + 8 <= end:
        size, begin = _number(data, at, 4), at + 8
        if size == 1:
            size, begin = _number(data, at + 8, 8), at + 16
        after = at + size if size else end
        if not begin <= after <= end:
            return
        yield data[at + 4 : at + 8], (begin, after)
        at = after


def primary(data: bytes) -> tuple[Size, int]:
    """The stated size of the primary picture, and the pixels that it is composed of.

    A picture may be composed of others, and these of others again: a kilobyte can ask for
    thousands of large ones. Counted are the sizes that the file states, which decoders hold it
    to. ValueError where one is not stated, or a box that says so is there twice.
    """
    meta = _only(data, (0, len(data)), b"meta")
    pitm, iprp, iref = (_only(data, _versioned(meta), k) for k in (b"pitm", b"iprp", b"iref"))
    sizes, needs = _sizes(data, iprp), _needs(data, iref)
    known: dict[int, int] = {}

    def pixels(item: int) -> int:
        if item not in sizes:
            raise ValueError("a picture that does not say its size")
        if item not in known:
            known[item] = 0  # what needs itself is refused by decoders
            known[item] = math.prod(sizes[item]) + sum(pixels(other) for other in needs[item])
        return known[item]

    item = _number(data, pitm[0] + 4, 4 if data[pitm[0]] else 2)
    work = pixels(item)
    return sizes[item], work


def _only(data: bytes, span: Span, kind: bytes) -> Span:
    """The content of the one box of a type in a span, the empty span at 0 for none."""
    found = [inner for each, inner in boxes(data, span) if each == kind]
    if len(found) > 1:
        raise ValueError(f"{len(found)} boxes {kind!r}")
    return found[0] if found else (0, 0)


def _sizes(data: bytes, iprp: Span) -> dict[int, Size]:
    """The stated width and height of each item."""
    sizes: dict[int, Size] = {}
    properties = list(boxes(data, _only(data, iprp, b"ipco")))
    for at, end in [span for kind, span in boxes(data, iprp) if kind == b"ipma"]:
        wide, long = 2 + 2 * bool(data[at]), 1 + data[at + 3] % 2
        at += 8
        while at + wide < end:
            item, count = _number(data, at, wide), data[at + wide]
            for place in range(at + wide + 1, at + wide + 1 + long * count, long):
                index = _number(data, place, long) % 2 ** (8 * long - 1)  # a bit is a flag
                kind, (begin, _) = properties[index - 1] if index else (b"", iprp)
                if kind == b"ispe":
                    size = (_number(data, begin + 4, 4), _number(data, begin + 8, 4))
                    sizes[item] = max(size, sizes.get(item, size), key=math.prod)
            at += wide + 1 + long * count
    return sizes


def _needs(data: bytes, iref: Span) -> dict[int, list[int]]:
    """Which items each item is composed of, its opacity among them."""
    needs: dict[int, list[int]] = defaultdict(list)
    wide = 4 if data[iref[0]] else 2
    for kind, (at, _) in boxes(data, _versioned(iref)):
        source, count = _number(data, at, wide), _number(data, at + wide, 2)
        first = at + wide + 2
        others = [_number(data, first + i * wide, wide) for i in range(count)]
        if kind == b"dimg":
            needs[source] += others
        elif kind == b"auxl":
            for other in others:
                needs[other].append(source)
    return needs


def _versioned(span: Span) -> Span:
    """What comes after the version and flags of a box."""
    return span[0] + 4, span[1]


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")
