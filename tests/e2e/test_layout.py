"""What is in view without scrolling, on a phone and on a laptop."""

import pytest

from tests.e2e import player
from tests.e2e.test_page import TABS


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("tab", TABS)
def test_nothing_scrolls_sideways_on_a_phone(open_page, tab, theme):
    page = open_page(390, 844, theme, tab)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    visible = [p for p in player(page).locator(".panel").all() if p.is_visible()]
    assert len(visible) >= 2
    stage = player(page).bounding_box()
    below = stage["y"] + stage["height"]
    column = ".stepwise-columns > :first-child > *:not(:has(.run-button)):visible"
    controls = page.locator(column).all()  # Run itself is a bar at the foot of the window
    places = [control.bounding_box()["y"] for control in controls]
    assert places and min(places) >= below, "the controls fold under the stage"
    for closer in page.locator(".closer:visible").all():
        assert closer.bounding_box()["y"] > max(places), "before what looks closer at the run"


@pytest.mark.parametrize("tab", TABS)
def test_the_whole_stage_is_in_view_on_a_laptop(open_page, tab):
    page = open_page(1366, 768, tab=tab)
    strip = page.locator(".filmstrip:visible").bounding_box()
    assert strip["y"] + strip["height"] <= 768
    first = ".run-button:visible" if tab != "Schedule" else ".reset-button:visible"
    button = page.locator(first).bounding_box()
    assert button["y"] + button["height"] <= 200
    if tab == "Sample":
        for picture in page.locator(".panel-box:visible").all():
            assert picture.bounding_box()["width"] >= 310
        for control in page.locator(".control:visible").all():
            box = control.bounding_box()
            assert box["y"] + box["height"] <= 768


def test_run_is_a_bar_at_the_foot_of_a_phone(open_page):
    page = open_page(390, 844, tab="Sample")
    for name in (".run-button", ".stop-button"):
        box = page.locator(f"{name}:visible").bounding_box()
        assert box["y"] + box["height"] <= 844 and box["height"] >= 36
    for picture in player(page).locator(".panel:visible").all()[:2]:
        box = picture.bounding_box()
        assert box["y"] + box["height"] <= 844
