"""Stage and timeline of the player, on a page without a server."""

import json

from playwright.sync_api import expect

from tests.e2e.bench import FRAME, HEAD, mounted, tape

SAID = json.loads(tape())["frames"][-1]["text"]


def place_of(player, selector, at=0.5):
    """Where an element stands from left to right, in pixels; `at` is the part of its width."""
    box = player.locator(selector).first.bounding_box()
    return box["x"] + at * box["width"]


def test_a_recorded_run_is_drawn(bench):
    player = mounted(bench(), tape())
    expect(player).to_have_attribute("data-status", "tape")
    expect(player.locator(".player-status")).to_have_text("recorded example")
    expect(player.locator(".panel img")).to_have_count(3)
    expect(player.locator(".panel img").first).to_have_attribute("alt", "picture so far. " + SAID)
    expect(player.locator(".sentence-text")).to_have_text(SAID)


def test_a_thumbnail_stands_under_the_tick_of_its_frame(bench):
    message = json.loads(tape())
    page = bench(viewport={"width": 1000, "height": 800})
    player = mounted(page, tape())
    page.wait_for_function("one.timeline.room > 0")
    rail = player.locator(".rail").bounding_box()
    strip = player.locator(".track").bounding_box()
    thumbs = player.locator(".thumb").all()
    assert 6 < len(thumbs) < len(message["frames"])
    rights = [strip["x"] - 3]
    for thumb in sorted(thumbs, key=lambda each: each.bounding_box()["x"]):
        box, name = thumb.bounding_box(), thumb.get_attribute("aria-label")
        frame = message["frames"][int(name.split()[1]) - 1]
        tick = rail["x"] + frame["pos"] * rail["width"]
        assert abs(box["x"] + box["width"] / 2 - tick) < 1.5, name
        assert box["x"] >= rights[-1] - 0.5, "none covers another"
        rights.append(box["x"] + box["width"])
    assert rights[-1] <= strip["x"] + strip["width"] + 3, "all are in view"
    assert thumbs[0].get_attribute("aria-label") == "frame 1"
    assert thumbs[-1].get_attribute("aria-label") == "frame 51"


def test_playhead_and_current_thumbnail_agree_on_every_frame(bench):
    page = bench(viewport={"width": 1000, "height": 800})
    player = mounted(page, tape("inversion"))
    for index in (0, 5, 28, 29, 40, 57, 58, 86):
        page.evaluate("(index) => one.seek(index)", index)
        expect(player.locator(".frame-count")).to_have_text(f"frame {index + 1} of 87")
        apart = place_of(player, ".playhead") - place_of(player, ".thumb-now")
        assert abs(apart) < 1.5, index
        current = player.locator(".thumb[aria-current]")
        assert current.count() == 1
        number = int(current.get_attribute("aria-label").split()[1])
        assert number <= index + 1
        assert (
            current.bounding_box()["y"] - player.locator(".thumb-now").bounding_box()["y"]
        ) == 0
        between = player.locator(".thumb-now").get_attribute("data-between")
        assert between == str(number != index + 1).lower()


def test_they_agree_after_the_tab_was_left_during_play(bench):
    page = bench(viewport={"width": 1000, "height": 800})
    player = mounted(page, tape())
    page.evaluate("() => { one.seek(0); one.clock.setSpeed(4, 0); one.toggle(); }")
    page.evaluate("document.querySelector('#tab-one').style.display = 'none'")
    page.wait_for_function("!one.clock.playing")
    page.set_viewport_size({"width": 700, "height": 800})
    page.evaluate("document.querySelector('#tab-one').style.display = ''")
    expect(player.locator(".thumb[aria-current]")).to_have_attribute("aria-label", "frame 51")
    assert abs(place_of(player, ".playhead") - place_of(player, ".thumb[aria-current]")) < 1.5
    boxes = [thumb.bounding_box() for thumb in player.locator(".thumb").all()]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 700 for box in boxes)


def test_one_thumbnail_is_a_tab_stop_and_the_focus_follows_the_frame(bench):
    page = bench(viewport={"width": 1000, "height": 800})
    player = mounted(page, tape())
    page.evaluate("one.seek(0)")
    expect(player.locator(".thumb[tabindex='0']")).to_have_attribute("aria-label", "frame 1")
    player.locator(".thumb[tabindex='0']").focus()
    page.keyboard.press("End")
    expect(player.locator(".thumb:focus")).to_have_attribute("aria-label", "frame 51")
    assert player.locator(".thumb[tabindex='0']").count() == 1


