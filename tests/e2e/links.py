"""What the tests of links do on a page."""

from playwright.sync_api import expect

from tests.e2e import player, wait_for_status

SHOWN = """() => {
  const player = stepwise.players().find((each) => each.root.getClientRects().length);
  const { run, clock } = player, frame = run.at(clock.index);
  return { pictures: frame.pictures, last: run.at(run.last).pictures, frame: clock.index + 1,
           count: run.count, settings: run.head.settings, stale: player.stale };
}"""
CLIPBOARD = ["clipboard-read", "clipboard-write"]


def shown(page):
    """What the stage in view shows, once its pictures are decoded in full."""
    page.wait_for_function("() => !stepwise.visible('.panel[data-approx=true]')")
    return page.evaluate(SHOWN)


def settled(page, query, status="done"):
    """Wait until the address has settled on this query, and the run is there."""
    wait_for_status(page, status)
    page.wait_for_function("(query) => location.search === query", arg=query)


def entry(page, name):
    """Press an entry of the menu of the player in view."""
    menu = player(page).locator(".menu")
    if menu.get_attribute("open") is None:
        menu.locator("summary").click()
    menu.get_by_role("button", name=name, exact=True).click()


def copied(page):
    """The link that the page copies."""
    entry(page, "Copy link")
    expect(player(page).locator("[data-share=link]")).to_have_text("Copied")
    return page.evaluate("navigator.clipboard.readText()")
