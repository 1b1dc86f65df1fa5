"""A tape becomes a file: what was asked for is checked, made with progress, and annotated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.tapes import Panel, Say, Tape
from demos.exports.films import film
from demos.exports.fonts import missing
from demos.exports.labels import caption, heading, settings
from demos.exports.request import FILMS, ExportRequest
from demos.exports.sheets import FRAMES, sheet
from demos.exports.tables import table
from demos.words import Refusal, said, sentence

ENDINGS = {"sheet": "png", "table": "csv", **{film: film for film in FILMS}}
SHOWN = 20  # characters without a font that are named


@dataclass(frozen=True)
class Progress:
    """So many frames of a file are made."""

    done: int
    total: int


@dataclass(frozen=True)
class Made:
    """A file.

    Attributes:
        content: its bytes.
        ending: of its name.
        notes: what in it is other than asked for, in words.
    """

    content: bytes
    ending: str
    notes: tuple[Say, ...] = ()


def making(tape: Tape, asked: ExportRequest) -> Iterator[Progress | Made]:
    """The file of a tape; Refusal, one sentence, where it cannot be made."""
    if not tape.frames:
        raise Refusal("export.refused.empty")
    panels = shown(tape, asked.panel)
    if asked.format == "table":
        yield Made(table(tape, asked.language), ENDINGS[asked.format])
        return
    asked, notes = readable(tape, panels, asked)
    films = asked.format in FILMS
    run = film(tape, panels, asked) if films else sheet(tape, panels, asked.language)
    total = len(tape.frames) if films else min(len(tape.frames), FRAMES)
    yield Progress(0, total)
    for each in run:
        if isinstance(each, int):
            yield Progress(each, total)
        else:
            yield Made(each, ENDINGS[asked.format], notes)


def shown(tape: Tape, key: str) -> tuple[Panel, ...]:
    """The panels that were asked for; Refusal for one that the run has not."""
    panels = tuple(panel for panel in tape.panels if key in ("", panel.key))
    if not panels:
        keys = ", ".join(panel.key for panel in tape.panels)
        raise Refusal("export.refused.panel", panel=key, panels=keys)
    return panels


def readable(
    tape: Tape, panels: tuple[Panel, ...], asked: ExportRequest
) -> tuple[ExportRequest, tuple[Say, ...]]:
    """What can be written with the fonts of this machine, and what is said about the rest.

    Without the characters of a language, its texts are English.
    """
    notes: list[Say] = []
    if asked.language != "en" and missing(sentence(said("player.approximate"), asked.language)):
        asked = replace(asked, language="en")
        notes.append(said("export.note.language"))
    texts = [heading(tape, asked.language), settings(tape), *(each.symbol for each in panels)]
    texts += [sentence(each.title, asked.language) for each in panels]
    texts += [caption(frame, asked.language) for frame in tape.frames]
    strange = missing("".join(texts))
    if strange:
        notes.append(said("export.note.characters", characters=" ".join(strange[:SHOWN])))
    return asked, tuple(notes)
