"""Picture files taken apart: what shows the picture goes to a decoder, the rest stays outside.

Texts, animations and notes of cameras are where files from the wild are odd, large or broken, and
where decoders stumble. Here a file is only walked through, in time proportional to its length:
nothing is decoded or inflated but a colour profile, within a limit.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.pictures.boxes import brand, primary, without_notes

MAX_PIXELS, MAX_SIDE = 16_000_000, 65_535
MAX_PROFILE = 20_000_000  # bytes of a colour profile once inflated
MAX_SCANS = 100  # passes of a progressive JPEG over all its pixels; cameras and sites make 10
BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # their lengths, by version
INTEGERS = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4}  # bytes of the whole numbers of EXIF, by type
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # the markers of a JPEG's header, by kind
SCAN_END = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")  # neither a stuffed byte nor a restart
XMP_TURN = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')
EXIF, XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
PNG_PARTS = {b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"iCCP"}
PNG_XMP, PNG_EXIF = b"XML:com.adobe.xmp\0\0", b"Raw profile type exif\0"  # as texts


class Refused(ValueError):
    """A picture is not opened, for a reason that is told in one sentence."""


@dataclass(frozen=True)
class Parts:
    """A picture file taken apart.

    Attributes:
        content: the file again with what its first picture needs, and nothing else.
        size: width and height as the header says.
        exif: notes of a camera, b"" for none; so are `xmp` and `profile`.
        xmp: notes of an editor.
        profile: the ICC profile that says what the colours mean.
        work: pixels that have to be decoded for the picture, where it may be composed of others.
        depth: bits of a sample.
        grey: whether the file says that there are no colours.
        key: samples of the colour that stands for transparency in a PNG without a palette.
    """

    content: bytes
    size: tuple[int, int]
    exif: bytes = b""
    xmp: bytes = b""
    profile: bytes = b""
    work: int = 0
    depth: int = 8
    grey: bool = False
    key: tuple[int, ...] = ()

    @property
    def orientation(self) -> int:
        """How the picture lies, 1 upright to 8, as EXIF counts; 1 where nothing sound is said."""
        told = XMP_TURN.search(self.xmp)
        return exif_orientation(self.exif) or (int(told[1]) if told else 1)


def check_size(size: tuple[int, int]) -> None:
    """ValueError, one sentence, for a picture that is too large."""
    width, height = size
    if width * height > MAX_PIXELS or max(size) > MAX_SIDE:
        raise Refused(
            f"the picture has {width} x {height} pixels; at most 16 megapixels are accepted, and "
            f"{MAX_SIDE} pixels a side: make it smaller"
        )


def kind_of(data: bytes) -> str:
    """The format of a picture file by how it begins, "" for anything else."""
    if data.startswith(PNG_MAGIC):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in BMP_HEADERS:
        return "BMP"
    return brand(data)


def exif_orientation(exif: bytes) -> int:
    """Tag 274 of the first directory of an EXIF block, 0 where there is no 1..8.

    CIPA DC-008 (2023), section 4.6.2, and TIFF 6.0 (1992), section 2. Any whole number is taken,
    of any width; whatever else the block holds, sound or not, is not looked at.
    """
    tiff = exif.removeprefix(EXIF)
    order = "little" if tiff[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)

    first = number(4, 4)
    for at in range(first + 2, min(first + 2 + 12 * number(first, 2), len(tiff)), 12):
        if number(at, 2) == 274:
            size = INTEGERS.get(number(at + 2, 2), 0)
            inline = size * number(at + 4, 4) <= 4
            value = number(at + 8 if inline else number(at + 8, 4), size)
            return value if 1 <= value <= 8 else 0
    return 0


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, content) of the chunks of a PNG that are whole, and of picture data also if cut."""
    at, kind = len(PNG_MAGIC), b""
    while at + 8 <= len(data) and kind != b"IEND":
        (length,), kind = struct.unpack_from(">I", data, at), data[at + 4 : at + 8]
        end = at + 8 + length
        content = data[at + 8 : end]
        sound = data[end : end + 4] == struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
        if sound or kind == b"IDAT":
            yield kind, content
        at = end + 4


