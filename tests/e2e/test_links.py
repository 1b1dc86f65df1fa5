"""Links in real browsers: what one has on its stage, another one opens, on another start."""

import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.e2e import player, run, set_steps, wait_for_status
from tests.e2e.links import CLIPBOARD, copied, settled, shown
from tests.e2e.test_uploads import choose_upload


@pytest.mark.parametrize(
    ("query", "frame"),
    [
        ("tab=sample&model=digits&label=3&sampler=ddpm&steps=12&seed=11", 5),
        ("tab=sample&model=exact&steps=6&guidance=1&seed=4", 3),
        ("tab=sample&model=emoji&steps=3&prompt=tiger+face&show=guidance+split", 2),
        ("tab=noise&model=digits&digit=7&index=3&process=Markov+chain&frames=9&seed=5", 4),
        ("tab=noise&model=emoji&source=scene&caption=grinning+face&frames=6", 6),
        ("tab=invert&model=digits&source=library&library=5&label=5&steps=6", 9),
        ("tab=edit&model=digits&digit=3&label=3&steps=6&target=8&strength=0.5", 18),
        ("tab=schedule&first=cosine&second=karras&quantity=log_snr&second_parameters=rho%3A3", 7),
    ],
)
def test_a_link_opens_in_another_browser_on_another_start(
    open_page, address, restarted, query, frame
):
    page = open_page(permissions=CLIPBOARD, at=f"{address}/?{query}")
    settled(page, f"?{query}")
    page.evaluate("stepwise.visible('.track').focus()")
    page.keyboard.press("Home")
    for _ in range(frame - 1):
        page.keyboard.press("ArrowRight")
    link, first = copied(page), shown(page)
    assert link.startswith(f"{address}/?{query}")
    other = open_page(locale="zh-CN", at=link.replace(address, restarted))
    wait_for_status(other, "done")
    other.wait_for_function("(frame) => stepwise.players().some(({ clock, root }) =>"
                            " root.getClientRects().length && clock.index + 1 === frame)",
                            arg=frame)  # fmt: skip
    other.wait_for_function("(query) => location.search === query", arg=f"?{link.split('?')[1]}")
    second = shown(other)
    assert first["frame"] == frame and first == second
    assert first["last"] and all(each.startswith("data:image/") for each in first["last"])


def test_what_a_learner_runs_is_in_the_address_and_back_forward_and_reload_bring_it(open_page):
    page = open_page()
    assert "tab=" not in page.url  # nothing was asked for yet
    for steps in (5, 7):
        set_steps(page, steps)
        run(page)
        settled(page, f"?__theme=light&tab=sample&model=digits&steps={steps}")
    seven = shown(page)
    page.keyboard.press("Home")
    page.wait_for_function("location.search.endsWith('&frame=1')")
    page.get_by_role("tab", name="Noise", exact=True).last.click()
    page.wait_for_function("location.search === '?__theme=light&tab=noise'")
    page.go_back()  # the run is still there: nothing is run
    expect(player(page).locator(".frame-count")).to_have_text("frame 1 of 8")
    page.go_back()
    expect(player(page).locator(".frame-count")).to_have_text("frame 6 of 6")
    assert shown(page)["settings"]["steps"] == 5
    page.go_back()
    expect(player(page).locator(".player-status")).to_have_text("recorded example")
    steps = page.locator(".control-steps input[type=number]").locator("visible=true")
    expect(steps).to_have_value("50")
    for _ in range(2):
        page.go_forward()
    expect(player(page).locator(".frame-count")).to_have_text("frame 1 of 8")
    expect(steps).to_have_value("7")
    page.wait_for_timeout(2000)  # a page that is left while it hears from the server complains
    page.reload()
    expect(player(page).locator(".frame-count")).to_have_text("frame 1 of 8")
    assert shown(page)["last"] == seven["last"] and shown(page)["stale"] is False


