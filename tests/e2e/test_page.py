"""The page in a real browser, with mouse and keyboard."""

import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.e2e import frame_number, invert, player, run, set_steps, stop_after, wait_for_status

TABS = ("Schedule", "Noise", "Sample", "Invert & edit", "Experiments", "Train")


def test_the_first_view_is_a_finished_run(open_page):
    page = open_page()
    expect(player(page).locator(".panel img").first).to_have_attribute("src", re.compile("data:"))
    expect(player(page).locator(".sentence-text")).not_to_be_empty()
    assert page.locator(".filmstrip:visible .thumb").count() > 10
    assert player(page).get_attribute("data-status") == "tape"


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_is_alive_on_opening(open_page, tab):
    page = open_page(tab=tab)
    expect(player(page).locator(".panel img").first).to_have_attribute("src", re.compile("data:"))
    expect(player(page).locator(".sentence-text")).not_to_be_empty()


def test_run_streams_and_scrubbing_asks_nothing_of_the_server(open_page):
    page = open_page(tab="Sample")
    set_steps(page, 12)
    run(page)
    wait_for_status(page, "done")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    player(page).locator(".track").focus()
    page.keyboard.press("Home")
    expect(player(page).locator(".frame-count")).to_contain_text("frame 1 of 13")
    page.keyboard.press("ArrowRight")
    expect(player(page).locator(".frame-count")).to_contain_text("frame 2 of 13")
    page.keyboard.press("End")
    expect(player(page).locator(".frame-count")).to_contain_text("frame 13 of 13")
    thumb = page.locator(".filmstrip:visible .thumb").nth(4)
    thumb.click()
    expect(player(page).locator(".frame-count")).to_have_text(
        f"{thumb.get_attribute('aria-label')} of 13"
    )
    box = player(page).locator(".track").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.99, box["y"] + box["height"] / 2)
    expect(player(page).locator(".frame-count")).to_have_text(re.compile("frame [12] of 13"))
    assert [url for url in asked if not url.startswith("data:")] == []


def test_the_steps_of_one_message_are_shown_one_after_another(open_page):
    page = open_page(tab="Sample")
    set_steps(page, 200)
    page.evaluate(
        """() => {
            const node = [...document.querySelectorAll(".frame-count")].find(e => e.offsetParent);
            const stage = node.closest(".player");
            window.seen = [];
            new MutationObserver(() => {
                if (stage.dataset.status === "running") seen.push(node.textContent);
            }).observe(node, { childList: true });
        }"""
    )
    run(page)
    wait_for_status(page, "running")
    wait_for_status(page, "done")
    expect(player(page).locator(".frame-count")).to_have_text("frame 201 of 201")
    texts = [text.split() for text in page.evaluate("seen")]  # frame 7 of 9
    shown = [int(text[1]) for text in texts]
    assert shown == sorted(shown)
    assert len(set(shown)) > 1.5 * len({text[3] for text in texts})


def test_a_changed_setting_marks_the_stage_until_the_next_run(open_page):
    page = open_page(tab="Sample")
    set_steps(page, 6)
    page.wait_for_selector(".player[data-stale]:visible")
    run(page)
    wait_for_status(page, "done")
    assert player(page).get_attribute("data-stale") is None
    expect(player(page).locator(".frame-count")).to_contain_text("of 7")


@pytest.mark.parametrize("tab", ["Sample", "Invert & edit"])
def test_escape_stops_and_keeps_the_frames(open_page, tab):
    page = open_page(tab=tab)
    set_steps(page, 200)
    run(page)
    kept = stop_after(page, 4)
    page.wait_for_timeout(1500)
    assert 4 < kept <= frame_number(page) < 150


@pytest.mark.parametrize("tab", ["Sample", "Invert & edit"])
def test_run_during_a_run_starts_anew_with_the_new_settings(open_page, tab):
    page = open_page(tab=tab)
    set_steps(page, 200)
    run(page)
    page.wait_for_function(
        "[...document.querySelectorAll('.player[data-status=running] .frame-count')]"
        ".some(e => e.offsetParent && parseInt(e.textContent.split(' ')[1]) > 4)"
    )
    set_steps(page, 6)
    page.keyboard.press("r") if tab == "Sample" else run(page)
    last = "frame 7 of 7" if tab == "Sample" else "frame 20 of 20"
    expect(player(page).locator(".frame-count")).to_have_text(last)
    wait_for_status(page, "done")
    page.wait_for_timeout(1500)
    expect(player(page).locator(".frame-count")).to_have_text(last)


def test_the_recorded_picture_can_be_sent_on(open_page):
    page = open_page(tab="Sample")
    page.get_by_role("button", name="Send picture to Invert & edit").click()
    page.wait_for_selector("[role=tab][aria-selected=true]:has-text('Invert & edit')")
    expect(page.locator("input[value=generated]:visible")).to_be_checked()


