"""Exercises that classes do, in a real browser: what the page shows and says of each."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e import frame_number, player, run, unfold, wait_for_status


def chosen(page, name):
    """Choose an option of a visible choice."""
    radio = page.get_by_role("radio", name=name, exact=True).locator("visible=true")
    radio.evaluate("node => node.click()")  # what was chosen before may still move it
    expect(radio).to_be_checked()


def test_a_network_is_told_another_timestep(open_page):
    page = open_page(1366, 768, tab="Noise")
    chosen(page, "noise")
    chosen(page, "told another t")
    run(page)
    wait_for_status(page, "done")
    stage = player(page)
    expect(stage.locator(".panel:visible")).to_have_count(4)
    expect(stage).to_contain_text("noise (number 0), told another t than 500")
    expect(stage).to_contain_text("Told the truth, t = 500")
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("Home")
    expect(stage).to_contain_text(re.compile(r"Told t′ = \d+, where x is at t = 500"))
    assert frame_number(page) == 1
    chosen(page, "drawing")
    expect(page.locator(".pad:visible")).to_be_visible()


def test_two_autoencoders_between_two_pictures(open_page):
    page = open_page(1366, 768, tab="Noise")
    page.get_by_role("button", name="two autoencoders", exact=True).click()
    stage = player(page)
    expect(stage).to_contain_text("to “pink elephant”, autoencoder", timeout=60_000)
    wait_for_status(page, "done")
    expect(stage.locator(".panel:visible")).to_have_count(5)
    expect(stage).to_contain_text(re.compile(r"Round trip of the VAE: \d+\.\d dB"))
    expect(stage).to_contain_text(re.compile(r"with \d+ of its 4096 words at 256 places"))
    page.evaluate("() => document.activeElement.blur()")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect(stage).to_contain_text(re.compile(r"51 % of the second picture: decoded, the mix"))
    page.get_by_role("textbox", name="Second picture").fill("cat face")
    page.get_by_role("button", name="Run", exact=True).locator("visible=true").click()
    expect(stage).to_contain_text("to “cat face”, autoencoder", timeout=60_000)
    wait_for_status(page, "done")


def test_a_classifier_guides_a_run(open_page):
    page = open_page(1366, 768, tab="Sample")
    page.get_by_role("button", name="classifier guidance", exact=True).click()
    wait_for_status(page, "done")
    stage = player(page)
    expect(stage.locator(".panel:visible")).to_have_count(4)
    expect(stage).to_contain_text("· guided by a classifier")
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("Home")
    expect(stage).to_contain_text(re.compile(r"The classifier reads 7 in xₜ with \d+ %"))
    page.get_by_role("button", name="guidance, both kinds", exact=True).click()
    page.wait_for_selector(".player[data-compared][data-status=done]:visible", timeout=60_000)
    expect(player(page)).to_contain_text("A classifier-free · frame 51 of 51")
    expect(player(page)).to_contain_text("B a classifier · frame 51 of 51")


def test_a_hundred_pictures_at_a_hundred_timesteps(open_page):
    page = open_page(390, 844, tab="Noise")
    closer = unfold(page, "A hundred at once")
    closer.get_by_role("button", name="100 test digits").click()
    pictures = closer.locator(".hundred img")
    expect(pictures).to_have_count(3, timeout=60_000)
    expect(closer).to_contain_text("What is left is")
    for picture in pictures.all():
        assert picture.bounding_box()["width"] >= 200
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate("stepwise.words.choose('zh')")
    expect(closer).to_contain_text("剩下的部分在中间的强度")


def test_what_a_classifier_does_is_offered_once_it_guides(open_page):
    page = open_page(1366, 768, tab="Sample")
    page.get_by_role("button", name="More").locator("visible=true").click()
    shown = page.get_by_role("radio", name="classifier", exact=True).locator("visible=true")
    expect(page.get_by_role("radio", name="a classifier", exact=True)).to_be_visible()
    expect(shown).to_have_count(0)
    chosen(page, "a classifier")
    expect(shown).to_have_count(1)
    chosen(page, "any")
    expect(
        page.get_by_text("A classifier guides to a label; choose one of 0 to 9.")
    ).to_be_attached()


# ---- the experiments ----------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 1366])
def test_a_mistake_stands_beside_the_run_without_it(open_page, width):
    page = open_page(width, 844 if width < 900 else 768, tab="Experiments")
    stage = player(page)
    expect(stage).to_contain_text("bug lab, digits, 50 steps, seed 0 · no fresh noise")
    expect(stage.locator(".panel:visible")).to_have_count(3 if width > 900 else 2)
    page.get_by_role("button", name="index for t", exact=True).click()
    page.wait_for_selector(".player[data-status=running]:visible")
    wait_for_status(page, "done")
    expect(stage).to_contain_text("it takes the picture for less noisy than it is")
    expect(stage).to_contain_text(re.compile(r"The two are 0\.\d+ apart"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("stepwise.words.choose('zh')")
    expect(stage).to_contain_text("用步数代替 t")


def test_what_is_asked_for_follows_the_experiment(open_page):
    page = open_page(1366, 768, tab="Experiments")
    page.get_by_role("button", name="6 that is a 9", exact=True).click()
    wait_for_status(page, "done")
    expect(player(page)).to_contain_text("In the other view it reads a 9")
    expect(page.get_by_label("Second label").locator("visible=true").first).to_be_visible()
    expect(page.locator(".control-bug:visible")).to_have_count(0)
    expect(page.locator(".about:visible").first).to_contain_text("Visual anagram.")
    assert "kind=anagram" in page.evaluate("location.search")


def test_the_rest_of_a_digit_is_painted_and_sampled(open_page, address):
    page = open_page(1366, 900, at=f"{address}/?tab=experiment&kind=inpainting&steps=15&repeats=2")
    wait_for_status(page, "done")
    chosen(page, "painted")
    pad = page.locator(".pad:visible canvas").first
    expect(pad).to_be_visible()
    page.wait_for_timeout(1500)  # the picture is put on the pad
    box = pad.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 40, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=8)
    page.mouse.up()
    page.wait_for_timeout(1000)
    run(page)
    expect(player(page)).to_contain_text("Where: painted")
    wait_for_status(page, "done")
    expect(player(page)).to_contain_text("The part that was known is kept")
