"""What looks closer at the run on the stage: when it is decided, and many runs like it at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from demos.runs.fields import WholeField
from demos.sampling.decided import calls, curve, decided, report, spaced
from demos.sampling.multiples import MANY, Made, made
from demos.sampling.request import SampleRequest
from demos.ui.runner import Look
from demos.ui.sections import requested, section
from demos.ui.server.work import network_seconds, takes
from demos.words import said

# The words of each section: title, lead, buttons.
DECIDED = ("decide.title", "decide.lead", "decide.here", "decide.over")
MULTIPLES = ("multiples.title", "multiples.lead", "multiples.eta", "multiples.race")


def closer() -> list[tuple[gr.HTML, list[Look]]]:
    """The folded sections: the place of each, and what fills it."""
    here, over, endings = section(*DECIDED)
    eta, race, runs = section(*MULTIPLES)
    return [
        (endings, [(here, decided_here, True), (over, decided_over, False)]),
        (
            runs,
            [(eta, partial(many_runs, "eta"), False), (race, partial(many_runs, "race"), False)],
        ),
    ]


def seconds_here(archive: Any, frame: Any = None) -> float:
    """How long branches take on one core: of one frame, or of a whole run."""
    request = requested(SampleRequest, archive)
    frames = spaced(request) if frame is None else [int(frame)]
    return network_seconds(request.model, calls(request, frames))


@takes(seconds_here)
def decided_here(archive: Any, frame: Any) -> Iterator[Any]:
    """What the frame on the stage leads to."""
    request = requested(SampleRequest, archive)
    frame = WholeField(default=0, low=0, high=request.taken).check(frame, said("decide.frame"))
    for found in decided(request, [frame]):
        yield gr.skip() if found is None else report(request, found)


@takes(seconds_here)
def decided_over(archive: Any) -> Iterator[Any]:
    """What frames of the whole run lead to, one after the other."""
    request, seen = requested(SampleRequest, archive), []
    frames = spaced(request)
    for found in decided(request, frames):
        seen += [] if found is None else [found]
        yield gr.skip() if found is None else curve(request, seen, len(frames))


def seconds_many(kind: str, archive: Any) -> float:
    """How long many runs take on one core."""
    request = requested(SampleRequest, archive)
    return network_seconds(request.model, sum(each.calls for each in MANY[kind].runs(request)))


@takes(seconds_many)
def many_runs(kind: str, archive: Any) -> Iterator[Any]:
    """Many runs like the one on the stage; what is shown of them, anew with each picture."""
    requests = MANY[kind].runs(requested(SampleRequest, archive))
    found: list[Made] = []
    yield MANY[kind].shown(requests, found)
    for each in made(requests):
        found += [] if each is None else [each]
        yield gr.skip() if each is None else MANY[kind].shown(requests, found)
