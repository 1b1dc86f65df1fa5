"""Replicas as `python -m core.remote` starts them, in processes of their own."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

from tests.server import ROOT


@contextlib.contextmanager
def replicas(count: int, *flags: str) -> Iterator[str]:
    """Start so many on this machine; yields their address and ends them afterwards."""
    command = [sys.executable, "-m", "core.remote", "--replicas", str(count), *flags]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.search(r"--cluster (\S+)", said)
            if not found:
                raise RuntimeError(f"the replicas did not start: {said}")
            yield found[1]
        finally:
            process.send_signal(signal.SIGINT)
