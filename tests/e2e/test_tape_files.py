"""A run as a file: saved, dropped on a page, opened where no model is, refused when broken."""

import base64
import json
import os
import re
import shutil
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from core import comparison_files
from core.tape_files import load, save, written
from core.tapes import Frame, Tape
from demos import TABS
from demos.runs.stream import compact, recorded
from demos.sampling.request import SampleRequest
from demos.sampling.run import run as sampled
from tests.attacks import serving
from tests.core.test_tape_files import told
from tests.demos.test_startup import linked
from tests.e2e import compare, frame_number, player, run, set_steps, wait_for_status
from tests.e2e.bench import mounted, tape
from tests.server import ROOT, Stream, defaults

RECORDED = ROOT / "assets" / "tapes"
DROP = """(files) => {
  const dataTransfer = new DataTransfer();
  for (const [text, name] of files) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    dataTransfer.items.add(new File([bytes], name));
  }
  const how = { dataTransfer, bubbles: true, cancelable: true };
  const over = new DragEvent("dragover", how);
  document.querySelector("h1").dispatchEvent(over);
  document.querySelector("h1").dispatchEvent(new DragEvent("drop", how));
  return over.defaultPrevented;
}"""


DRAG = """([name, type]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File(["."], name, { type }));
  const how = { dataTransfer, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new DragEvent("dragover", how));
}"""


def menu(page, name):
    page.locator(".menu:visible summary").first.click()
    return page.locator(f".{name}:visible").first


def saved(page, path):
    """What Save run gives, as a file; its name."""
    with page.expect_download() as download:
        menu(page, "save-run").click()
    download.value.save_as(path)
    return download.value.suggested_filename


def choose(page, path):
    """Open a file by the menu of the player."""
    with page.expect_file_chooser() as chooser:
        menu(page, "open-run").click()
    chooser.value.set_files(path)


def drop(page, *paths):
    files = [[base64.b64encode(path.read_bytes()).decode(), path.name] for path in paths]
    assert page.evaluate(DROP, files)
    expect(page.locator("[data-drop]")).to_have_count(0)


def from_file(page, name):
    expect(player(page).locator(".player-status")).to_have_text(f"opened from {name}")


def shown(page):
    """The pictures on the stage."""
    return player(page).locator(".panel img").evaluate_all("(all) => all.map((each) => each.src)")


@pytest.mark.parametrize("name", ["sample", "noise", "inversion"])
def test_what_the_page_saves_python_reads_frame_by_frame(bench, tmp_path, name):
    """A message as it is sent, saved by the browser, is the run that was sent."""
    page = bench()
    message = {**json.loads(tape(name)), "frames": compact(json.loads(tape(name)))["frames"]}
    mounted(page, json.dumps(message))
    saved(page, tmp_path / "a.stepwise")
    made, original = load(tmp_path / "a.stepwise"), load(RECORDED / f"{name}.stepwise")
    head, frames, texts = told(made)
    assert (head, frames) == told(original)[:2]
    assert texts == [each["text"] for each in recorded(original, name)["frames"]]
    saved(page, tmp_path / "b.stepwise")
    twice = [(tmp_path / each).read_bytes() for each in ("a.stepwise", "b.stepwise")]
    assert twice[0] == twice[1], "the same run is the same file"


def test_a_comparison_is_one_file_and_opens_as_it_was(open_page, tmp_path):
    page = open_page(tab="Sample")
    compare(page, 4, 6, 8)
    player(page).locator(".track").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("location.search.includes('&frame=2')")
    with page.expect_download() as download:
        menu(page, "save-runs").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert (
        path.name == "stepwise-sample-steps-4-and-6-and-8-digits-7-ddim-seed-0-guidance-2.stepwise"
    )
    found = comparison_files.read(path.read_bytes())
    assert [each.request["steps"] for each in found.runs] == [4, 6, 8]
    assert (found.align, found.panel, found.look) == ("step", "x_t", "")

    def seen(page):
        box = player(page)
        images = box.locator(".panel img")
        expect(images.first).to_be_visible()
        texts = [box.locator(each).inner_text() for each in (".frame-count", ".player-title")]
        values = [box.locator(each).input_value() for each in (".align", ".which")]
        return shown(page), texts, values

    other = open_page(tab="Noise")
    choose(other, path)
    expect(player(other).locator(".player-status")).to_contain_text("opened from stepwise-sample-")
    expect(player(other).locator(".panel img")).to_have_count(
        player(page).locator(".panel img").count()
    )
    frame = player(other).locator(".frame-count")
    expect(frame).to_have_text("frame 2 of 9")  # at which it was saved
    assert seen(other) == seen(page)
    link = page.evaluate("location.search")
    assert link.count("beside=") == 2 and link.count("steps%3D") == 2
    other.wait_for_function("(link) => location.search === link", arg=link)
    other.keyboard.press("f")
    other.keyboard.press("PageDown")  # a remote control
    expect(frame).to_have_text("frame 3 of 9")
    other.keyboard.press("r")  # beside F: what is presented from a file stays
    other.keyboard.press("PageUp")
    expect(frame).to_have_text("frame 2 of 9")
    other.keyboard.press("Escape")
    assert seen(other) == seen(page)


