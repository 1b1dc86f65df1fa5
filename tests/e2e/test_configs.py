"""A schedule is drawn over, and scheduler configs of diffusers go in and out."""

import json

from playwright.sync_api import expect

from core.bridge import schedule_of
from core.drawn_schedules import START, drawn, placed
from core.schedules import cosine
from tests.core.tape_files import changed, put
from tests.e2e import player
from tests.e2e.test_drawing import choose, opened, points, rested, text_of
from tests.e2e.test_tape_files import drop


def exchange(page):
    page.get_by_role("button", name="Draw over, open, save").click()


def test_a_schedule_is_drawn_over(open_page):
    page = open_page(tab="Schedule")
    exchange(page)
    page.get_by_role("radio", name="cosine", exact=True).check(force=True)
    text, _ = placed(cosine())
    rested(page, text)
    expect(page.get_by_text("10 points on the curve of cosine: its alpha-bar")).to_be_visible()
    expect(points(page)).to_have_count(10)


def test_a_config_is_saved_and_opened_again(open_page, tmp_path):
    page = opened(open_page)
    points(page).nth(2).focus()
    page.keyboard.press("ArrowDown")
    rested(page, START.replace("0.5 0.5", "0.5 0.49"))
    exchange(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save config: first").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    config = json.loads(file.read_text())
    ours = drawn(1000, text_of(page))
    assert config["_class_name"] == "DDIMScheduler" and config["timestep_spacing"] == "trailing"
    assert (schedule_of(config).alpha_bar - ours.alpha_bar).abs().max() < 1e-6
    page.get_by_role("button", name="Reset", exact=True).and_(page.locator(":visible")).click()
    expect(player(page).locator(".player-title")).to_contain_text("linear and cosine")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open a file").click()
    chooser.value.set_files(file)
    page.get_by_role("button", name="Draw the config").click()
    rested(page, START.replace("0.5 0.5", "0.5 0.49"))
    expect(page.get_by_text("The 5 points of the drawing")).to_be_visible()
    field = page.get_by_role("textbox", name="Scheduler config")
    field.fill('{"_class_name": "DDPMScheduler", "beta_schedule": "squaredcos_cap_v2"}')
    page.get_by_role("button", name="Draw the config").click()
    rested(page, placed(cosine())[0])
    expect(page.get_by_text("10 points on the curve of DDPMScheduler")).to_be_visible()


def test_what_cannot_be_opened_or_saved_is_one_sentence(open_page):
    page = open_page(tab="Schedule")
    exchange(page)
    field = page.get_by_role("textbox", name="Scheduler config")
    for text, told in (
        ("not JSON", "it has to be one JSON object"),
        ('{"_class_name": "FlowMatchEulerDiscreteScheduler"}', "runs on flow levels"),
    ):
        field.fill(text)
        page.get_by_role("button", name="Draw the config").click()
        expect(page.get_by_text(told).first).to_be_visible()
    expect(player(page).locator(".player-title")).to_contain_text("linear and cosine")
    choose(page, "First schedule", "karras")
    page.get_by_role("button", name="Save config: first").click()
    expect(page.get_by_text("karras has no config").first).to_be_visible()


def test_why_core_refuses_is_said_in_the_language_of_the_page(open_page, tmp_path):
    page = open_page(locale="zh-CN")
    page.get_by_role("tab", name="噪声调度", exact=True).last.click()
    page.get_by_role("button", name="描画、打开、保存").click()
    field = page.get_by_role("textbox", name="调度器配置")
    field.fill('{"_class_name": "FlowMatchEulerDiscreteScheduler"}')
    page.get_by_role("button", name="描画该配置").click()
    expect(page.get_by_text("FlowMatchEulerDiscreteScheduler 按流匹配运行").first).to_be_visible()
    path = tmp_path / "a.stepwise"
    path.write_bytes(changed(put("frames", 0, "pos", value=7)))
    drop(page, path)
    expect(page.get_by_text("tape.frames[0].pos 不在 0..1 之间").first).to_be_visible()
