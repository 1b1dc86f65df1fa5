"""A run from a file that a learner opens: its message for the player, or one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from core import comparison_files, tape_files
from core.comparison_files import Comparison
from core.tapes import Say, Tape
from demos.pictures.sources import path_of
from demos.runs.stream import Stream, compact
from demos.words import LANGUAGES, Refusal, sentence
from demos.words.reasons import recognised

LONGEST = 60  # signs of a file's name that are shown


def opened(sent: Any) -> Iterator[tuple[dict[str, Any], None]]:
    """The whole at once, and nothing on the server that one could go on from."""
    yield message_of(sent), None


def message_of(sent: Any) -> dict[str, Any]:
    """The message of a sent file; Refusal, one sentence, for one that holds no run.

    Of a comparison it is that of the last run, which carries those `beside` it.
    """
    found, name = held(sent), name_of(sent)
    messages = [{**Stream(tape, "opened").whole(), "file": name} for tape in found.runs]
    if len(messages) == 1:
        return messages[0]
    about = {"align": found.align, "panel": found.panel or None, "look": known(found.look) or None}
    before = [None, *(message["run"] for message in messages)]
    for place, message in enumerate(messages):
        message["compare"] = {"place": place, "before": before[place], **about}
    return {**messages[-1], "beside": [compact(each) for each in messages[:-1]]}


def tape_of(sent: Any) -> Tape:
    """The last run in a sent file; Refusal, one sentence, for one that holds none."""
    return held(sent).runs[-1]


def held(sent: Any) -> Comparison:
    """What a sent file holds; Refusal, one sentence, where that is no run."""
    path, name = path_of(sent), name_of(sent)
    if path is None:
        raise Refusal("tape.refused.gone")
    try:
        with Path(path).open("rb") as file:
            content = file.read(tape_files.FILE_BYTES + 1)
        found = comparison_files.read(content)
    except OSError as error:
        raise Refusal("tape.refused.gone") from error
    except tape_files.Unopened as error:
        trouble = {"trouble": recognised(error.trouble)} if error.trouble else {}
        raise Refusal(f"tape.refused.{error.kind}", file=name, **trouble) from error
    return replace(found, runs=tuple(map(understood, found.runs)))


def name_of(sent: Any) -> str:
    """What a sent file was called, without its folder and what cannot be printed."""
    name = sent.get("orig_name") if isinstance(sent, dict) else None
    last = name.replace("\\", "/").rpartition("/")[2] if isinstance(name, str) else ""
    shown = "".join(each for each in last if each.isprintable())
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 12]}…{shown[-11:]}"


def understood(tape: Tape) -> Tape:
    """The tape with plain text where the words of this version do not know what is said."""
    axis = tape.axis
    return replace(
        tape,
        title=known(tape.title),
        panels=tuple(replace(each, title=known(each.title)) for each in tape.panels),
        axis=replace(
            axis,
            name=known(axis.name),
            curve_name=known(axis.curve_name),
            ends=(known(axis.ends[0]), known(axis.ends[1])),
        ),
        frames=[
            replace(
                frame,
                say=known(frame.say, frame.text),
                doubts=[known(doubt) for doubt in frame.doubts],
            )
            for frame in tape.frames
        ],
    )


def known(say: Say, text: str = "") -> Say:
    """A sentence that can be said in every language; else the text, or its key, as it is."""
    try:
        for language in LANGUAGES:
            sentence(say, language)
    except (KeyError, ValueError, TypeError, ArithmeticError):
        return text or key_of(say)
    return say


def key_of(say: Say) -> str:
    """The first text in a sentence."""
    while not isinstance(say, str):
        say = say[0] if say else ""
    return say
