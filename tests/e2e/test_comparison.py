"""Runs under one clock: pinned, aligned, measured; no request is needed for any of it."""

import base64
import copy
import io
import json
import math

import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from core.images import signed_uri
from core.tape_files import load
from core.tapes import Frame, Panel, Tape
from demos.runs.stream import recorded
from tests.e2e import player as stage
from tests.e2e import run, set_steps, wait_for_status
from tests.e2e.bench import mounted, tape

CAPTIONS = ".panel figcaption"
FACES = ".panel img"


def uri(values):
    """Grey levels (H, W) as a PNG data URI."""
    buffer = io.BytesIO()
    Image.fromarray(values.to(torch.uint8).numpy()).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def levels(source):
    """A data URI as grey levels in 0..1."""
    image = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB")
    return torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).double() / 255


def made(name, steps, brightness, side=8, calls=1, **settings):
    """A run whose picture has one brightness a frame, as a message."""
    frames = [
        Frame(
            pictures={"x0": uri(torch.full((side, side), round(255 * brightness(i / steps))))},
            say=f"step {i}",
            pos=1 - i / steps,
            numbers={"calls": float(calls * i), "log_snr": 10 * (2 * i / steps - 1)},
        )
        for i in range(steps + 1)
    ]
    run = Tape(
        request={"model": "digits", "sampler": "ddim", "steps": steps, **settings},
        title=name,
        panels=(Panel("x0", "x̂₀", "picture"),),
        total=steps + 1,
        frames=frames,
    )
    return {**recorded(run, name), "status": "done"}


def sent(page, message):
    page.evaluate("(message) => send_one(message)", message)


def pinned(bench, first, second, **options):
    """A bench on which one run is compared with another."""
    page = bench(viewport={"width": 1366, "height": 768}, **options)
    player = mounted(page, json.dumps(first))
    player.get_by_role("button", name="Pin as A").click()
    expect(player.locator(".next-run")).to_have_text("A is pinned: the next run is B.")
    sent(page, second)
    expect(player.locator(".panel")).to_have_count(3)
    return page, player


def test_the_next_run_stands_beside_the_pinned_one_and_says_what_differs(bench):
    other = json.loads(tape())
    other = {**other, "run": "b", "status": "done", "settings": copy.deepcopy(other["settings"])}
    other["settings"] |= {"sampler": "ddpm", "guidance": 3.0}
    page, player = pinned(bench, json.loads(tape()), other)
    page.keyboard.press("Home")
    expect(player.locator(CAPTIONS)).to_have_text(
        [
            "A ddim · Guidance 2 · frame 1 of 51",
            "B ddpm · Guidance 3 · frame 1 of 51",
            "B − A difference: orange −1, white 0, blue +1",
        ]
    )
    expect(player.locator(".player-title")).to_have_text(
        "Sampler ddim, ddpm; Guidance 2, 3 compared: x̂₀ predicted clean picture"
    )
    for panel, key in (("picture so far", "x_t"), ("predicted clean picture", "x0")):
        player.locator(".which").select_option(key)
        expect(player.locator(".player-title")).to_contain_text(panel)
        symbol = {"x_t": "xₜ", "x0": "x̂₀"}[key]
        expect(player.locator(".name-thumbs")).to_contain_text(f"thumbnails: {symbol}")
        shown = player.locator(FACES).first.get_attribute("src")
        frame = json.loads(tape())["frames"][0]
        assert shown == frame["pictures"][0 if key == "x_t" else 1]


def test_the_difference_is_that_of_the_pictures_and_they_part_where_it_is_said(bench):
    first = made("a", 10, lambda share: 0.3)
    second = made("b", 10, lambda share: 0.3 + max(0.0, share - 0.35))
    page, player = pinned(bench, first, second)
    apart = [
        math.sqrt((levels(b["pictures"][0]) - levels(a["pictures"][0])).square().mean().item())
        for a, b in zip(first["frames"], second["frames"], strict=True)
    ]
    parted = max(i for i, each in enumerate(apart) if each <= 0.05) + 1
    said = f"From frame {parted + 1} of A on they stay more than 5 % apart"
    expect(player.locator(".sentence-text")).to_contain_text(said)
    for index in (10, 6):
        page.evaluate("(index) => one.seek(index)", index)
        expect(player.locator(".sentence-text")).to_contain_text(f"by {apart[index]:.3g} (RMS")
        drawn = levels(player.locator(FACES).nth(2).get_attribute("src"))
        values = torch.full((1, 1, 8, 8), apart[index])
        assert (drawn - levels(signed_uri(values, 1.0))).abs().max() < 2.5 / 255
    page.evaluate("one.seek(0)")
    expect(player.locator(".sentence-text")).to_contain_text("differs from A by 0 (RMS")


