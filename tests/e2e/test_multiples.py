"""Many runs at once, in a real browser: they fill, they are stopped, a picture opens its run."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e import player, run, set_steps, unfold, wait_for_status

LONG = 180_000  # milliseconds


@pytest.mark.parametrize("width", [390, 1366])
def test_the_table_fills_is_stopped_and_opens_a_run(open_page, width):
    page = open_page(width, 844 if width < 900 else 768, tab="Sample")
    closer = unfold(page, "Many runs at once")
    closer.get_by_role("button", name="η × steps: 30 runs").click()
    done = closer.locator("p", has_text="of 30 runs with DDIM")
    expect(done).to_contain_text(re.compile(r"1[1-9] of 30"), timeout=LONG)
    expect(closer.locator(".multiples .blank").first).to_be_attached()
    page.get_by_role("button", name="Stop", exact=True).locator("visible=true").first.click()
    page.wait_for_timeout(1500)
    kept = done.inner_text()
    pictures = closer.locator(".multiples img")
    for picture in pictures.all():
        box = picture.bounding_box()
        assert box["width"] == box["height"] and picture.get_attribute("alt")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    closer.locator("tr", has=page.get_by_text("η 0.5")).locator("a").nth(1).click()
    wait_for_status(page, "done")
    page.wait_for_function("() => location.search.includes('steps=10&')")
    assert "eta=0.5" in page.url and "sampler" not in page.url
    last = player(page).locator(".panel img").first.get_attribute("src")
    assert done.inner_text() == kept and last.startswith("data:image/")


def test_all_samplers_race_for_the_run_on_the_stage(open_page):
    page = open_page(1366, 768, tab="Sample")
    set_steps(page, 4)
    guidance = page.get_by_label("Guidance").and_(page.locator("input[type=number]:visible"))
    guidance.fill("1")
    guidance.press("Tab")
    run(page)
    wait_for_status(page, "done")
    closer = unfold(page, "Many runs at once")
    closer.get_by_role("button", name="All samplers, same number").click()
    expect(closer).to_contain_text("14 of 14 runs", timeout=LONG)
    figures = closer.locator(".race figure")
    expect(figures.first).to_contain_text("stands for the exact solution")
    expect(figures.locator("strong", has_text="ddim")).to_have_text("ddim: 4 steps, 4 calls")
    page.evaluate("stepwise.words.choose('zh')")
    expect(figures.last).to_contain_text("加新噪声")


def test_another_table_takes_the_place_of_the_one_that_fills(open_page):
    page = open_page(1366, 768, tab="Sample")
    closer = unfold(page, "Many runs at once")
    closer.get_by_role("button", name="η × steps: 30 runs").click()
    expect(closer.locator(".multiples table img").nth(2)).to_be_visible(timeout=LONG)
    closer.get_by_role("button", name="All samplers, same number").click()
    expect(closer.locator(".race figure").first).to_be_visible(timeout=LONG)
    for _ in range(20):
        page.wait_for_timeout(100)
        assert closer.locator("table").count() == 0
    page.get_by_role("button", name="Stop", exact=True).locator("visible=true").first.click()