def test_a_stopped_run_is_saved_as_far_as_it_came(bench, tmp_path):
    page, message = bench(), json.loads(tape())
    mounted(page, json.dumps({**message, "status": "running", "frames": message["frames"][:7]}))
    page.evaluate("one.stop()")
    saved(page, tmp_path / "a.stepwise")
    made, original = load(tmp_path / "a.stepwise"), load(RECORDED / "sample.stepwise")
    assert told(made)[1] == told(original)[1][:7] and made.total == 51
    part = {**recorded(made, "part"), "status": "opened", "file": "a.stepwise"}
    page.evaluate("(message) => send_one(message)", part)
    status = page.locator("#player-one .player-status")
    expect(status).to_have_text("opened from a.stepwise: 7 of 51 frames")
    page.evaluate("stepwise.words.choose('zh')")
    expect(status).to_have_text("打开自 a.stepwise：7 帧，共 51 帧")


def test_a_run_is_saved_opened_and_shown_the_same(open_page, tmp_path, address):
    page = open_page(tab="Sample")
    set_steps(page, 3)
    run(page)
    wait_for_status(page, "done")
    name = saved(page, tmp_path / "run.stepwise")
    assert name == "stepwise-sample-digits-7-ddim-3-steps-seed-0-guidance-2.stepwise"
    values = defaults(address, "sample")
    asked = [3 if value == 50 else value for value in values]
    *_, final = Stream(address, "sample", asked)
    sent = json.loads(final["output"]["data"][0])
    made = load(tmp_path / "run.stepwise")
    again = compact({"frames": told(made)[1]})["frames"]
    assert [each["pictures"] for each in again] == [each["pictures"] for each in sent["frames"]]
    assert made.event == "sample" and made.request == sent["settings"]

    other = open_page(tab="Noise")
    choose(other, tmp_path / "run.stepwise")
    from_file(other, "run.stepwise")
    expect(other.locator("[role=tab][aria-selected=true]").last).to_have_text("Sample")
    expect(player(other).locator(".player-title")).to_contain_text("3 steps")
    steps = other.locator(".control-steps input[type=number]").locator("visible=true")
    expect(steps).to_have_value("3")  # the controls say what is on the stage
    expect(player(other)).not_to_have_attribute("data-stale", "true")
    player(other).locator(".track").focus()
    for i, frame in enumerate(told(made)[1]):
        other.keyboard.press("Home" if i == 0 else "ArrowRight")
        expect(player(other).locator(".frame-count")).to_have_text(f"frame {i + 1} of 4")
        assert shown(other) == frame["pictures"]
    other.get_by_role("button", name="Send").first.click()  # nothing is computed from a file
    expect(other.get_by_text("Run the sampler first")).to_be_visible()
    run(other)
    wait_for_status(other, "done")


def test_a_page_says_where_a_file_may_be_dropped(bench):
    page = bench()
    said = page.locator("body[data-drop='Drop a saved run anywhere']")
    page.evaluate(DRAG, ["a.stepwise", ""])
    expect(said).to_have_count(1)
    page.evaluate(DRAG, ["a.png", "image/png"])  # it has a field of its own
    expect(said).to_have_count(0)
    page.evaluate(DRAG, ["a.stepwise", ""])
    page.evaluate("document.dispatchEvent(new DragEvent('dragleave'))")
    expect(said).to_have_count(0)


def test_a_file_that_is_dropped_opens_in_the_tab_of_its_event(open_page):
    page = open_page(tab="Schedule")
    for name, tab in (("noise", "Noise"), ("inversion", "Invert & edit"), ("sample", "Sample")):
        drop(page, RECORDED / f"{name}.stepwise")
        from_file(page, f"{name}.stepwise")
        expect(page.locator("[role=tab][aria-selected=true]").last).to_have_text(tab)
    tabs = {each.__name__.rpartition(".")[2] for each in TABS}
    script = (ROOT / "assets" / "ui" / "js" / "tapefile.js").read_text(encoding="utf-8")
    assert set(re.findall(r': \["(\w+)", "\w+"\]', script)) == tabs


