"""What a monitor may know of the server: whether it lives, whether it is ready, and counts.

No text that anybody wrote is among them. The format is that of Prometheus,
https://prometheus.io/docs/instrumenting/exposition_formats/.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from starlette.responses import PlainTextResponse, Response

from core.engine import ENGINE, Engine

REGISTRY = CollectorRegistry()
FIRST_FRAME = Histogram(
    "stepwise_first_frame_seconds",
    "From the click to the first frame, waiting in line included.",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
    registry=REGISTRY,
)
READY = threading.Event()  # set while the server takes runs, its first model loaded
ROWS = (1, 2, 4, 8, 16, 32)  # buckets of batches
Lanes = dict[str, tuple[int, int]]  # runs at work and waiting, by their lane


class Counts:
    """What is counted elsewhere: runs by lane, open pages, calls and batches of the engine."""

    def __init__(self, lanes: Callable[[], Lanes], pages: Callable[[], int]) -> None:
        """From functions that count."""
        self.lanes, self.pages = lanes, pages

    def collect(self) -> Iterator[Metric]:
        """The counts of this moment."""
        runs = GaugeMetricFamily("stepwise_runs", "Runs.", labels=["lane", "state"])
        for lane, (at_work, waiting) in self.lanes().items():
            runs.add_metric([lane, "at work"], at_work)
            runs.add_metric([lane, "waiting"], waiting)
        yield runs
        yield GaugeMetricFamily("stepwise_pages", "Pages that are open.", value=self.pages())
        text = "Network calls that wait for a batch."
        yield GaugeMetricFamily("stepwise_calls_waiting", text, value=ENGINE.waiting)
        text = "Network calls that wait or are computed."
        yield GaugeMetricFamily("stepwise_calls", text, value=ENGINE.callers)
        yield batches(ENGINE)


def batches(engine: Engine) -> Metric:
    """How many rows went through a network together: the sum is all rows, the count all calls."""
    sizes = dict(engine.sizes)
    buckets = [(str(most), sum(n for rows, n in sizes.items() if rows <= most)) for most in ROWS]
    buckets.append(("+Inf", sum(sizes.values())))
    total = sum(rows * count for rows, count in sizes.items())
    text = "Rows that went through a network together."
    return HistogramMetricFamily("stepwise_batch_rows", text, buckets=buckets, sum_value=total)


class Monitor:
    """Answers /healthz, /readyz and /metrics."""

    def __init__(self, lanes: Callable[[], Lanes], pages: Callable[[], int]) -> None:
        """Of a server that counts its runs by lane, and its open pages."""
        self.registry = CollectorRegistry()
        self.registry.register(Counts(lanes, pages))

    def answer(self, path: str) -> Response | None:
        """What a monitor gets at this path; None where there is nothing of this kind."""
        if path == "/healthz":
            return PlainTextResponse("alive\n")
        if path == "/readyz":
            ready = READY.is_set()
            return PlainTextResponse("ready\n" if ready else "not ready\n", 200 if ready else 503)
        if path != "/metrics":
            return None
        text = b"".join(map(generate_latest, (self.registry, REGISTRY)))
        return Response(text, media_type="text/plain; version=0.0.4")
