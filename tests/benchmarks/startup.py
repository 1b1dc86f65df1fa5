"""How long from the command to the first frame: `python -m tests.benchmarks.startup`.

With Chromium the first frame is a picture of the recorded run on screen; without it, the page's
configuration with that run in it. Hugging Face's hub is switched off. Prints one JSON object as
its last line:

    address_s    median seconds from the command until the address is printed
    frame_s      median seconds from the command to the first frame
    streamed_s   the same, to the first frame that is streamed of a run started then
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from statistics import median

from tests.e2e.conftest import FLAGS
from tests.server import Stream, defaults, running

os.environ["HF_HUB_OFFLINE"] = "1"


def first_frame(address: str) -> None:
    """Wait until a picture of the player is on screen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(FLAGS)
        )
        page = chromium.new_page()
        page.goto(address, wait_until="domcontentloaded")
        page.wait_for_selector(".player img:visible", timeout=120_000)
        chromium.close()


def started() -> tuple[float, float, float]:
    """Seconds to the address, to the first frame, and to the first streamed frame."""
    begun = time.perf_counter()
    with running() as address:
        printed = time.perf_counter() - begun
        if shutil.which("chromium"):
            first_frame(address)
        else:
            defaults(address, "sample")
        shown = time.perf_counter() - begun
        next(message for message in Stream(address, "sample", defaults(address, "sample"))
             if message["msg"] == "process_generating")  # fmt: skip
        return printed, shown, time.perf_counter() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    runs = [started() for _ in range(parser.parse_args().turns)]
    names = ("address_s", "frame_s", "streamed_s")
    print(json.dumps({name: round(median(column), 1) for name, column in
                      zip(names, zip(*runs, strict=True), strict=True)}))  # fmt: skip


if __name__ == "__main__":
    main()
