"""The frames of a tape as pictures of one size, with their symbols, their title and a caption."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw

from core.tapes import Frame, Panel, Picture, Tape
from demos.exports.fonts import Pen
from demos.exports.labels import caption, heading
from demos.words import sentence

SMALL = 128  # pixels of a longer side up to which a picture is enlarged by a whole number
GAP = 16
EDGE = 3  # of the coloured border of a picture
TONES = {  # as on the page, see assets/ui/css/tokens.css
    "signal": "#0072b2",
    "noise": "#b84f00",
    "difference": "#84379c",
    "first": "#00795c",
    "second": "#a3345f",
}
GREY = "#c8ccd4"


@dataclass(frozen=True)
class Scale:
    """How large pictures are shown: small ones at least, others at most so many pixels."""

    least: int
    most: int

    def of(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size in which a picture is shown: a whole multiple of a small one."""
        longest = max(size)
        if longest <= SMALL:
            factor = math.ceil(self.least / longest)
            return size[0] * factor, size[1] * factor
        factor = min(1.0, self.most / longest)
        return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))

    def shown(self, picture: Image.Image) -> Image.Image:
        """The picture in that size; the pixels of a small one stay squares."""
        near = max(picture.size) <= SMALL
        how = Image.Resampling.NEAREST if near else Image.Resampling.LANCZOS
        return picture.resize(self.of(picture.size), how)


FILM = Scale(256, 512)
THUMB = Scale(112, 160)


@lru_cache(maxsize=32)
def opened(picture: str) -> Image.Image:
    """The picture of a data URI, in colour."""
    with Image.open(io.BytesIO(base64.b64decode(picture.partition(",")[2]))) as found:
        return found.convert("RGB")


def made(picture: Picture) -> str:
    """The data URI of a picture that may be made later."""
    return picture() if callable(picture) else picture


class Row:
    """The panels of a tape side by side: how large each of them is, and its label below."""

    def __init__(self, tape: Tape, panels: Sequence[Panel], scale: Scale, least: int) -> None:
        """No panel is narrower than `least`: its label needs the room."""
        self.panels, self.scale = panels, scale
        sizes = {
            panel.key: [scale.of(opened(each).size) for each in _different(tape, panel)]
            for panel in panels
        }
        self.widths = [max(least, *(w for w, _ in sizes[panel.key])) for panel in panels]
        self.height = max(h for each in sizes.values() for _, h in each) + 2 * EDGE
        self.width = sum(self.widths) + 2 * EDGE * len(panels) + GAP * (len(panels) - 1)

    def places(self) -> list[int]:
        """Where each panel begins, from the left."""
        return [sum(self.widths[:k]) + k * (2 * EDGE + GAP) for k in range(len(self.panels))]

    def draw(self, on: Image.Image, left: int, top: int, frame: Frame) -> None:
        """Put the pictures of a frame on a larger one."""
        pen = ImageDraw.Draw(on)
        for panel, place in zip(self.panels, self.places(), strict=True):
            shown = self.scale.shown(opened(made(frame.pictures[panel.key])))
            x, (width, height) = left + place, shown.size
            box = (x, top, x + width + 2 * EDGE - 1, top + height + 2 * EDGE - 1)
            pen.rectangle(box, outline=TONES.get(panel.tone, GREY), width=EDGE)
            on.paste(shown, (x + EDGE, top + EDGE))


def _different(tape: Tape, panel: Panel) -> list[str]:
    return list(dict.fromkeys(made(frame.pictures[panel.key]) for frame in tape.frames))


class Film:
    """Draws each frame of a tape as one picture of a film: title, pictures, labels, caption."""

    def __init__(self, tape: Tape, panels: Sequence[Panel], language: str) -> None:
        """Lay out what every frame needs."""
        self.tape, self.panels, self.language = tape, panels, language
        self.heading, self.text, self.small = Pen(19), Pen(17), Pen(16, "#444444")
        self.row = Row(tape, panels, FILM, least=200)
        width = max(self.row.width, 480)
        self.title = self.heading.wrapped(heading(tape, language), width)
        self.captions = [
            self.text.wrapped(caption(frame, language), width) for frame in tape.frames
        ]
        labels = max(len(lines) for frame in tape.frames for lines in self.labels(frame))
        self.top = GAP + len(self.title) * self.heading.line + GAP // 2
        self.below = self.top + self.row.height + GAP // 2
        self.foot = self.below + labels * self.small.line + GAP // 2
        height = self.foot + max(map(len, self.captions)) * self.text.line + GAP // 2
        self.size = _even(width + 2 * GAP), _even(height)

    def labels(self, frame: Frame) -> list[list[str]]:
        """Under each panel: its symbol and title, and whether the picture is approximate."""
        found = []
        for panel, width in zip(self.panels, self.row.widths, strict=True):
            about = ["player.approximate", {}] if panel.key in frame.approximate else ""
            text = f"{panel.symbol}  {sentence([panel.title, about], self.language)}"
            found.append(self.small.wrapped(text, width + 2 * EDGE))
        return found

    def draw(self, i: int) -> Image.Image:
        """The i-th frame."""
        frame, picture = self.tape.frames[i], Image.new("RGB", self.size, "white")
        on = ImageDraw.Draw(picture)
        self.heading.write(on, GAP, GAP // 2, self.title)
        self.row.draw(picture, GAP, self.top, frame)
        for place, lines in zip(self.row.places(), self.labels(frame), strict=True):
            self.small.write(on, GAP + place, self.below, lines)
        self.text.write(on, GAP, self.foot, self.captions[i])
        return picture


def _even(length: int) -> int:
    """H.264 halves the resolution of colour: its sides are even."""
    return length + length % 2
