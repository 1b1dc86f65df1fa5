"""A training in a real browser: watched, stopped, gone on with, found again, and used."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from core.archives import packed
from core.training.plans import moments
from tests.e2e import Asked, player, run, stop_after, wait_for_status
from tests.e2e.test_drawing import choose

BASIC = "tab=train&network=basic&noise=uniform&target=sample"


def train(page):
    page.get_by_role("button", name="Train", exact=True).locator("visible=true").click()


def pictures(page):
    """All pictures of the run on the stage."""
    return page.evaluate(
        "() => stepwise.players().find(({ root }) => root.getClientRects().length)"
        ".clock.run.frames.map(({ pictures }) => pictures)"
    )


def test_a_training_is_stopped_goes_on_and_is_found_again(open_page, address):
    page = open_page(1366, 768, at=f"{address}/?{BASIC}&data=one+digit&steps=50&batch=8&seed=4")
    page.wait_for_selector(".player[data-status=running]:visible")
    stop_after(page, 4)
    before = pictures(page)
    assert 4 < len(before) < len(moments(50))
    train(page)
    wait_for_status(page, "done")
    expect(player(page)).to_contain_text("Step 50 of 50, 400 examples seen")
    expect(player(page)).to_contain_text(re.compile(r"\d+ of 16 samples count as a digit"))
    after = pictures(page)
    assert len(after) == len(moments(50)) and after[: len(before)] == before
    page.wait_for_timeout(2000)  # a page that is left while it hears from the server complains
    page.reload()
    wait_for_status(page, "done")
    assert pictures(page) == after
    page.evaluate("stepwise.words.choose('zh')")
    expect(player(page)).to_contain_text("已看过 400 个样本")


def test_what_was_trained_is_saved_and_samples_in_another_tab(open_page, address):
    page = open_page(1366, 768, at=f"{address}/?{BASIC}&steps=10&batch=4")
    wait_for_status(page, "done")
    page.get_by_role("button", name="Save the model", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Download the model")).click()
    assert re.search(r"trained-[0-9a-f]{5}\.zip$", download.value.suggested_filename)
    page.get_by_role("button", name="Use it in the other tabs", exact=True).click()
    page.wait_for_selector("[role=tab][aria-selected=true]:has-text('Sample')")
    expect(page.get_by_text("knows no labels; leave the label empty").first).to_be_visible()
    run(page)
    wait_for_status(page, "done")
    expect(player(page)).to_contain_text(re.compile(r"trained-[0-9a-f]{5}, any digit, ddim"))
    expect(player(page).locator(".frame-count")).to_have_text("frame 51 of 51")


@pytest.mark.parametrize("width", [390, 1366])
def test_points_are_trained_on(open_page, address, width):
    page = open_page(
        width,
        844 if width < 900 else 768,
        at=f"{address}/?tab=train&data=two+moons&steps=40&batch=64",
    )
    wait_for_status(page, "done")
    expect(player(page)).to_contain_text("two moons, 40 steps, seed 0")
    expect(player(page).locator(".panel:visible")).to_have_count(3 if width > 900 else 2)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Use it in the other tabs", exact=True).click()
    expect(page.locator(".toast-body")).to_contain_text("Points are no pictures")


def test_points_that_are_clicked_are_trained_on(open_page, address):
    page = open_page(1366, 768, at=f"{address}/?tab=train&data=two+moons&steps=40&batch=64")
    wait_for_status(page, "done")
    choose(page, "Train on", "own points")
    pad = page.locator(".pad canvas:visible").first
    expect(pad).to_be_visible()
    box = pad.bounding_box()
    assert box
    for across, down in ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6)):
        page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
    page.wait_for_timeout(1000)  # the editor sends its picture after the last change
    train(page)
    wait_for_status(page, "done")
    expect(player(page)).to_contain_text("own points, 40 steps, seed 0")


def test_a_zip_of_ones_own_pictures_is_trained_on(open_page):
    files = {}
    for k in range(50):
        buffer = io.BytesIO()
        colour = (5 * k, 255 - 5 * k, 100)
        Image.new("RGB", (40 + k, 30), colour).save(buffer, "PNG")
        files[f"{k:02}.png"] = buffer.getvalue()
    page = open_page(1366, 900, tab="Train")
    asked = Asked(page)
    page.locator(".control-data input").click()
    page.get_by_role("option", name="own pictures").click()
    asked.settle()  # until then the field may be made anew
    upload = page.locator("input[type=file][accept='.zip']")
    content = packed(files | {"cut.png": files["00.png"][:30]})
    upload.set_input_files({"name": "mine.zip", "mimeType": "application/zip", "buffer": content})
    expect(page.get_by_label("mine.zip")).to_be_visible()
    page.locator(".control-steps input[type=number]").locator("visible=true").fill("12")
    page.keyboard.press("Tab")
    train(page)
    page.wait_for_selector(".player[data-status=running]:visible")
    wait_for_status(page, "done")
    expect(player(page)).to_contain_text("own pictures, 12 steps")
    expect(player(page)).to_contain_text("1 file cannot be read and is left out: cut.png")
