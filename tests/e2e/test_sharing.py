"""What is handed on: codes for the wall, settings as text, and what no link can hold."""

import io
import json

import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from tests.e2e import player, run, set_steps
from tests.e2e.links import CLIPBOARD, entry, settled, shown
from tests.e2e.test_uploads import choose_upload


def test_a_code_is_read_from_the_screen_and_opens_the_frame(open_page):
    page = open_page(tab="Noise", theme="dark")
    page.evaluate("stepwise.visible('.track').focus()")
    page.keyboard.press("Home")
    entry(page, "QR code")
    picture = page.get_by_role("img", name="QR code of the address below")
    expect(picture).to_be_visible()
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.screenshot())))
    origin = page.evaluate("location.origin")
    assert found.text == f"{origin}/?tab=noise&frame=1"
    assert page.get_by_label("Address of the link").input_value() == found.text
    box = picture.bounding_box()
    assert box is not None and box["width"] > 400  # on a screen of 1440 by 900
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(player(page).locator(".menu summary")).to_be_focused()


def test_settings_are_copied_pasted_and_run_when_the_learner_runs_them(open_page):
    page = open_page(permissions=CLIPBOARD)
    set_steps(page, 6)
    run(page)
    settled(page, "?__theme=light&tab=sample&model=digits&steps=6")
    first = shown(page)
    entry(page, "Copy settings")
    page.get_by_role("button", name="Reset", exact=True).locator("visible=true").click()
    steps = page.locator(".control-steps input[type=number]").locator("visible=true")
    expect(steps).to_have_value("50")
    entry(page, "Paste settings")
    field = page.get_by_label("Settings, as “Copy settings” gives them")
    page.wait_for_function("document.querySelector('.share-text').value.startsWith('{')")
    pasted = json.loads(field.input_value())
    assert pasted == first["settings"]
    field.fill('{"steps": 0}')
    use = page.get_by_role("button", name="Use these settings")
    use.click()
    status = page.locator(".share-status")
    expect(status).to_have_text("Steps must be a whole number in 1..1000, got 0.")
    field.fill(json.dumps(pasted | {"label": "2", "eta": 0.5}))
    use.press("Enter")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator(".toast-body")).to_contain_text("nothing has been run yet")
    expect(steps).to_have_value("6")
    expect(player(page)).to_have_attribute("data-stale", "true")
    run(page)
    settled(page, "?__theme=light&tab=sample&model=digits&label=2&steps=6&eta=0.5")
    assert shown(page)["settings"] == pasted | {"label": "2", "eta": 0.5}


def test_the_link_of_an_upload_says_what_it_cannot_hold(open_page):
    page = open_page(tab="Noise", permissions=CLIPBOARD)
    drawn = io.BytesIO()
    digit = Image.new("L", (40, 40), 255)
    digit.paste(0, (17, 6, 23, 34))  # a one
    digit.save(drawn, "PNG")
    choose_upload(page).set_input_files(
        {"name": "grey.png", "mimeType": "image/png", "buffer": drawn.getvalue()}
    )
    expect(page.locator(".stepwise-columns:visible .image-frame img").first).to_be_visible()
    run(page)
    settled(page, "?__theme=light&tab=noise&model=digits&source=upload")
    entry(page, "Copy link")
    dialog = page.get_by_role("dialog", name="Link to this frame")
    expect(dialog).to_contain_text("It is copied.")
    expect(dialog).to_contain_text("cannot hold the uploaded picture")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.endswith("/?tab=noise&model=digits&source=upload")


def test_a_browser_that_refuses_its_clipboard_shows_the_link_and_the_field(open_page):
    page = open_page()
    page.evaluate(
        "() => { document.execCommand = () => false;"
        " Object.defineProperty(navigator, 'clipboard', { value: undefined }); }"
    )
    entry(page, "Copy link")
    dialog = page.get_by_role("dialog", name="Link to this frame")
    expect(dialog.get_by_label("Address of the link")).to_be_focused()
    expect(dialog).not_to_contain_text("It is copied.")
    page.keyboard.press("Escape")
    entry(page, "Paste settings")
    field = page.get_by_label("Settings, as “Copy settings” gives them")
    expect(field).to_be_focused()
    expect(field).to_have_value("")
