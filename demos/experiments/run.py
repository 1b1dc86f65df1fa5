"""A run of an experiment: its tape, and its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.tapes import Tape
from demos.experiments.request import ExperimentRequest
from demos.runs.stream import Shown
from demos.runs.zero_gpu import reached


def run(
    request: ExperimentRequest, report: Callable[[str], None] | None = None
) -> Iterator[Shown]:
    """An experiment as asked; `report` is told, in sentences, how a download goes."""
    model = reached(request.model, report=report)
    made = request.experiment(model, request)
    yield Tape(
        request=request.settings(),
        title=request.title(),
        panels=made.panels,
        total=made.total,
        axis=made.axis,
        strip=made.strip,
        start=made.opens,
        event=request.event,
    )
    yield from made.frames()