def test_runs_that_stay_together_or_were_never_together_say_so(bench):
    first = made("a", 5, lambda share: 0.5)
    page, player = pinned(bench, first, made("b", 5, lambda share: 0.51))
    expect(player.locator(".sentence-text")).to_contain_text("stay within 5 % of each other")
    sent(page, made("c", 5, lambda share: 0.9))
    expect(player.locator(".sentence-text")).to_contain_text("more than 5 % apart in every frame")


@pytest.mark.parametrize(
    ("align", "shown"),
    [
        ("level", [(0, 0), (10, 4), (15, 6), (20, 8)]),  # the same share of the way
        ("step", [(0, 0), (5, 5), (8, 8), (20, 8)]),  # the shorter one rests at its end
        ("calls", [(0, 0), (8, 2), (9, 2), (20, 5)]),  # four calls a step in the shorter one
    ],
)
def test_runs_are_aligned_as_chosen(bench, align, shown):
    long = made("long", 20, lambda share: share, calls=1)
    page, player = pinned(bench, long, made("short", 8, lambda share: share, calls=4))
    player.get_by_label("aligned by").select_option(align)
    if align == "calls":  # the run that costs most goes on longest: the clock counts its frames
        assert page.evaluate("one.clock.run.id") == "tape-short"
        page.evaluate("one.seek(8)")
        expect(player.locator(CAPTIONS).first).to_contain_text("frame 21 of 21")
        page.evaluate("one.seek(3)")
        expect(player.locator(CAPTIONS).first).to_contain_text("frame 13 of 21")
        return
    for index, beside in shown:
        page.evaluate("(index) => one.seek(index)", index)
        expect(player.locator(CAPTIONS).first).to_contain_text(f"frame {index + 1} of 21")
        expect(player.locator(CAPTIONS).nth(1)).to_contain_text(f"frame {beside + 1} of 9")


def test_four_runs_stand_side_by_side_and_can_be_let_go(bench):
    page = bench(viewport={"width": 1366, "height": 768})
    player = mounted(page, json.dumps(made("0", 6, lambda share: 0.1)))
    for k, letter in enumerate("ABC"):
        player.get_by_role("button", name=f"Pin as {letter}").click()
        sent(page, made(str(k + 1), 6, lambda share, k=k: 0.1 * (k + 2), seed=k + 1))
    expect(player.locator(FACES)).to_have_count(4)
    expect(player.locator(CAPTIONS).nth(3)).to_contain_text("RMS 0.298")
    expect(player.locator(".pin")).to_be_disabled()
    expect(player.locator(".row-name")).to_have_text(["A", "B", "C", "D"])
    box = player.locator(".strip").bounding_box()
    assert box["y"] + box["height"] <= 768, "the filmstrips are in view"
    player.get_by_role("button", name="Let A go").click()
    expect(player.locator(FACES)).to_have_count(3)
    player.get_by_role("button", name="End comparison").click()
    expect(player.locator(".panel")).to_have_count(1)
    expect(player.locator(".compared")).to_be_hidden()
    expect(player.locator(".player-title")).to_have_text("3")


def test_keys_show_one_of_the_runs_alone(bench):
    page, player = pinned(
        bench, made("a", 4, lambda share: 0.5), made("b", 4, lambda share: share)
    )
    for key, title in (("a", "a"), ("b", "b")):
        page.keyboard.press(key)
        expect(player.locator(".player-title")).to_have_text(title)
        expect(player.locator(".panel")).to_have_count(1)
        page.keyboard.press(key)
        expect(player.locator(".panel")).to_have_count(3)
    page.keyboard.press("f")
    page.keyboard.press("b")
    expect(player.locator(".player-title")).to_have_text("b")


