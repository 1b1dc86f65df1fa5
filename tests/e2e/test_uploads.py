"""Pictures as phones take them, through the page."""

import re

import pytest
from playwright.sync_api import expect

from tests.core import picture_files as files
from tests.e2e.test_page import player, run, wait_for_status

SEND = """([bytes, name, way]) => {
  const zone = [...document.querySelectorAll(".image-container")].find((n) => n.offsetParent);
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([new Uint8Array(bytes)], name)); // of no type
  const input = zone.querySelector("input[type=file]");
  if (way === "chosen") {
    input.files = dataTransfer.files;
    input.dispatchEvent(new Event("change"));
  } else {
    input.parentElement.dispatchEvent(
      new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  }
}"""


def choose_upload(page):
    page.locator("label:visible", has_text="upload").first.click()
    expect(page.locator(".image-container:visible").first).to_be_visible()
    return page.locator(".stepwise-columns:visible input[type=file]").first


def shown(page):
    """The upload as the browser shows it: its width once it is decoded."""
    image = page.locator(".stepwise-columns:visible .image-frame img").first
    expect(image).to_have_attribute("src", re.compile(r"\.png$"))
    page.wait_for_function("(image) => image.complete", arg=image.element_handle())
    return image.evaluate("(image) => [image.naturalWidth, image.naturalHeight]")


@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_a_heic_without_a_type_is_taken_shown_and_run(open_page, way):
    page = open_page(tab="Noise")
    choose_upload(page)
    page.evaluate(SEND, [list(files.heic(orientation=6)), "IMG_1.HEIC", way])
    assert shown(page) == [64, 128]
    run(page)
    wait_for_status(page, "done")
    expect(player(page).locator(".player-title")).to_contain_text("upload")


def test_a_file_that_is_no_picture_is_told_so_at_once(open_page):
    page = open_page(tab="Noise")
    name = {"name": "scan.tiff", "mimeType": "image/tiff", "buffer": b"II*\0 and no more"}
    choose_upload(page).set_input_files(name)
    expect(page.get_by_text("use PNG, JPEG, WebP, GIF, BMP, AVIF or HEIC")).to_be_visible()