def test_an_approximate_picture_says_so_on_stage_and_strip(bench):
    message = json.loads(tape())
    message["status"] = "done"
    message["frames"][0]["approx"] = [0, 1]
    page = bench()
    player = mounted(page, json.dumps(message))
    page.evaluate("one.seek(0)")
    expect(player.locator(".preview").first).to_be_visible()
    expect(player.locator(".preview").nth(2)).to_be_hidden()
    thumb = player.locator(".thumb").first
    expect(thumb).to_have_attribute("aria-label", "frame 1, approximate preview")
    expect(thumb.locator(".thumb-approx")).to_be_visible()
    expect(player.locator(".thumb").nth(1).locator(".thumb-approx")).to_be_hidden()


def test_the_timeline_does_not_jump_while_a_run_plays(bench):
    page = bench(viewport={"width": 1366, "height": 768})
    player = mounted(page, tape())
    tops = set()
    for index in [*range(51), 0, 50]:
        page.evaluate("(index) => one.seek(index)", index)
        expect(player.locator(".frame-count")).to_have_text(f"frame {index + 1} of 51")
        tops.add(player.locator(".track").bounding_box()["y"])
    assert len(tops) == 1


def test_a_message_by_keys_is_said_in_both_languages(bench):
    page = bench()
    message = json.loads(tape())
    message |= {
        "title": ["player.frame", {"number": 7}],
        "axis_name": ["player.speed"],
        "curve_name": "share of signal",
        "ends": [["player.previous"], "noise"],
    }
    say = [["player.frame", {"number": 1}], ["player.done", {}]]
    for frame in message["frames"]:
        frame |= {"say": say, "doubts": [["player.stale"]], "numbers": {"alpha": 0.53}}
        frame["facts"] = []
    player = mounted(page, json.dumps(message))
    expect(player.locator(".player-title")).to_have_text("frame 7")
    expect(player.locator(".sentence-text")).to_have_text("frame 1 done")
    expect(player.locator(".sentence-warn")).to_have_text("Settings changed: run again.")
    expect(player.locator(".name-axis")).to_contain_text("Speed")
    expect(player.locator(".name-thumbs")).to_have_text(" · thumbnails: x̂₀")
    expect(player.locator(".name-curve")).to_have_text("share of signal")
    expect(player.locator(".name-left")).to_have_text("Frame before")
    expect(player.locator(".fact dd").first).to_have_text("0.53")
    page.evaluate("stepwise.words.choose('zh')")
    expect(player.locator(".player-title")).to_have_text("第 7 帧")
    expect(player.locator(".sentence-text")).to_have_text("第 1 帧 已完成")
    expect(player.locator(".name-axis")).to_contain_text("速度")
    expect(player.locator(".name-thumbs")).to_have_text(" · 缩略图：x̂₀")


def test_a_stage_that_waits_is_busy_and_says_for_what(bench):
    page = bench()
    player = mounted(page)
    expect(player.locator(".panel-empty").first).to_have_text("nothing yet")
    page.evaluate("send_one({ run: 'w', status: 'waiting', say: 'downloading 2 GB' })")
    expect(player).to_have_attribute("data-status", "waiting")
    expect(player.locator(".stage")).to_have_attribute("aria-busy", "true")
    expect(player.locator(".waiting-text")).to_have_text("downloading 2 GB")
    expect(player.locator(".announcer")).to_have_text("downloading 2 GB")
    page.evaluate(f"send_one({tape()})")
    expect(player.locator(".stage")).to_have_attribute("aria-busy", "false")
    expect(player.locator(".waiting")).to_be_hidden()


def test_a_pressed_button_is_heard_before_the_server_answers(bench):
    page = bench(viewport={"width": 800, "height": 400})
    player = mounted(page, tape())
    page.evaluate("window.scrollTo(0, 9999)")
    page.evaluate("stepwise.press('one', 'start-one')")
    expect(player.locator(".stage")).to_have_attribute("aria-busy", "true")
    expect(player.locator(".stage")).to_be_in_viewport()
    expect(player.locator(".waiting-text")).to_have_text("waiting for the server")
    expect(player.locator(".announcer")).to_have_text("waiting for the server")
    expect(player.locator(".panel img").first).to_be_visible()
    page.evaluate("stepwise.failed('one')")  # it was refused
    expect(player.locator(".waiting")).to_be_hidden()
    expect(player).to_have_attribute("data-status", "tape")