def test_files_that_are_dropped_together_stand_beside_each_other(open_page, tmp_path):
    for steps in (3, 4, 5):
        made, *frames = sampled(SampleRequest.of(steps=steps))
        assert isinstance(made, Tape)
        made.frames.extend(each for each in frames if isinstance(each, Frame))
        save(made, tmp_path / f"{steps}.stepwise")
    page = open_page(tab="Noise")
    drop(page, *(tmp_path / f"{steps}.stepwise" for steps in (3, 4, 5)))
    from_file(page, "5.stepwise")
    expect(player(page).locator(".player-title")).to_contain_text("Steps 3, 4, 5 compared")
    assert page.evaluate(
        "stepwise.player('sample').comparison.pinned.map(({ head }) => head.settings.steps)"
    ) == [3, 4]


def test_a_schedule_is_saved_and_opened_with_its_chart(open_page, tmp_path):
    page = open_page(tab="Schedule")
    expect(player(page).locator(".chart-box svg")).to_be_visible()
    chart = player(page).locator(".chart-box").inner_html()
    saved(page, tmp_path / "a.stepwise")
    assert load(tmp_path / "a.stepwise").event == "schedule"
    choose(page, tmp_path / "a.stepwise")
    from_file(page, "a.stepwise")
    expect(player(page).locator(".chart-box svg")).to_be_visible()
    assert chart.count("<text") == player(page).locator(".chart-box text").count() > 8


def test_a_broken_file_is_one_sentence_and_the_frames_stay(open_page, tmp_path):
    page = open_page(tab="Sample", reduced_motion="reduce")  # nothing plays by itself
    broken = tmp_path / "broken.stepwise"
    broken.write_bytes((RECORDED / "sample.stepwise").read_bytes()[:3000])
    before, count = shown(page), frame_number(page)
    drop(page, broken)
    said = page.get_by_text("The file broken.stepwise is cut short; copy or download it again.")
    expect(said).to_be_visible()
    expect(player(page)).to_have_attribute("data-status", "tape")
    assert shown(page) == before and frame_number(page) == count
    foreign = tmp_path / "foreign.stepwise"
    foreign.write_bytes(b"hello")
    drop(page, foreign)
    expect(page.get_by_text("The file foreign.stepwise is no saved run")).to_be_visible()
    assert shown(page) == before


@pytest.mark.alone
def test_a_file_plays_on_a_fresh_start_without_models_and_network(browser, tmp_path):
    tree = tmp_path / "tree"
    without = shutil.ignore_patterns("*.pyc"), shutil.ignore_patterns("models")
    for part, ignored in (("core", without[0]), ("demos", without[0]), ("assets", without[1])):
        shutil.copytree(ROOT / part, tree / part, copy_function=linked, ignore=ignored)
    shutil.copy(ROOT / "app.py", tree)
    assert (tree / "core" / "models").exists() and not (tree / "assets" / "models").exists()
    offline = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:1")
    offline |= {"HF_HUB_OFFLINE": "1", "NO_PROXY": "127.0.0.1,localhost"}
    file = tmp_path / "mine.stepwise"
    original = load(RECORDED / "inversion.stepwise")
    file.write_bytes(written(original))
    with serving(tmp_path, tree=tree, environment={**os.environ, **offline}) as server:
        assert server.said().count("goes on without") == 1
        assert "without assets/models: the folder is missing, so saved runs play" in server.said()
        assert server.run(model="exact", steps=2, guidance=1.0)["success"]
        page, errors, elsewhere = browser.new_page(), [], []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: elsewhere.append(request.url))
        page.goto(server.address, wait_until="domcontentloaded")
        page.wait_for_selector(".player:visible")
        drop(page, file)
        from_file(page, "mine.stepwise")
        asked = 0
        while asked < len(elsewhere):  # what opening asks for has come
            asked = len(elsewhere)
            page.wait_for_timeout(2000)
        player(page).locator(".track").focus()
        for i, frame in enumerate(told(original)[1][:12]):
            page.keyboard.press("Home" if i == 0 else "ArrowRight")
            expect(player(page).locator(".frame-count")).to_have_text(f"frame {i + 1} of 87")
            assert shown(page) == frame["pictures"]
        page.keyboard.press("Home")
        page.keyboard.press("Space")
        expect(player(page)).to_have_attribute("data-playing", "true")
        expect(player(page).locator(".frame-count")).to_have_text("frame 87 of 87")
        saved(page, tmp_path / "again.stepwise")
        again = load(tmp_path / "again.stepwise")
        assert again.start == 86, "it opens at the frame that was chosen"
        assert told(replace(again, start=None))[:2] == told(original)[:2], "every frame"
        new = [url for url in elsewhere[asked:] if not url.startswith(("data:", "blob:"))]
        assert new == [], "playing asks nothing of the server"
        here = server.address
        assert all(url.startswith((here, "data:", "blob:")) for url in elsewhere), elsewhere
        run(page)
        expect(page.get_by_text("assets/models/digits").first).to_be_visible()
        page.close()
        assert not errors and "Traceback" not in server.said()
