"""A film, a sheet and a table of the run on the stage, made in the app and decoded here."""

import csv
import io
import json

import av
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageSequence
from playwright.sync_api import expect

from tests.e2e import player, run, set_steps, wait_for_status


def dialog(page):
    """The dialog of the player in view, open."""
    page.locator(".menu:visible summary").first.click()
    page.locator(".export-run:visible").first.click()
    found = page.locator("dialog.stepwise-export")
    expect(found).to_be_visible()
    return found


def asked(found, kind, **values):
    found.locator("[name=format]").select_option(kind)
    for name, value in values.items():
        found.locator(f"[name={name}]").fill(str(value))


def made(page, found, path):
    """Press the button; the name of the file that the browser saves."""
    with page.expect_download() as waiting:
        found.locator(".export-make").click()
    waiting.value.save_as(path)
    expect(found.locator(".export-status")).to_contain_text(waiting.value.suggested_filename)
    return waiting.value.suggested_filename


def test_a_run_becomes_a_film_a_sheet_and_a_table(open_page, tmp_path):
    page = open_page(tab="Sample")
    set_steps(page, 3)
    run(page)
    wait_for_status(page, "done")
    found = dialog(page)
    asked(found, "gif", rate=5, first=0.5, last=1.5)
    name = made(page, found, tmp_path / "a.gif")
    assert name == "stepwise-sample-digits-7-ddim-3-steps-seed-0-guidance-2.gif"
    with Image.open(tmp_path / "a.gif") as film:
        spans = [frame.info["duration"] for frame in ImageSequence.Iterator(film)]
        assert spans == [500, 200, 200, 1500]
        assert b'"steps": 3' in film.info["comment"]
    asked(found, "sheet")
    expect(found.locator("[name=rate]")).to_be_hidden()
    made(page, found, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as sheet:
        assert json.loads(sheet.info["Description"])["settings"]["steps"] == 3
    asked(found, "table")
    made(page, found, tmp_path / "a.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text("utf-8-sig"))))
    assert [row["frame"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[3]["text"] == player(page).locator(".sentence-text").inner_text()


def test_the_recorded_example_becomes_a_film_with_captions_in_chinese(open_page, tmp_path):
    page = open_page(tab="Sample", reduced_motion="reduce")
    page.locator("[data-act=language]").click()
    found = dialog(page)
    expect(found.locator("h2")).to_have_text("影片、总览、表格")
    asked(found, "mp4", rate=25, first=1, last=2)
    made(page, found, tmp_path / "a.mp4")
    expect(found.locator(".export-notes")).to_have_text("")
    with av.open(io.BytesIO((tmp_path / "a.mp4").read_bytes()), "r") as film:
        assert len(list(film.decode(video=0))) == 25 + 49 + 50
        assert film.metadata["title"] == "digits，标签 7，ddim，50 步，种子 0"


def test_a_film_can_be_stopped_and_the_page_goes_on(open_page):
    page = open_page(tab="Noise", reduced_motion="reduce")
    found = dialog(page)
    asked(found, "gif")
    found.locator(".export-make").click()
    expect(found.locator(".export-status")).to_contain_text("frame ")
    expect(found.locator(".export-make")).to_be_disabled()
    found.locator(".export-stop").click()
    expect(found.locator(".export-status")).to_have_text("Stopped: nothing was made.")
    page.wait_for_timeout(3000)  # what was under way is not told any more
    expect(found.locator(".export-status")).to_have_text("Stopped: nothing was made.")
    expect(found.locator(".export-make")).to_be_enabled()
    asked(found, "table")
    with page.expect_download():
        found.locator(".export-make").click()
    found.locator(".export-close").click()
    page.keyboard.press("ArrowLeft")
    expect(found).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
def test_the_dialog_fits(open_page, width, height):
    page = open_page(width, height, tab="Schedule")
    found = dialog(page)
    expect(found.locator(".export-chart")).to_be_visible()
    box = found.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    assert box["y"] >= 0 and box["y"] + box["height"] <= height
    report = Axe().run(page, context="dialog.stepwise-export")
    assert not report.response["violations"], report.generate_report()
    page.keyboard.press("Escape")
    expect(found).to_be_hidden()


def test_a_stopped_run_is_made_as_far_as_it_came_and_what_is_refused_is_said(open_page, tmp_path):
    page = open_page(tab="Sample", reduced_motion="reduce")
    set_steps(page, 200)
    run(page)
    wait_for_status(page, "running")
    page.locator(".stop-button:visible").click()
    wait_for_status(page, "stopped")
    page.wait_for_timeout(1000)  # a frame may still be on its way
    status = player(page).locator(".player-status").inner_text()
    count = int(status.split("frame ")[1].split()[0])
    found = dialog(page)
    asked(found, "table")
    made(page, found, tmp_path / "a.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text("utf-8-sig"))))
    assert [row["frame"] for row in rows] == [str(k + 1) for k in range(count)]
    page.evaluate("stepwise.tapeFile = () => new Blob(['hello'])")
    found.locator(".export-make").click()
    expect(found.locator(".export-status")).to_contain_text("is no saved run of Stepwise")
    expect(found.locator(".export-make")).to_be_enabled()
