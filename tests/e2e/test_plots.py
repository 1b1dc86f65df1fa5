"""Plots over the timeline, and the update taken apart, in a real browser."""

import json
import math
from functools import cache

import pytest
from playwright.sync_api import expect

from demos.runs.stream import as_text
from demos.sampling.page import sample
from tests.e2e import player, wait_for_status
from tests.e2e.bench import FRAME, HEAD, mounted, tape
from tests.e2e.test_access import faults


@cache
def update():
    """A run of twelve steps with its update taken apart, as it is sent."""
    *_, (message, _) = sample(steps=12, sampler="ddpm", show="update")
    return as_text(message)


def opened(bench, plot="norms", **options):
    page = bench(**options)
    stage = mounted(page, update())
    stage.locator(".plots-button").click()
    stage.locator(".plots-choice").select_option(plot)
    return page, stage


def place(node):
    """Where the middle of an element stands on the page, from left."""
    box = node.bounding_box()
    return box["x"] + box["width"] / 2


def test_the_playhead_of_the_plot_stands_under_that_of_the_track(bench):
    page, stage = opened(bench, viewport={"width": 1366, "height": 1000})
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    legend = stage.locator(".plot-legend li")
    seen = set()
    for index in (0, 5, 9, 12):
        page.evaluate("(index) => one.seek(index)", index)
        expect(stage.locator(".frame-count")).to_have_text(f"frame {index + 1} of 13")
        at = place(stage.locator(".playhead"))
        assert place(stage.locator(".plot-head")) == pytest.approx(at, abs=1)
        for dot in stage.locator(".plot-dot").all():
            assert place(dot) == pytest.approx(at, abs=1)
        seen.add(legend.first.inner_text())
    assert len(seen) == 4 and not [url for url in asked if not url.startswith("data:")]


def test_the_legend_and_the_name_of_the_plot_say_the_values_of_the_frame(bench):
    page, stage = opened(bench)
    page.evaluate("one.seek(4)")
    frames = json.loads(update())["frames"]
    traces, numbers = frames[4]["traces"], frames[4]["numbers"]
    theory = math.hypot(numbers["alpha"] * frames[-1]["traces"]["x"], numbers["sigma"])
    said = f"xₜ {traces['x']:.3g} (dashed: {theory:.3g})"
    expect(stage.locator(".plot-legend li").first).to_have_text(said)
    label = stage.get_by_role("img", name="Size (RMS) beside theory. At this frame: xₜ")
    expect(label).to_have_count(1)
    assert said in label.get_attribute("aria-label")
    page.evaluate("stepwise.words.choose('zh')")
    expect(stage.locator(".plots-choice option").first).to_have_text("大小（RMS）与理论值")
    expect(stage.locator(".plot-legend li").first).to_contain_text("虚线")


@pytest.mark.parametrize(
    "plot, names, dashed",
    [("norms", 3, 3), ("cosine", 2, 0), ("distance", 2, 0), ("spectrum", 3, 0)],
)
def test_every_plot_has_its_lines_and_names_them(bench, plot, names, dashed):
    page, stage = opened(bench, plot)
    page.evaluate("one.seek(3)")
    expect(stage.locator(".plot-legend li")).to_have_count(names)
    expect(stage.locator(".plot-lines path")).to_have_count(names + dashed)
    expect(stage.locator(".plot-lines .dashed")).to_have_count(dashed)
    for line in stage.locator(".plot-lines path").all():
        d = line.get_attribute("d")
        assert d.startswith("M") and "NaN" not in d and d.count("L") >= 9
    below = "frequency in cycles per width" if plot == "spectrum" else "log-SNR"
    expect(stage.locator(".plot-below")).to_contain_text(below)


def test_the_spectrum_is_that_of_the_frame_on_an_axis_that_stays(bench):
    page, stage = opened(bench, "spectrum")
    drawn, axes = set(), set()
    for index in (2, 6, 10):
        page.evaluate("(index) => one.seek(index)", index)
        expect(stage.locator(".frame-count")).to_have_text(f"frame {index + 1} of 13")
        drawn.add(stage.locator(".plot-lines path").first.get_attribute("d"))
        axes.add(stage.locator(".plot-ticks").inner_text())
    assert len(drawn) == 3 and len(axes) == 1
    expect(stage.locator(".plot-head")).to_be_hidden()


