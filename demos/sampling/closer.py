"""What looks closer at the run on the stage: when it is decided, and many runs like it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from demos.runs.archive import Archive
from demos.runs.fields import WholeField
from demos.sampling import multiples
from demos.sampling.decided import calls, curve, decided, report, spaced
from demos.sampling.multiples import Made
from demos.sampling.request import SampleRequest
from demos.ui.controls import text
from demos.ui.runner import OPENS_WITH
from demos.ui.server.work import network_seconds, takes
from demos.words import Refusal, said

# The words of each section: title, lead, buttons.
DECIDE = ("decide.title", "decide.lead", "decide.here", "decide.over")
MANY = ("multiples.title", "multiples.lead", "multiples.eta", "multiples.race")


def closer() -> list[tuple[gr.Button, Callable, gr.HTML, bool]]:
    """The folded sections; each button, what it calls, the place, and whether of one frame."""
    here, over, endings = section(*DECIDE)
    eta, race, runs = section(*MANY)
    return [
        (here, decided_here, endings, True),
        (over, decided_over, endings, False),
        (eta, eta_by_steps, runs, False),
        (race, sampler_race, runs, False),
    ]


def section(title: str, lead: str, *buttons: str) -> tuple[Any, ...]:
    """A folded section with these words, and the place of what its buttons find."""
    with gr.Accordion(text(title), open=False, elem_classes=["closer"]):
        gr.Markdown(text(lead))
        with gr.Row():
            made = [gr.Button(text(each), size="sm") for each in buttons]
        return *made, gr.HTML("")


def asked_of(archive: Any) -> SampleRequest:
    """The request of the finished run on the page."""
    if archive == OPENS_WITH:
        return SampleRequest.of()
    if not isinstance(archive, Archive) or not archive.message:
        raise Refusal("decide.refused")
    return SampleRequest.of(**archive.message["settings"])


def seconds_here(archive: Any, frame: Any = None) -> float:
    """How long branches take on one core: of one frame, or of a whole run."""
    request = asked_of(archive)
    frames = spaced(request) if frame is None else [int(frame)]
    return network_seconds(request.model, calls(request, frames))


@takes(seconds_here)
def decided_here(archive: Any, frame: Any) -> Iterator[Any]:
    """What the frame on the stage leads to."""
    request = asked_of(archive)
    frame = WholeField(default=0, low=0, high=request.steps).check(frame, said("decide.frame"))
    for found in decided(request, [frame]):
        yield gr.skip() if found is None else report(request, found)


@takes(seconds_here)
def decided_over(archive: Any) -> Iterator[Any]:
    """What frames of the whole run lead to, one after the other."""
    request, seen = asked_of(archive), []
    frames = spaced(request)
    for found in decided(request, frames):
        seen += [] if found is None else [found]
        yield gr.skip() if found is None else curve(request, seen, len(frames))


def seconds_eta(archive: Any) -> float:
    """How long the table takes on one core."""
    request = asked_of(archive)
    return network_seconds(request.model, multiples.calls(multiples.eta_runs(request)))


@takes(seconds_eta)
def eta_by_steps(archive: Any) -> Iterator[Any]:
    """Runs of all kinds of noise and numbers of steps."""
    yield from filling(multiples.eta_runs(asked_of(archive)), multiples.eta_table)


def seconds_race(archive: Any) -> float:
    """How long all samplers take on one core."""
    request = asked_of(archive)
    return network_seconds(request.model, multiples.calls(multiples.race_runs(request)))


@takes(seconds_race)
def sampler_race(archive: Any) -> Iterator[Any]:
    """All samplers with the network calls of the run."""
    yield from filling(multiples.race_runs(asked_of(archive)), multiples.race)


def filling(
    requests: Sequence[SampleRequest], shown: Callable[[Sequence[SampleRequest], list[Made]], str]
) -> Iterator[Any]:
    """What is shown of the runs, anew with each picture."""
    found: list[Made] = []
    yield shown(requests, found)
    for each in multiples.made(requests):
        found += [] if each is None else [each]
        yield gr.skip() if each is None else shown(requests, found)