def test_what_is_taken_away_is_the_run_that_is_shown_alone(bench):
    page, player = pinned(
        bench, made("a", 4, lambda share: 0.5), made("b", 4, lambda share: share, seed=3)
    )
    names = []
    for key in ("a", "b"):
        page.keyboard.press(key)
        player.get_by_text("Save, share").click()
        with page.expect_download() as saved:
            player.get_by_role("button", name="Save run").click()
        names.append(load(saved.value.path()).request)
        page.keyboard.press("Escape")
        page.evaluate("() => document.activeElement.blur()")
        page.keyboard.press(key)
    assert [each.get("seed") for each in names] == [None, 3]


def test_pictures_of_different_size_have_no_difference_and_say_so(bench):
    small = made("a", 4, lambda share: 0.5)
    _, player = pinned(bench, small, made("b", 4, lambda share: 0.5, side=16))
    expect(player.locator(CAPTIONS).nth(2)).to_contain_text("the pictures have different sizes")


def test_comparing_speaks_chinese(bench):
    page, player = pinned(
        bench, made("a", 4, lambda share: 0.5), made("b", 4, lambda share: share, seed=3)
    )
    page.evaluate("stepwise.words.choose('zh')")
    expect(player.locator(".pin")).to_have_text("固定为 B")
    expect(player.locator(CAPTIONS).nth(1)).to_contain_text("随机种子 3 · 第")
    expect(player.locator(".align option").first).to_have_text("噪声水平")


def test_a_pinned_run_is_kept_while_others_come_and_nothing_is_asked(open_page):
    page = open_page(width=1366, height=768, tab="Sample")
    set_steps(page, 6)
    run(page)
    wait_for_status(page, "done")
    expect(stage(page).locator(".frame-count")).to_have_text("frame 7 of 7")
    before = stage(page).locator(FACES).nth(1).get_attribute("src")
    stage(page).locator(".pin").click()
    set_steps(page, 9)
    run(page)
    expect(stage(page).locator(CAPTIONS).nth(1)).to_contain_text("Steps 9 · frame 10 of 10")
    expect(stage(page).locator(CAPTIONS).first).to_contain_text("Steps 6 · frame 7 of 7")
    assert stage(page).locator(FACES).first.get_attribute("src") == before
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    for align in ("step", "calls", "level"):
        stage(page).get_by_label("aligned by").select_option(align)
        page.keyboard.press("Home")
        stage(page).get_by_role("button", name="Play").click()
        expect(stage(page).locator(".frame-count")).to_have_text("frame 10 of 10")
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == []


def test_a_comparison_is_one_click_and_the_next_run_ends_it(open_page):
    page = open_page(width=1366, height=768, tab="Sample")
    page.get_by_role("button", name="step 20 of 50", exact=True).click()
    expect(stage(page).locator(CAPTIONS).nth(1)).to_contain_text("Steps 50 · frame 51 of 51")
    expect(stage(page).locator(".player-title")).to_contain_text("the 20-step run has arrived")
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("Home")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect(stage(page).locator(CAPTIONS).first).to_contain_text("Steps 20 · frame 21 of 21")
    expect(stage(page).locator(CAPTIONS).nth(1)).to_contain_text("Steps 50 · frame 21 of 51")
    assert page.get_by_label("Steps", exact=False).locator("visible=true").first.is_visible()
    set_steps(page, 3)
    run(page)
    expect(stage(page).locator(".frame-count")).to_have_text("frame 4 of 4")
    expect(stage(page).locator(".compared")).to_be_hidden()


def test_a_comparison_that_is_stopped_keeps_what_was_shown(open_page):
    page = open_page(width=1366, height=768, tab="Sample")
    page.get_by_role("button", name="10 to 1,000 steps", exact=True).click()
    expect(stage(page).locator(CAPTIONS).nth(3)).to_contain_text("Steps 1000 · frame 2")
    page.keyboard.press("Escape")
    wait_for_status(page, "stopped")
    expect(stage(page).locator(FACES)).to_have_count(4)
    expect(stage(page).locator(CAPTIONS).nth(2)).to_contain_text("Steps 50")
