"""When is it decided, in a real browser: from a frame, over the run, and stopped on the way."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e import player, run, set_steps, unfold, wait_for_status

LONG = 180_000  # milliseconds: branches are many network calls


@pytest.mark.parametrize("width", [390, 1366])
def test_the_endings_of_the_frame_on_the_stage(open_page, width):
    page = open_page(width, 844 if width < 900 else 768, tab="Sample")
    closer = unfold(page, "When is it decided?")
    thumb = player(page).locator(".thumb").nth(-2)  # late in the recorded run
    shown = int(thumb.get_attribute("aria-label").split()[1])
    thumb.click()
    expect(player(page).locator(".frame-count")).to_have_text(f"frame {shown} of 51")
    closer.get_by_role("button", name="From this frame: 16 endings").click()
    expect(closer).to_contain_text(f"16 endings from step {shown} of 50", timeout=LONG)
    expect(closer).to_contain_text(re.compile(r"The classifier reads \d+ of 16 as \d"))
    expect(closer.locator(".decided img")).to_have_count(3)
    for picture in closer.locator(".decided img").all():
        assert picture.evaluate("(node) => node.complete && node.naturalWidth > 0")
        assert picture.get_attribute("alt")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("stepwise.words.choose('zh')")
    expect(closer).to_contain_text("个读作")


def test_the_curve_fills_and_is_stopped_on_the_way(open_page):
    page = open_page(1366, 900, tab="Sample")
    set_steps(page, 12)
    run(page)
    wait_for_status(page, "done")
    closer = unfold(page, "When is it decided?")
    closer.get_by_role("button", name="Over the whole run: 8 frames").click()
    done = closer.locator("p", has_text="of 8 frames")
    expect(done).to_contain_text("1 of 8 frames, 16 endings each.", timeout=LONG)
    expect(done).to_contain_text(re.compile("[23] of 8 frames"), timeout=LONG)
    expect(closer.locator("polyline")).to_have_count(2)
    page.get_by_role("button", name="Stop", exact=True).locator("visible=true").first.click()
    page.wait_for_timeout(1500)
    kept = done.inner_text()
    page.wait_for_timeout(6000)
    assert done.inner_text() == kept and "8 of 8" not in kept
