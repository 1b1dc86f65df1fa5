"""A run as one picture: its frames in rows, with title, settings and seed on it and in it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from core.tapes import Panel, Tape
from demos.exports.drawing import GAP, THUMB, Row
from demos.exports.fonts import Pen
from demos.exports.labels import about, heading, settings
from demos.words import said, sentence

FRAMES = 30  # on one sheet, the first and the last one among them
WIDTH = 1600  # pixels that the frames of a row may take


def chosen(count: int, most: int = FRAMES) -> list[int]:
    """The indices of so many frames at most, evenly apart, with both ends."""
    if count <= most:
        return list(range(count))
    return [round(k * (count - 1) / (most - 1)) for k in range(most)]


def sheet(tape: Tape, panels: Sequence[Panel], language: str) -> Iterator[int | bytes]:
    """How many frames are on it, one after the other, and then the PNG."""
    frames = chosen(len(tape.frames))
    large, text, small = Pen(22), Pen(16), Pen(14, "#444444")
    row = Row(tape, panels, THUMB, least=THUMB.least)
    columns = max(1, min(len(frames), (WIDTH + 2 * GAP) // (row.width + 2 * GAP)))
    width = max(640, columns * (row.width + 2 * GAP) - 2 * GAP)
    key = ", ".join(f"{each.symbol} {sentence(each.title, language)}" for each in panels)
    amount = said("export.sheet.frames", count=len(frames), total=len(tape.frames))
    head = [
        (large, large.wrapped(heading(tape, language), width)),
        (small, small.wrapped(settings(tape), width)),
        (text, text.wrapped(f"{sentence(amount, language)}: {key}", width)),
    ]
    top = GAP + sum(len(lines) * pen.line for pen, lines in head) + GAP
    line = row.height + 2 * small.line + GAP
    rows = -(-len(frames) // columns)
    picture = Image.new("RGB", (width + 2 * GAP, top + rows * line), "white")
    on, place = ImageDraw.Draw(picture), float(GAP)
    for pen, lines in head:
        place = pen.write(on, GAP, place, lines)
    for k, i in enumerate(frames):
        left, above = GAP + k % columns * (row.width + 2 * GAP), top + k // columns * line
        number = sentence(said("player.frame", number=i + 1), language)
        small.write(on, left, above, [number])
        row.draw(picture, left, above + small.line, tape.frames[i])
        for panel, x in zip(panels, row.places(), strict=True):
            approximate = panel.key in tape.frames[i].approximate
            mark = f"{panel.symbol} ≈" if approximate else panel.symbol
            small.write(on, left + x, above + small.line + row.height, [mark])
        yield k + 1
    yield png(picture, heading(tape, language), about(tape))


def png(picture: Image.Image, title: str, description: str) -> bytes:
    """A picture as PNG with a title and a description, in UTF-8 (PNG 3rd edition, iTXt)."""
    info, file = PngInfo(), io.BytesIO()
    for name, value in (("Title", title), ("Description", description), ("Software", "Stepwise")):
        info.add_itxt(name, value)
    picture.save(file, "PNG", pnginfo=info, optimize=True)
    return file.getvalue()