def test_a_dead_server_is_said_within_five_seconds(bench):
    page = bench()
    player = mounted(page, tape())
    asked = []
    page.route("**/line?*", lambda route: asked.append(route))  # and it never answers
    started = page.evaluate(
        "() => { stepwise.press('one', 'start-one'); return performance.now(); }"
    )
    unreachable = player.locator(".waiting-text", has_text="The server does not answer.")
    expect(unreachable).to_be_visible()
    assert page.evaluate("performance.now()") - started < 5000
    page.unroute("**/line?*")
    for route in asked:
        route.abort()
    expect(player.locator(".waiting-text")).to_have_text("waiting for the server")
    page.route("**/line?*", lambda route: route.fulfill(status=502))  # a proxy speaks for it
    expect(unreachable).to_be_visible()
    page.unroute("**/line?*")
    count = len(asked)
    page.evaluate(f"send_one({{ ...{tape()}, run: 'next', status: 'done' }})")
    expect(player.locator(".waiting")).to_be_hidden()
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2000)
    assert len(asked) == count, "nothing is awaited: nothing is asked"


def test_stale_is_said_in_words_and_a_border_until_the_next_run(bench):
    page = bench()
    player = mounted(page, tape())
    page.evaluate("stepwise.stale('one')")
    expect(player.locator(".stale-badge")).to_have_text("Settings changed: run again.")
    style = "(node) => [getComputedStyle(node).outlineStyle, getComputedStyle(node).opacity]"
    assert player.locator(".stage").evaluate(style) == ["dashed", "1"]
    assert player.locator(".panel-box").first.evaluate(style)[1] == "1"
    page.evaluate(f"send_one({{ ...{tape()}, run: 'next', status: 'done' }})")
    expect(player.locator(".stale-badge")).to_have_text("")
    assert player.get_attribute("data-stale") is None


def test_a_recorded_run_plays_by_itself_unannounced_unless_calm(bench):
    page = bench()
    player = mounted(page, tape())
    expect(player).to_have_attribute("data-playing", "true")
    expect(player).to_have_attribute("data-playing", "false")
    assert player.locator(".announcer").inner_text() == ""
    calm = bench(reduced_motion="reduce")
    player = mounted(calm, tape())
    expect(player.locator(".frame-count")).to_have_text("frame 51 of 51")
    assert player.get_attribute("data-playing") == "false"


def test_running_done_and_asked_frames_are_announced(bench):
    page = bench()
    player, announcer = mounted(page, tape()), page.locator("#player-one .announcer")
    page.evaluate(
        f"send_one({{ ...{HEAD}, run: 'r', status: 'running', frames: [({FRAME})(0)] }})"
    )
    expect(announcer).to_have_text("Running.")
    page.evaluate(f"send_one({{ run: 'r', status: 'running', frames: [({FRAME})(1)] }})")
    expect(player.locator(".sentence-text")).to_have_text("step 1")
    page.wait_for_timeout(1200)
    expect(announcer).to_have_text("Running.")
    page.evaluate(f"send_one({{ run: 'r', status: 'done', frames: [({FRAME})(2)] }})")
    expect(announcer).to_have_text("done step 2")
    page.evaluate("one.seek(0)")
    expect(announcer).to_have_text("step 0")
    page.evaluate("send_one({ run: 'w', status: 'waiting', say: 'loading' })")
    expect(announcer).to_have_text("loading")
    page.evaluate("stepwise.failed('one')")  # refused: the run before is not done anew
    expect(announcer).to_have_text("step 0")


def test_a_preview_is_asked_for_once_where_the_learner_rests(bench):
    page = bench()
    frames = f"[({FRAME})(0, {{ approx: [0] }}), ({FRAME})(1)]"
    mounted(page)
    page.evaluate("() => { window.asked = []; stepwise.refine = (name) => asked.push(name); }")
    page.evaluate(f"send_one({{ ...{HEAD}, run: 'r', status: 'done', frames: {frames} }})")
    page.wait_for_timeout(400)
    assert page.evaluate("asked") == []
    page.evaluate("one.seek(0)")
    page.wait_for_function("asked.length === 1")
    page.evaluate("one.wake()")
    page.wait_for_timeout(400)
    assert page.evaluate("[asked, stepwise.shown('one')]") == [["one"], 0]
