"""A run as a film: every frame, the first and the last one held, with its caption."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from core.tapes import Panel, Tape
from demos.exports.animations import Animation, Gif, Mp4, WebP
from demos.exports.drawing import Film
from demos.exports.labels import about, heading
from demos.exports.request import ExportRequest
from demos.words import Refusal

PIXELS = 600_000_000  # of all frames together
FILE_BYTES = 60_000_000


def ends(count: int, asked: ExportRequest) -> list[float]:
    """When each frame ends, in seconds: 1 / rate each, the first and the last one at least held.

    With one frame, that is the longer one of the holds.
    """
    spans = [1 / asked.rate] * count
    spans[0] = max(spans[0], asked.first)
    spans[-1] = max(spans[-1], asked.last)
    return list(accumulate(spans))


def film(tape: Tape, panels: Sequence[Panel], asked: ExportRequest) -> Iterator[int | bytes]:
    """How many frames are done, one after the other, and then the file.

    Refusal for more pixels, or bytes, than one file may have.
    """
    drawn = Film(tape, panels, asked.language)
    (width, height), count = drawn.size, len(tape.frames)
    if count * width * height > PIXELS or max(drawn.size) > 8000:
        raise Refusal(
            "export.refused.pixels", frames=count, width=width, height=height, most=PIXELS // 10**6
        )
    made = _animation(asked, drawn.size, heading(tape, asked.language), about(tape))
    for i, end in enumerate(ends(count, asked)):
        made.add(drawn.draw(i), end)
        if made.bytes_so_far > FILE_BYTES:
            raise Refusal("export.refused.bytes", most=FILE_BYTES // 10**6)
        yield i + 1
    yield made.end()


def _animation(
    asked: ExportRequest, size: tuple[int, int], title: str, description: str
) -> Animation:
    if asked.format == "mp4":
        return Mp4(size, title, description, asked.rate)
    return {"gif": Gif, "webp": WebP}[asked.format](size, title, description)
