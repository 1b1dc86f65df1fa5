"""Buttons, keys and presenting, on a page without a server."""

import json

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.bench import mounted, tape


def test_the_buttons_step_play_and_loop_and_are_large_enough(bench):
    page = bench()
    player = mounted(page, tape())
    count = player.locator(".frame-count")
    page.evaluate("one.seek(3)")
    for name, text in (("Next frame", "frame 5 of 51"), ("Frame before", "frame 4 of 51")):
        player.get_by_role("button", name=name).click()
        expect(count).to_have_text(text)
    loop = player.get_by_role("button", name="Loop")
    loop.click()
    expect(loop).to_have_attribute("aria-pressed", "true")
    speeds = player.get_by_role("group", name="Speed").get_by_role("button")
    for text, speed in zip(
        speeds.all_inner_texts(), page.evaluate("stepwise.SPEEDS"), strict=True
    ):
        button = player.get_by_role("button", name=text, exact=True)  # as it is seen
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        assert page.evaluate("one.clock.speed") == speed
    assert player.locator(".speeds [aria-pressed=true]").all_inner_texts() == ["4×"]
    player.get_by_role("button", name="Play").click()
    page.wait_for_function("one.clock.index > 20")
    page.wait_for_function("one.clock.index < 10")
    player.get_by_role("button", name="Pause").click()
    expect(player).to_have_attribute("data-playing", "false")
    player.get_by_text("Save, share").click()
    for button in player.locator(".buttons :is(button, summary):visible").all():
        box = button.bounding_box()
        assert box["width"] >= 40 and box["height"] >= 40


def test_buttons_are_larger_where_fingers_press_them(bench):
    page = bench(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    player = mounted(page, tape())
    player.get_by_text("Save, share").click()
    for button in player.locator(".buttons :is(button, summary):visible").all():
        box = button.bounding_box()
        assert round(box["width"]) >= 44 and round(box["height"]) >= 44
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("kind", ["radio", "range"])
def test_letters_work_on_radios_and_sliders_and_arrows_stay_theirs(bench, kind):
    page = bench()
    player = mounted(page, tape())
    page.evaluate("one.seek(5)")
    page.locator(f"input[type={kind}]").focus()
    page.keyboard.press("r")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("runs") == 1
    expect(player.locator(".frame-count")).to_have_text("frame 6 of 51")


def test_a_text_field_keeps_its_letters(bench):
    page = bench()
    mounted(page, tape())
    page.locator("input[type=text]").press_sequentially("rf? ")
    assert page.evaluate("window.runs ?? 0") == 0
    assert page.locator("dialog[open], .presenting").count() == 0
    expect(page.locator("input[type=text]")).to_have_value("rf? ")


def test_arrows_belong_to_the_tab_bar_that_has_the_focus(bench):
    page = bench()
    player = mounted(page, tape())
    page.evaluate("one.seek(5)")
    tabs = page.get_by_role("tab")
    tabs.first.focus()
    for key, name in (("ArrowRight", "b"), ("End", "c"), ("ArrowRight", "a"), ("ArrowLeft", "c")):
        page.keyboard.press(key)
        expect(page.locator("[role=tab]:focus")).to_have_text(name)
    expect(player.locator(".frame-count")).to_have_text("frame 6 of 51")
    page.locator("body").evaluate("() => document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    expect(player.locator(".frame-count")).to_have_text("frame 7 of 51")


def test_the_dialog_lists_the_keys_in_the_language_of_the_page(bench):
    page = bench()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog.locator("kbd")).to_have_text(
        ["Space", "→", "←", "Home, End", "Page ↑, Page ↓", "R", "Esc", "F", "A, B, C, D", "G", "?"]
    )
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()
    page.evaluate("stepwise.words.choose('zh')")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="快捷键").locator("dd").nth(5)).to_have_text("运行")


@pytest.mark.parametrize("leave", ["f", "Escape"])
def test_presenting_shows_the_stage_alone_in_large_text(bench, leave):
    page = bench(viewport={"width": 1366, "height": 768})
    player = mounted(page, tape())
    page.locator("input[type=radio]").focus()
    page.keyboard.press("f")
    expect(player).to_have_class("player presenting")
    box = player.bounding_box()
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 1366, 768)
    expect(player.locator(".buttons")).to_be_hidden()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(player.locator(".sentence-text")).to_contain_text("Step 2 of 50")
    sizes = player.locator(":is(.player-title, .sentence, figcaption, .ends)").evaluate_all(
        "(nodes) => nodes.map((node) => parseFloat(getComputedStyle(node).fontSize))"
    )
    assert min(sizes) >= 24
    bottom = player.locator(".ends").bounding_box()
    assert bottom["y"] + bottom["height"] <= 768
    page.keyboard.press(leave)
    expect(player).to_have_class("player")
    expect(page.locator("input[type=radio]")).to_be_focused()


def test_two_players_share_nothing(bench):
    page = bench()
    one, two = mounted(page, tape()), mounted(page, tape(), "two")
    page.evaluate(
        "() => { one.seek(3); two.seek(9); two.clock.setSpeed(4, 0); stepwise.stale('two'); }"
    )
    expect(one.locator(".frame-count")).to_have_text("frame 4 of 51")
    expect(two.locator(".frame-count")).to_have_text("frame 10 of 51")
    assert page.evaluate("one.clock.speed") == 1
    assert one.get_attribute("data-stale") is None


def test_a_picture_and_the_settings_can_be_taken_away(bench):
    page = bench()
    player = mounted(page, tape())
    page.evaluate("one.seek(2)")
    menu = player.get_by_text("Save, share")
    menu.click()
    with page.expect_download() as saved:
        player.get_by_role("button", name="Save frame").click()
    assert saved.value.suggested_filename == "stepwise-one-3.png"
    with Image.open(saved.value.path()) as picture:
        assert picture.info["Title"] == "digits, label 7, ddim, 50 steps, seed 0"
        settings = json.loads(tape())["settings"]
        assert json.loads(picture.info["Description"])["settings"] == settings
    copy = player.locator(".copy")
    expect(copy).to_be_hidden()  # what was saved is no longer of the menu
    expect(menu).to_be_focused()
    menu.click()
    copy.click()
    expect(copy).to_have_text("Copied")
    expect(copy).to_have_text("Copy settings")
    page.keyboard.press("Escape")
    expect(copy).to_be_hidden()
    expect(menu).to_be_focused()
    menu.click()
    page.locator("body").click(position={"x": 2, "y": 2})
    expect(copy).to_be_hidden()
