"""Drawing a schedule in a real browser: pointer, keys, touch; configs; the sampler takes it."""

import re

import pytest
from playwright.sync_api import expect

from core.drawn_schedules import START, drawn, monotone, parsed, placed, written
from core.schedules import SCHEDULES, linear
from demos.schedules.learned import SHARE
from demos.views.charts import PARTS, QUANTITIES, values_of
from tests.e2e import player

SHADE = 1  # grey levels of 255 by which the browser's rounding may differ
SOON = 100  # milliseconds

PIXELS = """source => new Promise((done) => {
  const picture = new Image();
  picture.onload = () => {
    const canvas = new OffscreenCanvas(28, 28), pen = canvas.getContext("2d");
    pen.drawImage(picture, 0, 0);
    done([...pen.getImageData(0, 0, 28, 28).data].filter((_, k) => k % 4 === 0));
  };
  picture.src = source;
})"""
LIVE = "() => document.querySelector('.live-picture').toDataURL()"


def opened(open_page, **options):
    """The schedule tab with a drawing as its first schedule, at rest."""
    page = open_page(tab="Schedule", **options)
    choose(page, "First schedule", "your drawing")
    expect(points(page)).to_have_count(5)
    rested(page, START)
    page.wait_for_timeout(1000)  # what the menus ask for besides
    return page


def choose(page, menu, option):
    page.get_by_label(menu).first.click()
    page.get_by_role("option", name=option, exact=True).click()


def points(page):
    return page.locator(".drawing-point:visible")


def text_of(page):
    """The drawing that is on the stage, as the server has it."""
    settings = page.evaluate("() => stepwise.player('schedule').run.head.settings")
    return (settings["first_parameters"] or {}).get("points", "")


def rested(page, text=None):
    """Wait until the stage shows what the server drew: this text, or another one than before."""
    page.wait_for_function(
        """([text, live]) => {
          const { run, root } = stepwise.player('schedule');
          const points = run.head.settings?.first_parameters?.points;
          return points && (text === null || points === text) && !root.matches(live);
        }""",
        arg=[text, "[data-live-first]"],
    )


def centre(page, index):
    box = points(page).nth(index).locator(".dot").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def requests_of(page):
    sent = []
    page.on("request", lambda request: sent.append(request.url))
    return sent


def panel_source(page):
    return player(page).locator(".panel img").first.get_attribute("src")


# ---- the same numbers as the server's -----------------------------------------------------------

ON_LOG_SNR = "log_snr: 0 13.8, 0.01 6, 0.4 0.5, 0.45 -0.5, 1 -20"
DRAWINGS = [START, ON_LOG_SNR, *(placed(schedule())[0] for schedule in SCHEDULES.values())]


def test_the_browser_draws_the_curves_that_the_server_draws(bench):
    page = bench()
    times = [k / 200 for k in range(201)]
    for text in DRAWINGS:
        again = page.evaluate("t => stepwise.drawn.written(stepwise.drawn.parsed(t))", text)
        kind, given = parsed(text)
        assert parsed(again) == (kind, given)
        found = page.evaluate(
            "([text, at]) => stepwise.drawn.monotone(stepwise.drawn.parsed(text).points, at)",
            [text, times],
        )
        wanted = monotone(given, linear(2).alpha.new_tensor(times)).tolist()
        assert found == pytest.approx(wanted, abs=1e-12), kind
        curves = page.evaluate(
            """text => {
              const powers = stepwise.drawn.powers(stepwise.drawn.parsed(text));
              const finite = (x) => (x === -Infinity ? null : x);
              return Object.fromEntries(Object.entries(stepwise.drawn.CURVES).map(
                ([name, values]) => [name, values(powers).map(finite)]));
            }""",
            text,
        )
        assert set(curves) == set(QUANTITIES) - {*PARTS, SHARE}
        for name, values in curves.items():
            wanted = values_of(drawn(1000, text), name)
            pairs = [(a, b) for a, b in zip(values, wanted, strict=True) if a is not None]
            assert len(pairs) > 990, name
            assert [a for a, _ in pairs] == pytest.approx([b for _, b in pairs], abs=1e-6), name


# ---- the pointer --------------------------------------------------------------------------------