def test_a_run_without_measures_has_no_plots(bench):
    page = bench()
    stage = mounted(page, tape("noise"))
    expect(stage.locator(".plots-button")).to_be_hidden()
    page.evaluate(f"send_one({update()})")
    expect(stage.locator(".plots-button")).to_be_visible()
    expect(stage.locator(".plots")).to_be_hidden()
    stage.locator(".plots-button").click()
    expect(stage.locator(".plots-button")).to_have_attribute("aria-expanded", "true")
    frames = f"[({FRAME})(0), ({FRAME})(1)]"
    page.evaluate(f"send_one({{ ...{HEAD}, run: 'r', status: 'done', frames: {frames} }})")
    expect(stage.locator(".plots")).to_be_hidden()
    expect(stage.locator(".plots-button")).to_be_hidden()


def test_a_run_that_is_not_finished_has_no_theory_yet(bench):
    page, stage = opened(bench)
    first = {**json.loads(update()), "run": "next", "status": "running"}
    rest, first["frames"] = first["frames"][5:], first["frames"][:5]
    page.evaluate("(message) => send_one(message)", first)
    expect(stage.locator(".plots-info")).to_contain_text("need the finished picture")
    expect(stage.locator(".plot-lines path")).to_have_count(3)
    page.evaluate("(message) => send_one(message)", first | {"frames": rest, "status": "done"})
    expect(stage.locator(".plot-lines path")).to_have_count(6)
    expect(stage.locator(".plots-info")).to_contain_text("Dashed:")


@pytest.mark.parametrize(
    "values, spectral, ticks",
    [
        ([0.9, 1.1], False, ["0.9", "1", "1.1"]),
        ([0.2, 1], False, ["0", "0.5", "1"]),
        ([-0.4, 1], False, ["−0.5", "0", "0.5", "1"]),
        ([0.01, 1], False, ["10⁻²", "10⁻¹", "10⁰"]),
        ([1e-9, 2], True, ["10⁻⁴", "10⁻²", "10⁰"]),
        ([0, 0], False, ["0"]),
    ],
)
def test_an_axis_covers_the_values_in_round_ticks(bench, values, spectral, ticks):
    found = bench().evaluate(
        """([values, spectral]) => {
          const { ticks, at } = stepwise.axisOf(values, spectral);
          return [ticks.map(([, text]) => text), values.map(at)];
        }""",
        [values, spectral],
    )
    assert found[0][: len(ticks)] == ticks
    shown = [each for each in found[1] if each is not None]
    assert all(each <= 1 + 1e-9 for each in shown)
    assert spectral or all(each >= -1e-9 for each in shown)


@pytest.mark.parametrize("width, theme", [(390, "dark"), (1366, "light")])
def test_the_update_is_chosen_run_and_plotted(open_page, width, theme):
    """What a learner does: show the update, run, open the plots, scrub; the text can be read."""
    page = open_page(width, 768 if width > 900 else 844, theme, "Sample")
    page.get_by_role("button", name="into a step").click()
    stage = player(page)
    expect(stage.locator(".player-title")).to_contain_text("the update", timeout=180_000)
    wait_for_status(page, "done")
    expect(stage.locator(".panel:visible")).to_have_count(5)
    strip = stage.locator(".filmstrip").bounding_box()
    assert width < 900 or strip["y"] + strip["height"] <= 768
    stage.locator(".plots-button").click()
    stage.locator(".thumb").nth(1).click()
    expect(stage.locator(".sentence-text")).to_contain_text("xₛ = ")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for plot in ("spectrum", "cosine", "norms"):
        stage.locator(".plots-choice").select_option(plot)
        stage.locator(".thumb").nth(2).click()
        stage.locator(".thumb").nth(1).click()
    assert not [url for url in asked if not url.startswith("data:")]
    sizes = stage.locator(".plots").evaluate(
        "(box) => [...box.querySelectorAll('*')].filter((node) => node.innerText?.trim())"
        ".map((node) => parseFloat(getComputedStyle(node).fontSize))"
    )
    assert min(sizes) >= 14
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not faults(page)