def png(data: bytes) -> Parts:
    """A PNG without texts and animation; of what is there twice, the first counts.

    PNG (Third Edition), W3C 2025, https://www.w3.org/TR/png-3. ValueError without a header.
    """
    found: dict[bytes, bytes] = {}
    pixels = io.BytesIO()
    for kind, content in png_chunks(data):
        if kind == b"IDAT":
            pixels.write(content)
        elif kind in PNG_PARTS or content.startswith((PNG_XMP, PNG_EXIF)):
            found.setdefault(kind, content)
    width, height, depth, colours = struct.unpack_from(">IIBB", found.get(b"IHDR", b""))
    if colours == 3 and b"PLTE" not in found:
        raise ValueError("a PNG without its palette")
    clear = found.get(b"tRNS", b"")
    samples = {0: 1, 2: 3}.get(colours, 0)  # of the colour that is clear, without a palette
    kept = [b"IHDR", b"PLTE"] + [b"tRNS"] * (colours == 3)
    chunks = [(kind, found[kind]) for kind in kept if kind in found]
    chunks += [(b"IDAT", pixels.getvalue()), (b"IEND", b"")]
    return Parts(
        PNG_MAGIC + b"".join(_chunk(*each) for each in chunks),
        (width, height),
        exif=found.get(b"eXIf") or _png_exif(found),
        xmp=found.get(b"iTXt", b""),
        profile=_inflated(found.get(b"iCCP", b"").partition(b"\0")[2][1:]),
        depth=depth,
        grey=colours in (0, 4),
        key=struct.unpack(f">{samples}H", clear) if len(clear) == 2 * samples else (),
    )


def _png_exif(texts: dict[bytes, bytes]) -> bytes:
    """EXIF as ImageMagick long wrote it: a text, deflated or not, of hexadecimal digits."""
    plain, deflated = texts.get(b"tEXt", b""), texts.get(b"zTXt", b"")
    text = plain[len(PNG_EXIF) :] or _inflated(deflated[len(PNG_EXIF) + 1 :])
    try:
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""


def _chunk(kind: bytes, content: bytes) -> bytes:
    code = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", code)


def _inflated(content: bytes) -> bytes:
    """What was deflated; b"" where it is broken or larger than any profile."""
    reader = zlib.decompressobj()
    try:
        profile = reader.decompress(content, MAX_PROFILE)
    except zlib.error:
        return b""
    return profile if reader.eof else b""


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(marker, begin, begin of its content, end) of a JPEG's segments; a scan with its data."""
    at = 2
    while 0 <= (at := data.find(b"\xff", at)) < len(data) - 1:
        marker = data[at + 1]
        if marker in (0xFF, 0x00, 0x01, *range(0xD0, 0xD9)):  # filled, or nothing follows
            at += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9:
            yield marker, at, at + 2, at + 2
            return
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:
            after = SCAN_END.search(data, end)
            end = after.start() if after else len(data)
        yield marker, at, at + 4, end
        at = end


def jpeg(data: bytes) -> Parts:
    """A JPEG without notes and preview pictures.

    ITU T.81 (1992), annex B, https://www.w3.org/Graphics/JPEG/itu-t81.pdf. ValueError for more
    than 100 scans: a few bytes each let a decoder pass over all pixels again.
    """
    kept, size, exif, xmp, profile, scans = [data[:2]], None, b"", b"", {}, 0
    for marker, begin, inner, end in jpeg_segments(data):
        content = data[inner:end] if marker in (0xE1, 0xE2) else b""
        if marker in FRAMES:
            height, width = struct.unpack_from(">2H", data, inner + 1)
            size = size or (width, height)
        if content.startswith(EXIF):
            exif = exif or content
        elif content.startswith(XMP):
            xmp = xmp or content
        elif content.startswith(b"ICC_PROFILE\0"):
            profile[content[12:13]] = content[14:]
        if not 0xE1 <= marker <= 0xED and marker not in (0xEF, 0xFE):  # JFIF and Adobe stay
            kept.append(data[begin:end])
        scans += marker == 0xDA
    if scans > MAX_SCANS:
        raise ValueError(f"a JPEG may have {MAX_SCANS} scans, this one has {scans}")
    if size is None:
        raise ValueError("a JPEG without a frame")
    whole = b"".join(profile[number] for number in sorted(profile))
    return Parts(b"".join(kept), size, exif=exif, xmp=xmp, profile=whole)


