"""The tab "Invert & edit" in a real browser: its laboratory of inversions."""

import pytest
from playwright.sync_api import expect

from tests.e2e import frame_number, invert, player, set_steps, wait_for_status


def test_a_chip_replays_the_edit_of_an_animal(open_page):
    page = open_page(tab="Invert & edit")
    page.get_by_role("button", name="dog → fox", exact=True).click()
    expect(player(page).locator(".sentence-text")).to_contain_text(
        "Edited to “fox on a blue background”", timeout=180_000
    )
    assert player(page).get_attribute("data-stale") is None


def test_a_chip_during_the_run_of_another_one_is_run(open_page):
    page = open_page(tab="Invert & edit")
    page.get_by_role("button", name="dog → fox", exact=True).click()
    sentence = player(page).locator(".sentence-text")
    expect(sentence).to_contain_text("Editing to “fox", timeout=180_000)
    page.get_by_role("button", name="4 → 9", exact=True).click()
    expect(sentence).to_contain_text("Edited to label 9", timeout=180_000)
    expect(player(page).locator(".player-title")).to_contain_text("digit 4")


def test_one_button_inverts_reconstructs_and_edits(open_page):
    page = open_page(tab="Invert & edit")
    page.get_by_role("button", name="Invert, reconstruct, edit").click()
    expect(player(page).locator(".sentence-text")).to_contain_text(
        "Edited to label 9", timeout=180_000
    )
    expect(page.get_by_text("Before and after the edit").first).to_be_visible()


@pytest.mark.parametrize("width", [390, 1440])
def test_what_a_button_started_comes_into_view(open_page, width):
    page = open_page(width, 800, tab="Invert & edit")
    stage = player(page).locator(".stage")
    for steps in (5, 6, 5):  # the last one is remembered, and there at once
        set_steps(page, steps)
        button = page.get_by_role("button", name="Invert", exact=True)
        page.mouse.wheel(0, 10_000)  # the buttons stay in view, or are scrolled to
        expect(stage).not_to_be_in_viewport(ratio=0.9)
        button.press("Enter")
        expect(stage).to_be_in_viewport(ratio=1)
        wait_for_status(page, "done")


def test_an_edit_is_stopped_and_what_came_before_stays(open_page):
    page = open_page(tab="Invert & edit")
    set_steps(page, 100)
    page.get_by_role("button", name="Invert, reconstruct, edit").click()
    wait_for_status(page, "running")
    sentence = player(page).locator(".sentence-text")
    expect(sentence).to_contain_text("Editing to label 9", timeout=180_000)
    page.get_by_role("button", name="Stop", exact=True).locator("visible=true").first.click()
    wait_for_status(page, "stopped")
    kept = frame_number(page)
    assert 202 < kept < 280
    page.wait_for_timeout(1500)
    assert frame_number(page) - kept < 20  # what was on its way
    page.keyboard.press("Home")
    expect(sentence).to_contain_text("Inverting with label 4")
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(sentence).to_contain_text("Edited to label 9", timeout=60_000)


def test_a_mask_is_painted_and_kept_for_the_next_edit(open_page):
    page = open_page(tab="Invert & edit")
    set_steps(page, 6)
    page.get_by_role("button", name="Invert, reconstruct, edit").click()
    sentence = player(page).locator(".sentence-text")
    expect(sentence).to_contain_text("Edited to label 9", timeout=180_000)
    page.get_by_text("More", exact=True).locator("visible=true").nth(1).click()
    page.get_by_label("drawn").check()
    canvas = page.locator("canvas").locator("visible=true").first
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 40, y - 40)
    page.mouse.down()
    page.mouse.move(x + 20, y, steps=6)
    page.mouse.up()
    page.wait_for_timeout(1000)
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(sentence).to_contain_text("of the picture may change", timeout=60_000)
    expect(canvas).to_be_visible()
    assert player(page).get_attribute("data-stale") is None


def test_the_microscope_fills_and_measures_every_step(open_page):
    page = open_page(tab="Invert & edit")
    set_steps(page, 6)
    invert(page)
    expect(page.get_by_text("The error arises between")).to_be_visible(timeout=60_000)
    curves = page.locator(".microscope").locator("visible=true").locator("polyline")
    before = curves.count()
    page.get_by_role("button", name="Measure every step").click()
    expect(curves).to_have_count(before + 3, timeout=60_000)


def test_the_start_level_is_shown_as_a_picture(open_page):
    page = open_page(tab="Invert & edit")
    set_steps(page, 6)
    invert(page)
    picture = page.locator(".level-picture img")
    expect(picture).to_have_attribute("alt", "the picture at step 5", timeout=60_000)
    before = picture.get_attribute("src")
    slider = page.get_by_label("Start level").and_(page.locator("input[type=number]:visible"))
    slider.first.fill("0.5")
    slider.first.press("Tab")
    expect(picture).to_have_attribute("alt", "the picture at step 3")
    assert picture.get_attribute("src") != before


def test_frame_20_of_50_is_not_a_20_step_run(open_page):
    page = open_page(tab="Invert & edit")
    page.get_by_role("button", name="a digit: frame 20 of 50").click()
    expect(player(page).locator(".sentence-text")).to_contain_text(
        "visits all noise levels in larger strides", timeout=60_000
    )
    expect(page.locator(".microscope svg")).to_have_count(2)  # it became an empty box


def test_the_same_inversion_is_shown_at_once(open_page):
    page = open_page(tab="Invert & edit")
    set_steps(page, 7)
    for _ in range(2):
        invert(page)
        wait_for_status(page, "done")
    expect(player(page).locator(".sentence-text")).to_contain_text("Reconstructed")


@pytest.mark.parametrize("tab", ["Noise", "Invert & edit"])
def test_a_pad_that_was_passed_in_haste_is_still_to_be_had(open_page, tab):
    page = open_page(tab=tab)
    first = page.get_by_label("test digit", exact=True).locator("visible=true")
    pad = page.get_by_label("drawing", exact=True).locator("visible=true")
    for pause in (0, 50, 100):
        pad.evaluate("node => node.click()")
        page.wait_for_timeout(pause)
        first.evaluate("node => node.click()")
        page.wait_for_timeout(2000)
        expect(page.locator(".pad:visible")).to_have_count(0)
    pad.check()
    expect(page.locator(".pad canvas:visible").first).to_be_visible()


def test_a_drawn_digit_is_inverted(open_page):
    page = open_page(tab="Invert & edit")
    sent = []
    page.on("request", lambda request: sent.append(request.url))
    page.get_by_label("drawing", exact=True).locator("visible=true").check()
    set_steps(page, 4)
    canvas = page.locator("canvas").locator("visible=true").first
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y - 60)
    page.mouse.down()
    page.mouse.move(x, y + 60, steps=8)
    page.mouse.up()
    page.wait_for_timeout(1000)
    invert(page)
    expect(player(page).locator(".player-title")).to_contain_text("drawing", timeout=60_000)
    assert not [url for url in sent if "component_server" in url]
