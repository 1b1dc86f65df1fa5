"""What a server has used goes back to the system."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from demos.ui.server import memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps free memory")


def megabytes():
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_free_memory_between_blocks_in_use_is_given_back(monkeypatch):
    monkeypatch.setattr(memory, "PAUSE", 0.01)
    blocks = [bytes(10_000) for _ in range(20_000)]
    kept = blocks[::100]  # a few in use between all that is free
    blocks.clear()
    full = megabytes()

    async def served():
        task = asyncio.create_task(memory.look_after())
        await asyncio.sleep(0.5)
        task.cancel()

    asyncio.run(served())
    assert len(kept) == 200 and megabytes() < full - 100
