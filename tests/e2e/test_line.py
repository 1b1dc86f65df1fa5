"""Twelve learners ask for long runs at once: who waits is told how many are before."""

from playwright.sync_api import expect

LONG = "tab=sample&model=digits&sampler=heun&steps=1000&batch=16"
AT_ONCE = 2  # long runs at work


def words(ahead):
    return f"in line: {ahead} {'run' if ahead == 1 else 'runs'} before yours"


def test_who_waits_in_line_sees_the_place_and_how_it_counts_down(browser, restarted):
    contexts, pages = [browser.new_context() for _ in range(12)], []
    for k, context in enumerate(contexts):
        context.set_default_timeout(90_000)
        page = context.new_page()
        page.goto(f"{restarted}/?{LONG}&seed={k}", wait_until="domcontentloaded")
        if k < AT_ONCE:
            page.wait_for_selector(".player[data-status=running]:visible")
        else:
            expect(page.locator(".waiting-text:visible")).to_have_text(words(k - AT_ONCE))
        pages.append(page)
    pages[0].locator(".stop-button:visible").first.click()
    pages[5].close()  # who leaves the line makes it shorter behind, not before
    for k, page in enumerate(pages):
        if k == AT_ONCE:
            page.wait_for_selector(".player[data-status=running]:visible")
        elif k > AT_ONCE and k != 5:
            place = words(k - AT_ONCE - (1 if k < 5 else 2))
            expect(page.locator(".waiting-text:visible")).to_have_text(place)
    pages[-1].evaluate("stepwise.words.choose('zh')")
    expect(pages[-1].locator(".waiting-text:visible")).to_have_text("排队中：前面还有 7 个运行")
    pages[-1].locator(".stop-button:visible").first.click()
    expect(pages[-1].locator(".waiting-text:visible")).to_have_count(0)
    for context in contexts:
        context.close()
