"""Films as files: frame after frame goes in with the moment at which it ends, bytes come out."""

from __future__ import annotations

import io
import struct
from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Any, ClassVar
from xml.sax.saxutils import escape

from PIL import GifImagePlugin, Image

from demos.words import Refusal

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


class Animation(ABC):
    """A film that grows.

    Attributes:
        ticks: in which a second is counted: frames end at whole numbers of them.
    """

    ticks: int = 1000

    def __init__(self, size: tuple[int, int], title: str, about: str) -> None:
        """Of frames of this size, with a title and a text about it in the metadata."""
        self.size, self.title, self.about = size, title, about
        self.file, self.now = io.BytesIO(), 0
        self.begin()

    @property
    def bytes_so_far(self) -> int:
        """How large it is by now."""
        return self.file.tell()

    def add(self, picture: Image.Image, end: float) -> None:
        """The next frame stands until `end`, in seconds from the beginning of the film."""
        end_ticks = max(round(end * self.ticks), self.now + 1)
        self.put(picture, end_ticks - self.now)
        self.now = end_ticks

    @abstractmethod
    def begin(self) -> None:
        """Write what stands before the frames."""

    @abstractmethod
    def put(self, picture: Image.Image, ticks: int) -> None:
        """Write a frame that stands for so many ticks."""

    @abstractmethod
    def end(self) -> bytes:
        """The whole file."""


class Gif(Animation):
    """GIF 89a (CompuServe 1990), again and again: 256 colours a frame, hundredths of a second.

    https://www.w3.org/Graphics/GIF/spec-gif89a.txt
    """

    ticks = 100

    def begin(self) -> None:
        """The colours of the screen, that it loops, and a comment."""
        blank = Image.new("P", self.size)
        blank.putpalette([0, 0, 0, 255, 255, 255])
        comment = f"{self.title}\n{self.about}".encode()
        header, _ = GifImagePlugin.getheader(blank, info={"loop": 0, "comment": comment})
        self.file.write(b"".join(header))

    def put(self, picture: Image.Image, ticks: int) -> None:
        """A frame with its own palette."""
        own = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        data = GifImagePlugin.getdata(own, duration=10 * ticks, include_color_table=True)
        self.file.write(b"".join(data))

    def end(self) -> bytes:
        """All, and the trailer."""
        return self.file.getvalue() + b";"


class WebP(Animation):
    """Animated WebP, again and again: RIFF chunks around frames that Pillow compresses.

    https://developers.google.com/speed/webp/docs/riff_container
    """

    ANIMATED, HAS_XMP = 0x02, 0x04  # flags of the file
    REPLACES = 0x02  # flag of a frame: it is not blended with the one before

    def begin(self) -> None:
        """What is in the file, and that it loops."""
        flags = self.ANIMATED | self.HAS_XMP
        sides = b"".join(_three_bytes(side - 1) for side in self.size)
        self.file.write(_chunk(b"VP8X", struct.pack("<I", flags) + sides))
        self.file.write(_chunk(b"ANIM", struct.pack("<IH", 0xFFFFFFFF, 0)))

    def put(self, picture: Image.Image, ticks: int) -> None:
        """A frame without loss: letters and the pixels of small pictures stay sharp."""
        still = io.BytesIO()
        picture.save(still, "WEBP", lossless=True, quality=20, method=2)
        origin = bytes(6)
        sides = b"".join(_three_bytes(side - 1) for side in picture.size)
        head = origin + sides + _three_bytes(ticks) + bytes([self.REPLACES])
        self.file.write(_chunk(b"ANMF", head + still.getvalue()[12:]))

    def end(self) -> bytes:
        """All, with title and description as XMP (ISO 16684-1)."""
        about = XMP.format(escape(self.title), escape(self.about))
        self.file.write(_chunk(b"XMP ", about.encode()))
        return _chunk(b"RIFF", b"WEBP" + self.file.getvalue())


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _three_bytes(value: int) -> bytes:
    return struct.pack("<I", value)[:3]


class Mp4(Animation):
    """H.264 in MP4, at a constant rate: a frame that is held is repeated.

    Without an encoder for H.264, MPEG-4 part 2.
    """

    codecs: ClassVar = {"libx264": {"crf": "16", "preset": "veryfast"}, "mpeg4": {"qscale": "2"}}

    def __init__(self, size: tuple[int, int], title: str, about: str, rate: int = 10) -> None:
        """The same, at so many frames a second."""
        self.ticks = rate
        super().__init__(size, title, about)

    def begin(self) -> None:
        """Refusal without PyAV, which may be missing where there is no wheel of it."""
        try:
            import av
        except ImportError as error:
            raise Refusal("export.refused.av") from error
        name = next(each for each in self.codecs if each in av.codecs_available)
        self.made = av.open(self.file, "w", format="mp4")
        self.made.metadata.update(title=self.title, comment=self.about)
        self.stream: Any = self.made.add_stream(name, rate=self.ticks, options=self.codecs[name])
        self.stream.width, self.stream.height = self.size
        self.stream.pix_fmt = "yuv420p"
        self.stream.codec_context.thread_count = 1

    def put(self, picture: Image.Image, ticks: int) -> None:
        """The same frame so many times."""
        import av

        for k in range(ticks):
            frame = av.VideoFrame.from_image(picture)
            frame.pts, frame.time_base = self.now + k, Fraction(1, self.ticks)
            self.made.mux(self.stream.encode(frame))

    def end(self) -> bytes:
        """All, with the frames that the encoder still holds."""
        self.made.mux(self.stream.encode())
        self.made.close()
        return self.file.getvalue()