def test_bad_input_is_a_sentence_and_the_frames_stay(open_page):
    page = open_page(tab="Sample")
    before = player(page).locator(".frame-count").inner_text()
    seed = page.get_by_label("Seed").and_(page.locator("input:visible")).first
    seed.fill("-5")
    seed.press("Tab")
    run(page)
    toast = page.get_by_text("Seed must be a whole number in 0..4294967295, got -5.")
    expect(toast.first).to_be_visible()
    assert player(page).locator(".frame-count").inner_text().split(" of ")[1] in before
    expect(player(page).locator(".panel img").first).to_be_visible()


def test_a_number_beside_a_slider_is_taken_as_typed_or_refused(open_page):
    page = open_page()
    for steps, toast in (
        (1001, "Steps must be a whole number in 1..1000, got 1001."),
        (0, "got 0."),
    ):
        set_steps(page, steps)
        run(page)
        expect(page.locator(".toast-body").first).to_contain_text(toast)
        assert page.locator(".toast-body").count() == 1, "the one before went with the new run"
    page.locator(".reset-button:visible").first.click()
    expect(page.locator(".toast-body")).to_have_count(0, timeout=5000)  # Gradio's own lasts 10 s
    set_steps(page, 1000)  # the slider ends at 200
    run(page)
    wait_for_status(page, "running")
    expect(player(page).locator(".player-status")).to_contain_text("of 1001")
    page.keyboard.press("Escape")
    wait_for_status(page, "stopped")
    set_steps(page, "")
    run(page)
    expect(page.locator(".toast-body").first).to_contain_text("Steps must be a whole number")


def test_a_run_that_is_stopped_before_the_server_has_answered_is_ended_there(open_page):
    page, held = open_page(tab="Sample"), []
    set_steps(page, 1000)
    page.route("**/queue/join*", lambda route: held.append(route))
    run(page)
    while not held:
        page.wait_for_timeout(50)
    page.get_by_role("button", name="Stop", exact=True).locator("visible=true").click()
    with page.expect_response("**/cancel") as ended, page.expect_response("**/join*") as begun:
        held.pop().continue_()
    assert ended.value.ok
    assert ended.value.request.post_data_json["event_id"] == begun.value.json()["event_id"]
    wait_for_status(page, "tape")
    set_steps(page, 3)
    page.unroute_all()
    run(page)
    wait_for_status(page, "done")


def test_schedule_curves_follow_the_slider_and_the_playhead_stays(open_page):
    page = open_page(tab="Schedule")
    player(page).locator(".track").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(player(page).locator(".frame-count")).to_contain_text("frame 2 of")
    before = page.locator(".chart:visible polyline").first.get_attribute("points")
    slider = page.get_by_role("slider", name=re.compile("beta at t = T")).first
    slider.focus()
    page.keyboard.press("End")
    page.wait_for_function(
        "points => document.querySelector('.chart polyline').getAttribute('points') !== points",
        arg=before,
    )
    expect(player(page).locator(".frame-count")).to_contain_text("frame 2 of")


def test_a_new_schedule_shows_its_own_parameters_and_reset_brings_back_the_first(open_page):
    page = open_page(tab="Schedule")
    page.get_by_label("First schedule").first.click()
    page.get_by_role("option", name="karras").click()
    expect(page.get_by_label(re.compile("rho")).first).to_be_visible()
    expect(player(page).locator(".player-title")).to_contain_text("karras")
    page.get_by_role("button", name="Reset", exact=True).and_(page.locator(":visible")).click()
    expect(player(page).locator(".player-title")).to_contain_text("linear and cosine")
    expect(page.get_by_label(re.compile("beta at t = 0")).first).to_be_visible()


def test_invert_reconstruct_edit(open_page):
    page = open_page(tab="Invert & edit")
    set_steps(page, 6)
    invert(page)
    wait_for_status(page, "done")
    expect(player(page).locator(".sentence-text")).to_contain_text("Reconstructed: PSNR")
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(player(page).locator(".sentence-text")).to_contain_text("Edited to label 9")


def test_an_uploaded_digit_is_inverted(open_page, tmp_path):
    image = Image.new("RGB", (120, 160), "white")
    image.paste((20, 20, 120), (50, 20, 66, 140))
    image.save(tmp_path / "one.jpg")
    page = open_page(tab="Invert & edit")
    page.locator("label:visible", has_text="upload").first.click()
    page.locator(
        ".stepwise-columns:visible input[type=file][accept*=image]"
    ).first.set_input_files(tmp_path / "one.jpg")
    expect(page.locator(".stepwise-columns:visible img[src*='one.jpg']").first).to_be_visible()
    set_steps(page, 4)
    invert(page)
    wait_for_status(page, "done")
    expect(player(page).locator(".player-title")).to_contain_text("upload")


def test_a_sampled_picture_can_be_sent_to_the_editor(open_page):
    page = open_page(tab="Sample")
    set_steps(page, 4)
    run(page)
    wait_for_status(page, "done")
    page.get_by_role("button", name="Send picture to Invert & edit").click()
    page.wait_for_selector("[role=tab][aria-selected=true]:has-text('Invert & edit')")
    expect(page.locator("input[value=generated]:visible")).to_be_checked()


