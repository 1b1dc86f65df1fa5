"""Settings that must be in place before torch and gradio are imported."""

import os
import signal
from collections import Counter

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads starve each other
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # no network in tests
os.environ.setdefault("STEPWISE_NICE", "0")  # beside other tests a training would wait for minutes

import torch

WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
torch.set_num_threads(max(1, min(2, os.cpu_count() or 1) // WORKERS))
# A run in the background ignores Ctrl-C, and so would all apps that it starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Long files first, so that no worker is left alone with one at the end."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])
