"""Links in real browsers: what one has on its stage, another one opens, on another start."""

import io
import json
from urllib.parse import urlencode

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from tests.e2e import player, run, set_steps, wait_for_status
from tests.e2e.test_uploads import choose_upload
from tests.server import running

SHOWN = """() => {
  const player = stepwise.players().find((each) => each.root.getClientRects().length);
  const { run, clock } = player, frame = run.at(clock.index);
  return { pictures: frame.pictures, last: run.at(run.last).pictures, frame: clock.index + 1,
           count: run.count, settings: run.head.settings, stale: player.stale };
}"""
COMPARED = """() => {
  const { run, clock, comparison } = stepwise.player("sample");
  const shown = (each) => [each.head.settings, each.at(each.last).pictures];
  return { runs: comparison.runs(run).map(shown),
           align: clock.align, panel: comparison.key(run), frame: clock.frameOf(run).i + 1 };
}"""
AT_REST = """([runs, frame]) => {
  const { run, clock, comparison } = window.stepwise?.player?.("sample") ?? {};
  return run?.status === "done" && comparison.runs(run).length === runs
    && clock.frameOf(run).i + 1 === frame;
}"""
CLIPBOARD = ["clipboard-read", "clipboard-write"]


@pytest.fixture(scope="module")
def restarted():
    """The address of another start of the app."""
    with running() as url:
        yield url


def shown(page):
    """What the stage in view shows, once its pictures are decoded in full."""
    page.wait_for_function("() => !stepwise.visible('.panel[data-approx=true]')")
    return page.evaluate(SHOWN)


def settled(page, query, status="done"):
    """Wait until the address has settled on this query, and the run is there."""
    wait_for_status(page, status)
    page.wait_for_function("(query) => location.search === query", arg=query)


def entry(page, name):
    """Press an entry of the menu of the player in view."""
    menu = player(page).locator(".menu")
    if menu.get_attribute("open") is None:
        menu.locator("summary").click()
    menu.get_by_role("button", name=name, exact=True).click()


def copied(page):
    """The link that the page copies."""
    entry(page, "Copy link")
    expect(player(page).locator("[data-share=link]")).to_have_text("Copied")
    return page.evaluate("navigator.clipboard.readText()")


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
    page = open_page(permissions=CLIPBOARD)
    page.goto(f"{address}/?{query}")
    settled(page, f"?{query}")
    page.evaluate("stepwise.visible('.track').focus()")
    page.keyboard.press("Home")
    for _ in range(frame - 1):
        page.keyboard.press("ArrowRight")
    link, first = copied(page), shown(page)
    assert link.startswith(f"{address}/?{query}")
    other = open_page(locale="zh-CN")
    other.goto(link.replace(address, restarted))
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


def test_the_link_of_a_comparison_opens_all_its_runs(open_page, address, restarted):
    page = open_page(permissions=CLIPBOARD)
    for steps in (5, 7, 9):
        set_steps(page, steps)
        run(page)
        wait_for_status(page, "done")
        if steps < 9:
            player(page).locator(".pin").click()
    player(page).get_by_label("aligned by").select_option("step")
    player(page).locator(".which").select_option("x_t")
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    link, first = copied(page), page.evaluate(COMPARED)
    assert first["frame"] == 4 and [each["steps"] for each, _ in first["runs"]] == [5, 7, 9]
    other = open_page()
    other.goto(link.replace(address, restarted))
    other.wait_for_function(AT_REST, arg=[3, 4])
    assert other.evaluate(COMPARED) == first
    settled(other, f"?{link.split('?')[1]}")
    other.get_by_role("tab", name="Noise", exact=True).last.click()
    other.wait_for_function("location.search === '?tab=noise'")
    other.go_back()  # all of it is still there: nothing is run
    settled(other, f"?{link.split('?')[1]}")
    assert other.evaluate(COMPARED) == first
    other.wait_for_timeout(2000)  # as above
    other.reload()
    other.wait_for_function(AT_REST, arg=[3, 4])
    assert other.evaluate(COMPARED) == first
    set_steps(other, 4)
    run(other)  # the page is at work: the next run stands beside the two that are pinned
    expect(player(other).locator(".panel figcaption").nth(2)).to_contain_text("Steps 4")


def test_the_link_of_a_comparison_at_one_click_says_what_to_look_at(open_page, address):
    page = open_page(permissions=CLIPBOARD)
    page.get_by_role("button", name="step 20 of 50", exact=True).click()
    expect(player(page).locator(".panel figcaption").nth(1)).to_contain_text("frame 51 of 51")
    link, first = copied(page), page.evaluate(COMPARED)
    other = open_page()
    other.goto(link)
    expect(player(other).locator(".player-title")).to_contain_text("the 20-step run has arrived")
    other.wait_for_function(AT_REST, arg=[2, 51])
    assert other.evaluate(COMPARED) == first
    settled(other, f"?{link.split('?')[1]}")
    set_steps(other, 3)
    run(other)  # another run ends it, as it does where it was made
    expect(player(other).locator(".frame-count")).to_have_text("frame 4 of 4")
    expect(player(other).locator(".compared")).to_be_hidden()


@pytest.mark.parametrize(
    "beside", ["nonsense", "tab=sample&steps=0", "tab=nope", f"prompt={'x' * 3000}"]
)
def test_a_run_beside_that_cannot_be_is_one_sentence(open_page, address, beside):
    page = open_page()
    query = urlencode({"tab": "sample", "steps": 4, "beside": beside, "align": "x", "look": "y"})
    page.goto(f"{address}/?{query}")
    if beside == "nonsense":  # names nothing: what the tab opens with
        settled(page, "?tab=sample&model=digits&steps=4&beside=tab%3Dsample")
        assert len(page.evaluate(COMPARED)["runs"]) == 2
        return
    expect(page.locator(".toast-body")).to_have_count(1)
    page.wait_for_function("() => location.search === '?tab=sample'")
    set_steps(page, 4)
    run(page)
    settled(page, "?tab=sample&model=digits&steps=4")


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
    page = open_page()
    page.goto(f"{address}/?{query}")
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
    page = open_page(locale="zh-CN")
    page.goto(f"{address}/?tab=sample&model=emoji&steps=2")
    wait_for_status(page, "done")
    prompt = page.locator(".control-prompt :is(input, textarea)").locator("visible=true")
    page.wait_for_timeout(1500)  # what follows from the model had time to come
    assert (
        shown(page)["settings"]["prompt"]
        == prompt.input_value()
        == ("dog face on a blue background")
    )


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