def test_the_language_changes_and_everything_else_stays(open_page):
    page = open_page(tab="Sample")
    set_steps(page, 7)
    run(page)
    wait_for_status(page, "done")
    player(page).locator(".track").focus()
    page.keyboard.press("Home")
    page.locator("[data-act=language]").click()
    expect(page.get_by_role("tab", name="采样").last).to_be_visible()
    expect(page.locator(".run-button:visible")).to_have_text("运行")
    expect(player(page).locator(".frame-count")).to_have_text("第 1 帧，共 8 帧")
    expect(player(page).locator(".sentence-text")).to_contain_text("第 1 步，共 7 步")
    assert page.evaluate("document.documentElement.lang").startswith("zh")
    assert page.locator(".control-steps:visible input[type=number]").input_value() == "7"
    seed = page.locator(".control-seed:visible input")
    seed.fill("-5")
    seed.press("Tab")
    run(page)
    expect(
        page.get_by_text("随机种子必须是 0..4294967295 之间的整数，收到的是 -5。").first
    ).to_be_visible()
    page.locator("[data-act=language]").click()
    expect(page.locator(".run-button:visible")).to_have_text("Run")
    expect(player(page).locator(".frame-count")).to_contain_text("frame 1 of 8")


def test_what_cannot_be_asked_for_says_why(open_page):
    page = open_page(tab="Sample")
    page.get_by_label("Model").and_(page.locator("input:visible")).first.click()
    page.get_by_role("option", name=re.compile("^basic")).click()
    reason = page.get_by_text("The model basic has no guidance; use guidance 1.").first
    expect(reason).to_be_visible()


def test_a_control_explains_itself_on_demand(open_page):
    page = open_page(tab="Sample")
    info = page.get_by_text("more steps, smaller errors").first
    expect(info).not_to_be_visible()
    page.get_by_role("button", name="Help: Steps").click()
    expect(info).to_be_visible()


def choose_emoji(page):
    page.get_by_label("Model").and_(page.locator("input:visible")).first.click()
    page.get_by_role("option", name=re.compile("^emoji")).click()
    page.wait_for_selector("label:has-text('Prompt') :is(input, textarea):visible")


def test_previews_are_decoded_where_the_learner_rests(open_page):
    page = open_page(tab="Sample")
    choose_emoji(page)
    set_steps(page, 5)
    run(page)
    wait_for_status(page, "done")
    first = player(page).locator(".panel").first
    expect(first).to_have_attribute("data-approx", "false")
    held = []
    page.route(
        "**/queue/join*", lambda route: held.append(route)
    )  # the request for the full picture waits
    player(page).locator(".track").focus()
    page.keyboard.press("ArrowLeft")
    expect(first).to_have_attribute("data-approx", "true")
    preview = first.locator("img").get_attribute("src")
    expect(player(page).locator(".frame-count")).to_contain_text("frame 5 of 6")
    page.wait_for_timeout(600)
    assert len(held) == 1
    held.pop().continue_()
    expect(first).to_have_attribute("data-approx", "false")
    assert first.locator("img").get_attribute("src") != preview


def test_unknown_words_are_named_and_the_prompt_is_drawn(open_page):
    page = open_page(tab="Sample")
    choose_emoji(page)
    page.locator("label:has-text('Prompt') :is(input, textarea):visible").first.fill("puppy")
    expect(
        page.get_by_text("not in this model's vocabulary; pleading face, dog face are")
    ).to_be_visible()
    set_steps(page, 3)
    run(page)
    wait_for_status(page, "done")
    expect(player(page).locator(".player-title")).to_contain_text("emoji, “puppy”")


def test_another_guidance_can_be_wondered_about_after_the_run(open_page):
    page = open_page(tab="Sample")
    set_steps(page, 4)
    page.get_by_text("More", exact=True).locator("visible=true").click()
    page.get_by_label("guidance split").check()
    run(page)
    wait_for_status(page, "done")
    wondered = player(page).locator(".panel").nth(4).locator("img")
    before = wondered.get_attribute("src")
    slider = page.get_by_label("What if guidance were w").and_(
        page.locator("input[type=number]:visible")
    )
    slider.first.fill("15")
    slider.first.press("Tab")
    expect(wondered).not_to_have_attribute("src", before)
    asked = wondered.get_attribute("src")
    player(page).locator(".track").focus()
    page.keyboard.press("End")  # the run opens where the two guesses differ most: its first step
    guided = player(page).locator(".panel").nth(3).locator("img")
    expect(wondered).not_to_have_attribute("src", asked)
    assert wondered.get_attribute("src") != guided.get_attribute("src"), "w holds on every frame"


def test_after_a_run_that_was_refused_the_next_one_runs(open_page):
    page = open_page(tab="Sample")
    set_steps(page, 3)
    seed = page.get_by_label("Seed").and_(page.locator("input:visible")).first
    for value in ("-5", "-6"):
        seed.fill(value)
        seed.press("Tab")
        run(page)
        expect(page.get_by_text(f"in 0..4294967295, got {value}.").first).to_be_visible()
    seed.fill("5")
    seed.press("Tab")
    run(page)
    wait_for_status(page, "done")