def test_a_drag_is_followed_without_a_request_and_then_drawn_by_the_server(open_page):
    page = opened(open_page)
    before, sent = panel_source(page), requests_of(page)
    x, y = centre(page, 2)
    page.mouse.move(x, y)
    page.mouse.down()
    pictures = set()
    for k in range(1, 7):
        page.mouse.move(x - 6 * k, y + 6 * k)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => done()))")
        pictures.add(page.evaluate(LIVE))
    assert len(pictures) == 6 and text_of(page) == START
    curve = page.locator(".chart:visible polyline.chart-live").get_attribute("points")
    live = page.evaluate(PIXELS, page.evaluate(LIVE))
    expect(page.locator(".live-note:visible")).to_have_text("live, by your browser")
    for part in (".sentence", ".facts", ".timeline .curves"):
        expect(player(page).locator(part)).to_have_css("visibility", "hidden")
    page.wait_for_timeout(500)
    assert not sent, "the pointer is still down"
    page.mouse.up()
    rested(page)
    assert text_of(page) != START and panel_source(page) != before
    assert any("queue/join" in url for url in sent)
    assert page.locator(".live-picture, .chart-live").count() == 0
    shown = page.evaluate(PIXELS, panel_source(page))
    assert max(abs(a - b) for a, b in zip(live, shown, strict=True)) <= SHADE
    ends = page.locator(".chart:visible polyline.first").get_attribute("points").split()
    assert curve.split()[0] == ends[0] and curve.split()[-1] == ends[-1]


def test_curve_and_picture_follow_within_100_ms(open_page):
    """From the event of the pointer to the first frame after it that shows both anew."""
    page = opened(open_page)
    x, y = centre(page, 2)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 2)  # the first one makes the canvas
    page.evaluate(
        """() => {
          window.delays = [];
          document.addEventListener("pointermove", (event) => {
            const state = () => document.querySelector(".live-picture")?.toDataURL()
              + document.querySelector(".chart-live")?.getAttribute("points");
            const before = state();
            const look = () => {
              const now = performance.now();
              if (state() !== before) window.delays.push(now - event.timeStamp);
              else requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
          }, true);
        }"""
    )
    for k in range(1, 21):
        page.mouse.move(x - k, y + 2 + 3 * k)
        page.wait_for_timeout(30)
    delays = sorted(page.evaluate("() => window.delays"))
    page.mouse.up()
    assert len(delays) >= 20
    assert delays[len(delays) // 2] < SOON, delays
    rested(page)


def test_a_point_stays_between_its_neighbours(open_page):
    page = opened(open_page)
    x, y = centre(page, 2)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 900, y - 900, steps=4)
    page.mouse.up()
    rested(page)
    page.wait_for_function(
        "start => stepwise.player('schedule').run.head.settings.first_parameters.points !== start",
        arg=START,
    )
    kind, moved = parsed(text_of(page))  # a drawing, or this would be refused
    assert kind == "alpha_bar" and len(moved) == 5
    assert 0.74 < moved[2][0] < 0.75 and 0.599 < moved[2][1] < 0.6


# ---- the keyboard -------------------------------------------------------------------------------