def gif(data: bytes) -> Parts:
    """The first frame of a GIF, with the control of its transparency.

    CompuServe, GIF89a (1990), https://www.w3.org/Graphics/GIF/spec-gif89a.txt. ValueError where
    there is no frame.
    """

    def blocks(at: int) -> int:
        """Where a chain of blocks that begins here ends."""
        while at < len(data) and data[at]:
            at += 1 + data[at]
        return at + 1

    def palette(at: int) -> int:
        """Bytes of the palette that the flags at this place announce."""
        return 3 << (data[at] % 8 + 1) if data[at] & 0x80 else 0

    at = begin = 13 + palette(10)
    control = b""
    while data[at] != 0x2C:
        if data[at] == 0x3B:
            raise ValueError("a GIF without a frame")
        end = blocks(at + 2) if data[at] == 0x21 else at + 1  # stray bytes are passed over
        if data[at : at + 2] == b"\x21\xf9":
            control = data[at:end]
        at = end
    left, top, wide, high = struct.unpack_from("<4H", data, at + 1)
    width, height = struct.unpack_from("<2H", data, 6)
    end = blocks(at + 11 + palette(at + 9))
    content = data[:begin] + control + data[at:end] + b"\x3b"
    return Parts(content, (max(width, left + wide), max(height, top + high)))


def bmp(data: bytes) -> Parts:
    """A BMP, whose header says its size in two ways; above the first row, a height is negative."""
    if _little(data[14:18]) == 12:
        width, height = struct.unpack_from("<2H", data, 18)
    else:
        width, height = struct.unpack_from("<2i", data, 18)
    return Parts(data, (abs(width), abs(height)))


def webp(data: bytes) -> Parts:
    """The first frame of a WebP.

    RFC 9649 (2024), https://www.rfc-editor.org/rfc/rfc9649. ValueError where there is none.
    """
    at, found = 12, {}
    while at + 8 <= len(data):
        kind, (length,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        end = at + 8 + length
        found.setdefault(kind, data[at:end] + b"\0" * (length % 2 and end <= len(data)))
        at = end + length % 2
    size, kept = None, []
    for kind in (b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"):
        if kind in found:
            kept.append(found[kind])
            size = size or _webp_size(kind, found[kind][8:])
    if b"VP8X" in found:  # of its flags, those of what was kept: transparency and animation
        kept[0] = kept[0][:8] + bytes([kept[0][8] & 0x12]) + kept[0][9:]
    if size is None:
        raise ValueError("a WebP without a frame")
    body = b"WEBP" + b"".join(kept)
    return Parts(
        b"RIFF" + struct.pack("<I", len(body)) + body,
        size,
        exif=found.get(b"EXIF", b"")[8:],
        xmp=found.get(b"XMP ", b"")[8:],
        profile=found.get(b"ICCP", b"")[8:],
    )


def _webp_size(kind: bytes, content: bytes) -> tuple[int, int] | None:
    """Width and height from the header of a picture or, for VP8X, of the whole."""
    if kind == b"VP8X":
        return _little(content[4:7]) + 1, _little(content[7:10]) + 1
    if kind == b"VP8L":
        bits = _little(content[1:5])
        return bits % 2**14 + 1, (bits >> 14) % 2**14 + 1
    if kind == b"VP8 ":
        return _little(content[6:8]) % 2**14, _little(content[8:10]) % 2**14
    return None


def _little(content: bytes) -> int:
    return int.from_bytes(content, "little")


def boxed(data: bytes) -> Parts:
    """An AVIF or HEIC without the notes of cameras and editors.

    How such a picture lies is told by its own properties, which decoders obey, and not by EXIF:
    ISO/IEC 23008-12 (2022), annex A.2.1.
    """
    size, work = primary(data)
    return Parts(without_notes(data), size, work=work)


TAKE: dict[str, Callable[[bytes], Parts]] = {
    "PNG": png,
    "JPEG": jpeg,
    "GIF": gif,
    "WebP": webp,
    "BMP": bmp,
    "AVIF": boxed,
    "HEIC": boxed,
}
