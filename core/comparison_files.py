"""Comparisons as files: `.stepwise`, too, a zip of runs, read as what comes from strangers.

    comparison.json     {"format": "stepwise comparison", "version": 1, "align": ..., ...}
    runs/0.stepwise     each run, as `core.tape_files` has it; two to four

The browser writes such files, in `assets/ui/js/tapefile.js`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core import tape_files
from core.archives import CutShort, unpacked
from core.shapes import is_say
from core.tape_checks import FILE_BYTES, parsed
from core.tape_files import Unopened
from core.tapes import Say, Tape

FORMAT, VERSION = "stepwise comparison", 1
ABOUT = "comparison.json"
ALIGNS = ("level", "step", "calls")  # what stands side by side
FEWEST, MOST, LONG = 2, 4, 2000


@dataclass(frozen=True)
class Comparison:
    """What a file holds: several runs that are compared, or one.

    Attributes:
        runs: the runs, the one that was on the stage last.
        align: what stands side by side, of ALIGNS.
        panel: key of the picture that is compared.
        look: what to look at; empty where nothing is said.
    """

    runs: tuple[Tape, ...]
    align: str = ALIGNS[0]
    panel: str = ""
    look: Say = ""


def read(content: bytes) -> Comparison:
    """A comparison from the bytes of a file, or the one run in it.

    Unopened, one sentence, for anything else, as in `core.tape_files.read`.
    """
    if content[30 : 30 + len(ABOUT)] != ABOUT.encode():  # the name of the first file in the zip
        return Comparison((tape_files.read(content),))
    if len(content) > FILE_BYTES:
        raise Unopened("large")
    try:
        entries = unpacked(content, most=2 * FILE_BYTES)
        about = _about(parsed(entries.pop(ABOUT)))
    except Unopened:
        raise
    except CutShort as error:
        raise Unopened("cut") from error
    except ValueError as error:
        raise Unopened("broken", str(error)) from error
    names = [f"runs/{k}.stepwise" for k in range(len(entries))]
    if not FEWEST <= len(entries) <= MOST or sorted(entries) != names:
        raise Unopened("broken", f"it must hold {FEWEST} to {MOST} runs")
    runs = (tape_files.read(entries[name], among=len(names)) for name in names)
    return Comparison(tuple(runs), **about)


def _about(found: dict[str, Any]) -> dict[str, Any]:
    """How the runs are compared; ValueError for what cannot be."""
    version = found.get("version")
    if found.get("format") != FORMAT or type(version) is not int:
        raise ValueError(f"{ABOUT} describes no comparison")
    if version > VERSION:
        raise Unopened("newer")
    align, panel = found.get("align", ALIGNS[0]), found.get("panel") or ""
    look = found.get("look") or ""
    if align not in ALIGNS:
        raise ValueError(f"{ABOUT}: align must be one of {', '.join(ALIGNS)}")
    if not isinstance(panel, str) or not is_say(look) or len(str([panel, look])) > LONG:
        raise ValueError(f"{ABOUT}: panel and look must be texts")
    return {"align": align, "panel": panel, "look": look}
