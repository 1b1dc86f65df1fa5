"""The link of a comparison opens all its runs, aligned as they were."""

from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.e2e import compare, player, run, set_steps
from tests.e2e.links import CLIPBOARD, copied, settled

COMPARED = """() => {
  const { run, clock, comparison } = stepwise.player("sample");
  const shown = (each) => [each.head.settings, each.at(each.last).pictures];
  return { runs: comparison.runs(run).map(shown),
           align: clock.align, panel: comparison.key(run), frame: clock.frameOf(run).i + 1 };
}"""
AT_REST = """([runs, frame]) => {
  const { run, clock, comparison } = window.stepwise?.player?.("sample") ?? {};
  return run?.status === "done" && comparison.runs(run).length === runs
    && clock.frameOf(run).i + 1 === frame;
}"""


def test_the_link_of_a_comparison_opens_all_its_runs(open_page, address, restarted):
    page = open_page(permissions=CLIPBOARD)
    compare(page, 5, 7, 9)
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    link, first = copied(page), page.evaluate(COMPARED)
    assert first["frame"] == 4 and [each["steps"] for each, _ in first["runs"]] == [5, 7, 9]
    other = open_page(at=link.replace(address, restarted))
    other.wait_for_function(AT_REST, arg=[3, 4])
    assert other.evaluate(COMPARED) == first
    settled(other, f"?{link.split('?')[1]}")
    other.get_by_role("tab", name="Noise", exact=True).last.click()
    other.wait_for_function("location.search === '?tab=noise'")
    other.go_back()  # all of it is still there: nothing is run
    settled(other, f"?{link.split('?')[1]}")
    assert other.evaluate(COMPARED) == first
    other.wait_for_timeout(2000)  # as above
    other.reload()
    other.wait_for_function(AT_REST, arg=[3, 4])
    assert other.evaluate(COMPARED) == first
    set_steps(other, 4)
    run(other)  # the page is at work: the next run stands beside the two that are pinned
    expect(player(other).locator(".panel figcaption").nth(2)).to_contain_text("Steps 4")


def test_the_link_of_a_comparison_at_one_click_says_what_to_look_at(open_page, address):
    page = open_page(permissions=CLIPBOARD)
    page.get_by_role("button", name="step 20 of 50", exact=True).click()
    expect(player(page).locator(".panel figcaption").nth(1)).to_contain_text("frame 51 of 51")
    link, first = copied(page), page.evaluate(COMPARED)
    other = open_page(at=link)
    expect(player(other).locator(".player-title")).to_contain_text("the 20-step run has arrived")
    other.wait_for_function(AT_REST, arg=[2, 51])
    assert other.evaluate(COMPARED) == first
    settled(other, f"?{link.split('?')[1]}")
    set_steps(other, 3)
    run(other)  # another run ends it, as it does where it was made
    expect(player(other).locator(".frame-count")).to_have_text("frame 4 of 4")
    expect(player(other).locator(".compared")).to_be_hidden()


@pytest.mark.parametrize(
    "beside", ["nonsense", "tab=sample&steps=0", "tab=nope", f"prompt={'x' * 3000}"]
)
def test_a_run_beside_that_cannot_be_is_one_sentence(open_page, address, beside):
    query = urlencode({"tab": "sample", "steps": 4, "beside": beside, "align": "x", "look": "y"})
    page = open_page(at=f"{address}/?{query}")
    if beside == "nonsense":  # names nothing: what the tab opens with
        settled(page, "?tab=sample&model=digits&steps=4&beside=tab%3Dsample")
        assert len(page.evaluate(COMPARED)["runs"]) == 2
        return
    expect(page.locator(".toast-body")).to_have_count(1)
    page.wait_for_function("() => location.search === '?tab=sample'")
    set_steps(page, 4)
    run(page)
    settled(page, "?tab=sample&model=digits&steps=4")
