"""The comparison of inversion methods: a table beside the player, with a Stop of its own."""

from playwright.sync_api import expect


def test_a_comparison_is_stopped_and_made_anew(open_page, address):
    page = open_page(at=f"{address}/?tab=invert")
    contest = page.locator(".contest-section")
    begin = contest.get_by_role("button", name="Compare", exact=True)
    contest.get_by_role("button", name="Compare methods").click()
    status = page.locator(".block.contest-status")
    for _ in range(2):
        begin.click()
        expect(status).to_contain_text("1 of 5, ")
        contest.get_by_role("button", name="Stop", exact=True).click()
        expect(status).to_contain_text("Stopped: the rows that are done stay.")
        expect(contest.get_by_text("Error").locator("visible=true")).to_have_count(0)
    begin.click()
    expect(status).to_contain_text("Done: 5 of 5.")