def test_by_keyboard_alone(open_page):
    page = opened(open_page)
    third = points(page).nth(2)
    page.get_by_label("First schedule").first.focus()
    for _ in range(15):
        if third.evaluate("node => node === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(third).to_be_focused()
    expect(third).to_have_attribute("aria-label", "Point 3 of 5")
    expect(third).to_have_attribute("aria-valuetext", "t = 500: alpha-bar 0.5")
    frame = player(page).locator(".frame-count").inner_text()
    sent = requests_of(page)
    for key in ("ArrowUp", "ArrowUp", "Shift+ArrowUp", "ArrowRight", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    expect(third).to_have_attribute("aria-valuetext", "t = 508: alpha-bar 0.521")
    expect(page.locator(".live-picture")).to_be_visible()
    rested(page, START.replace("0.5 0.5", "0.509 0.521"))
    assert sum("queue/join" in url for url in sent) == 1, "five keys, one request"
    assert player(page).locator(".frame-count").inner_text() == frame, "the player did not move"
    page.keyboard.press("Home")
    expect(third).to_have_attribute("aria-valuetext", re.compile(r"alpha-bar 0\.4$"))
    page.keyboard.press("Enter")  # there is no room for one more
    expect(points(page)).to_have_count(5)
    page.keyboard.press("PageUp")
    page.keyboard.press("Enter")
    expect(points(page)).to_have_count(6)
    expect(points(page).nth(3)).to_be_focused()
    page.keyboard.press("Delete")
    expect(points(page)).to_have_count(5)
    page.keyboard.press("Control+z")
    expect(points(page)).to_have_count(6)
    for _ in range(4):
        page.keyboard.press("Control+z")
    rested(page, START)
    expect(page.get_by_role("button", name="Undo").first).to_have_attribute(
        "aria-disabled", "true"
    )


def test_the_ends_keep_their_times_and_cannot_be_removed(open_page):
    page = opened(open_page)
    for index, other in ((0, "ArrowRight"), (4, "ArrowLeft")):
        points(page).nth(index).focus()
        page.keyboard.press(other)
        page.keyboard.press("Delete")
    page.wait_for_timeout(600)
    expect(points(page)).to_have_count(5)
    rested(page, START)


def test_the_other_quantity_and_what_is_worth_knowing(open_page):
    page = opened(open_page)
    advice = page.locator(".drawing-advice:visible").first
    expect(advice).to_contain_text("Terminal SNR is 0.0001, above 0")
    page.get_by_role("button", name="log-SNR", exact=True).first.click()
    rested(page, "log_snr: 0 9.21024, 0.25 0.405465, 0.5 0, 0.75 -0.405465, 1 -9.21024")
    expect(player(page).locator(".player-title")).to_contain_text("5 points on log-SNR")
    page.get_by_role("button", name="alpha-bar", exact=True).first.click()
    points(page).nth(4).focus()
    page.keyboard.press("Home")
    expect(advice).to_contain_text("Terminal SNR is 0:")
    points(page).nth(1).focus()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    expect(advice).to_contain_text("times an even step")
    page.evaluate("stepwise.words.choose('zh')")
    expect(advice).to_contain_text("终端信噪比为 0")
    expect(points(page).nth(1)).to_have_attribute("aria-label", "第 2 点，共 5 点")


# ---- touch --------------------------------------------------------------------------------------


def test_by_touch_on_a_phone(open_page):
    page = opened(open_page, width=390, height=844, has_touch=True, is_mobile=True)
    third = points(page).nth(2)
    third.scroll_into_view_if_needed()
    reach = third.locator(".drawing-reach").bounding_box()
    assert min(reach["width"], reach["height"]) >= 40
    for button in page.locator(".drawing-row:visible button").all():
        assert button.bounding_box()["height"] >= 40
    x, y = centre(page, 2)
    scrolled = page.evaluate("scrollY")
    touch = page.context.new_cdp_session(page)
    sent = requests_of(page)
    finger = [{"x": x, "y": y}]
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": finger})
    for k in range(1, 6):
        finger = [{"x": x, "y": y + 6 * k}]
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": finger})
    expect(page.locator(".live-note")).to_have_count(1)
    assert not sent and page.evaluate("scrollY") == scrolled
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function(
        "start => stepwise.player('schedule').run.head.settings.first_parameters.points !== start",
        arg=START,
    )
    assert parsed(text_of(page))[1][2][1] < 0.48
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# ---- in and out ---------------------------------------------------------------------------------


def test_the_exact_denoiser_runs_with_the_drawing(open_page):
    page = opened(open_page)
    points(page).nth(1).focus()
    page.keyboard.press("ArrowDown")
    text = START.replace("0.25 0.6", "0.25 0.59")
    rested(page, text)
    page.get_by_role("button", name="Sample with the first schedule").click()
    expect(player(page).locator(".player-title")).to_contain_text("through 5 points")
    expect(player(page).locator(".player-status")).to_have_text("done")
    settings = page.evaluate("() => stepwise.player('sample').run.head.settings")
    assert (settings["model"], settings["schedule"], settings["points"]) == (
        "exact",
        "drawn",
        text,
    )
    assert (settings["steps"], settings["label"]) == (10, "3")
    numbers = page.evaluate("() => stepwise.player('sample').run.frames.map((f) => f.numbers)")
    levels = drawn(1000, text).levels(10)
    assert [each["alpha"] for each in numbers] == pytest.approx(
        [level.alpha for level in levels], abs=1e-4
    )
    assert written(*parsed(text)) == text
