"""Text on pictures: each character in the first font of this machine that has it.

DejaVu Sans has Latin, Greek and the symbols of formulas; what it has not, such as Chinese, comes
from a font of the system, if there is one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from fontTools.ttLib import TTCollection, TTFont, TTLibError
from PIL import ImageDraw, ImageFont

FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.fonts",
    "~/.local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)
CHINESE = (  # the beginnings of the names of files, the best first
    "NotoSansCJK-Regular",
    "NotoSansCJKsc-Regular",
    "NotoSansSC",
    "SourceHanSans",
    "PingFang",
    "Hiragino Sans GB",
    "msyh",
    "wqy-microhei",
    "wqy-zenhei",
    "DroidSansFallback",
    "STHeiti",
    "simhei",
    "simsun",
)
SIMPLIFIED = re.compile(r"\bSC\b|GB\b|YaHei|SimSun|SimHei")  # the face of a collection
# A line may end after a Chinese character, and elsewhere between words.
PIECE = re.compile(r"[\u2e80-\u9fff\uff00-\uffef]|[^\s\u2e80-\u9fff\uff00-\uffef]+|\s+")
SPACE = 1.4  # lines of text lie so many sizes apart

Face = tuple[str, int]  # the file of a font, and which one of a collection


@cache
def faces() -> tuple[Face, ...]:
    """The fonts of this machine that are used, the first choice first."""
    return tuple((str(path), _face(path)) for path in (_latin(), _chinese()) if path)


def _latin() -> Path | None:
    """DejaVu Sans, which matplotlib ships; without that, the one of the system."""
    spec = find_spec("matplotlib")
    ours = spec and spec.origin and Path(spec.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf"
    return ours if ours and ours.is_file() else next(_found(("DejaVuSans.ttf",)), None)


def _chinese() -> Path | None:
    return next(_found(CHINESE), None)


def _found(names: Iterable[str]) -> Iterator[Path]:
    """The fonts of the system whose names begin so, in the order of the names."""
    folders = [folder for each in FOLDERS if (folder := Path(each).expanduser()).is_dir()]
    files = [file for folder in folders for file in sorted(folder.rglob("*.[to]t[fc]"))]
    return (file for name in names for file in files if file.name.startswith(name))


def _face(path: Path) -> int:
    """The face for simplified Chinese in a collection, 0 where there is one face."""
    if path.suffix != ".ttc":
        return 0
    with TTCollection(str(path), lazy=True) as collection:
        names = [font["name"].getDebugName(1) or "" for font in collection.fonts]
    return next((k for k, name in enumerate(names) if SIMPLIFIED.search(name)), 0)


@cache
def characters(face: Face) -> frozenset[int]:
    """The code points that a font has a picture of."""
    path, index = face
    try:
        with TTFont(path, fontNumber=index, lazy=True) as font:
            return frozenset(font.getBestCmap() or ())
    except (TTLibError, OSError):
        return frozenset()


def missing(text: str) -> str:
    """The characters of a text that no font here has, each once, in order."""
    known = [characters(face) for face in faces()]
    strange = (c for c in text if not c.isspace() and not any(ord(c) in each for each in known))
    return "".join(dict.fromkeys(strange))


class Pen:
    """Writes in one size and grey; a character that no font has is left out."""

    def __init__(self, size: int, colour: str = "#111111") -> None:
        """Letters of so many pixels."""
        self.size, self.colour = size, colour
        self.fonts = {face: ImageFont.truetype(face[0], size, index=face[1]) for face in faces()}
        self.widths: dict[str, float] = {}

    @property
    def line(self) -> int:
        """Pixels from one line of text to the next."""
        return round(SPACE * self.size)

    def width(self, text: str) -> float:
        """Pixels that a text takes on one line."""
        return sum(self.fonts[face].getlength(part) for face, part in self._parts(text))

    def wrapped(self, text: str, width: float) -> list[str]:
        """The lines of a text; a word that is wider than a line is broken."""
        lines, used = [""], 0.0
        for piece in PIECE.findall(" ".join(text.split())):
            for part in [piece] if self._width(piece) <= width else piece:
                if used + self._width(part.rstrip()) > width and lines[-1]:
                    lines.append("")
                    used = 0.0
                if lines[-1] or part.strip():  # no line begins with a space
                    lines[-1] += part
                    used += self._width(part)
        return [line.rstrip() for line in lines if line]

    def _width(self, piece: str) -> float:
        """That of a word, which comes again in other lines."""
        if piece not in self.widths:
            self.widths[piece] = self.width(piece)
        return self.widths[piece]

    def write(self, on: ImageDraw.ImageDraw, left: float, top: float, lines: list[str]) -> float:
        """Write lines below each other; answers where the next one would stand."""
        for line in lines:
            x = left
            for face, part in self._parts(line):
                font = self.fonts[face]
                on.text((x, top + self.size), part, self.colour, font, anchor="ls")
                x += font.getlength(part)
            top += self.line
        return top

    def _parts(self, text: str) -> Iterator[tuple[Face, str]]:
        """A text in pieces of one font; an accent is in the font of its letter."""
        found: list[tuple[Face, str]] = []
        for character in text:
            face = next((each for each in self.fonts if ord(character) in characters(each)), None)
            if face is None:
                continue
            same = found and unicodedata.combining(character)
            before = found[-1][0] if same else face
            found.append((before if ord(character) in characters(before) else face, character))
        for face, parts in groupby(found, key=lambda each: each[0]):
            yield face, "".join(part for _, part in parts)