def test_a_reload_finds_a_run_that_was_stopped(open_page):
    page = open_page(tab="Sample")
    set_steps(page, 1000)
    run(page)
    expect(player(page).locator(".player-status")).to_contain_text(
        re.compile(r"frame \d\d of 1001")
    )
    page.keyboard.press("Escape")
    wait_for_status(page, "stopped")
    page.wait_for_function("sessionStorage.getItem('stepwise_run')")
    page.keyboard.press("Home")
    page.wait_for_function("location.search.endsWith('&frame=1')")
    before = frames(page)
    page.wait_for_timeout(2000)  # a page that is left while it hears from the server complains
    page.reload()
    wait_for_status(page, "opened")
    expect(player(page).locator(".frame-count")).to_contain_text("frame 1 of")
    assert frames(page) == before
    assert page.evaluate("location.search").endswith("&steps=1000&frame=1")
    set_steps(page, 3)
    run(page)
    wait_for_status(page, "done")


def test_a_reload_finds_a_run_of_a_picture_that_no_link_can_hold(open_page, tmp_path):
    page = open_page(tab="Noise")
    Image.linear_gradient("L").save(tmp_path / "mine.png")
    choose_upload(page).set_input_files(tmp_path / "mine.png")
    expect(page.locator(".stepwise-columns:visible .image-frame img").first).to_be_visible()
    run(page)
    settled(page, "?__theme=light&tab=noise&model=digits&source=upload")
    page.wait_for_function("sessionStorage.getItem('stepwise_run')")
    before = frames(page)
    page.wait_for_timeout(2000)  # a page that is left while it hears from the server complains
    page.reload()
    wait_for_status(page, "opened")
    assert frames(page) == before


def frames(page):
    """The pictures of the run in view."""
    return page.evaluate(
        "stepwise.players().find(({ root }) => root.getClientRects().length)"
        ".run.frames.map(({ pictures }) => pictures)"
    )


def test_controls_that_were_moved_change_no_address_before_they_are_run(open_page):
    page = open_page(tab="Noise")
    page.wait_for_function("location.search === '?__theme=light&tab=noise'")
    page.get_by_label("Markov chain").locator("visible=true").check()
    expect(player(page)).to_have_attribute("data-stale", "true")
    page.wait_for_timeout(800)
    assert page.evaluate("location.search") == "?__theme=light&tab=noise"


def test_a_schedule_is_in_the_address_and_its_moves_are_no_entries(open_page):
    page = open_page(tab="Schedule")
    before = page.evaluate("history.length")
    steps = page.get_by_label("Steps", exact=False).and_(
        page.locator("input[type=number]:visible")
    )
    for value in ("20", "30", "40"):
        steps.first.fill(value)
        page.wait_for_function(
            "(value) => location.search.endsWith(`&first=linear&steps=${value}`)", arg=value
        )
    assert page.evaluate("history.length") == before


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("tab=nope", "The tab of the link must be one of schedule"),
        ("tab=sample&steps=0", "Steps must be a whole number in 1..1000, got 0."),
        ("tab=noise&frames=abc", "must be a whole number in 2..200, got abc."),
        ("tab=sample&steps=%3Cimg+src%3Dx+onerror%3D%22window.hit%3D1%22%3E", "got <img src=x"),
        ("tab=sample&prompt=" + "x" * 10_000, "This is longer than 2000 characters"),
        ("tab=noise&source=upload&frames=7", "cannot hold the uploaded picture"),
    ],
)
def test_a_bad_link_is_one_sentence_and_the_page_works(open_page, address, query, said):
    page = open_page(at=f"{address}/?{query}")
    toast = page.locator(".toast-body")
    expect(toast).to_contain_text(said)
    assert toast.count() == 1
    tab = "noise" if "noise" in query else "sample"
    page.wait_for_function("(tab) => location.search === `?tab=${tab}`", arg=tab)
    assert page.evaluate("window.hit") is None
    if tab == "sample":
        set_steps(page, 4)
        run(page)
        settled(page, "?tab=sample&model=digits&steps=4")


def test_an_english_prompt_stays_what_it_was_on_a_chinese_page(open_page, address):
    page = open_page(locale="zh-CN", at=f"{address}/?tab=sample&model=emoji&steps=2")
    wait_for_status(page, "done")
    prompt = page.locator(".control-prompt :is(input, textarea)").locator("visible=true")
    page.wait_for_timeout(1500)  # what follows from the model had time to come
    assert (
        shown(page)["settings"]["prompt"]
        == prompt.input_value()
        == ("dog face on a blue background")
    )
