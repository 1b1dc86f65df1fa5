"""How smoothly runs play beside each other: `python -m tests.benchmarks.playing [--fps N]`.

Samples two runs of 50 steps and plays both with their difference in Chromium, 10 frames a second
at 1x, here 30. Prints one JSON object as its last line:

    frames    frames of the leading run
    dropped   frames of it that were never drawn, per turn
    fps       frames drawn per second, per turn
    draw_ms   milliseconds of one drawing, median and 95th percentile over all turns
"""

from __future__ import annotations

import argparse
import json
import shutil
from statistics import median, quantiles

from playwright.sync_api import sync_playwright

from demos.sampling.request import SampleRequest
from tests.e2e.conftest import FLAGS
from tests.server import running

WATCH = """() => {
  const player = stepwise.player("sample"), { draw } = player;
  window.drawn = [];
  player.draw = function (now) {
    const begun = performance.now();
    draw.call(this, now);
    window.drawn.push([this.clock.frame.i, begun, performance.now() - begun]);
  };
}"""
ENDED = "() => !stepwise.player('sample').clock.playing"


def turn(page) -> tuple[int, float, list[float]]:
    """Frames that were dropped, frames a second, and milliseconds of each drawing."""
    page.keyboard.press("Home")
    page.wait_for_timeout(1000)
    page.evaluate("() => { window.drawn.length = 0; }")
    page.keyboard.press("Space")
    page.wait_for_timeout(200)
    page.wait_for_function(ENDED)
    drawn = page.evaluate("window.drawn")
    first = {index: begun for index, begun, _ in reversed(drawn)}  # when each was drawn first
    last = max(first)
    seconds = (first[last] - first[min(first)]) / 1000
    return last + 1 - len(first), (last - min(first)) / seconds, [each for *_, each in drawn]


def main() -> None:
    """Compare two runs, and play them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--fps", type=int, default=30)
    flags = parser.parse_args()
    chromium = shutil.which("chromium")
    with running() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(address)
        page.get_by_role("button", name="DDIM and DDPM", exact=True).click()
        page.wait_for_selector(".player[data-compared][data-status=done]:visible")
        page.evaluate("(fps) => { stepwise.player('sample').clock.speed = fps / 10; }", flags.fps)
        page.evaluate("() => document.activeElement.blur()")
        page.evaluate(WATCH)
        turn(page)  # the differences are measured, once
        found = [turn(page) for _ in range(flags.turns)]
        browser.close()
    times = [each for *_, drawings in found for each in drawings]
    result = {
        "frames": SampleRequest.defaults()["steps"] + 1,
        "dropped": [dropped for dropped, *_ in found],
        "fps": [round(fps, 1) for _, fps, _ in found],
        "draw_ms": [round(median(times), 2), round(quantiles(times, n=20)[-1], 2)],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
