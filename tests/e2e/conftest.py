"""One running app and one browser for all end-to-end tests."""

import os
import shutil

import pytest

from tests.e2e.bench import html
from tests.server import running

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items):
    """Everything in this folder is an end-to-end test."""
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker("e2e")


@pytest.fixture(scope="session")
def address():
    """The address of the running app."""
    with running() as url:
        yield url


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium; missing is a failure in CI and a skip elsewhere."""
    if CHROMIUM is None:
        assert not os.environ.get("CI"), "CI needs chromium: apt-get install chromium"
        pytest.skip("no chromium on this machine: the browser tests were not run")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=90_000)  # milliseconds: machines may be slow and shared
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, address):
    """Opens the app in a fresh page; fails the test for any console or page error."""
    errors, contexts = [], []

    def open_it(width=1440, height=900, theme="light", tab=None, at=None, **options):
        viewport = {"width": width, "height": height}
        context = browser.new_context(viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(90_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.goto(at or f"{address}/?__theme={theme}", wait_until="domcontentloaded")
        page.wait_for_selector(".player:visible")
        if tab:
            page.get_by_role("tab", name=tab, exact=True).last.click()
            page.wait_for_selector(f"[role=tab][aria-selected=true]:has-text('{tab}')")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not errors, errors


@pytest.fixture
def bench(browser):
    """A page with the scripts and styles of the app; fails the test for any error on it."""
    errors, contexts = [], []

    def open_it(locale="en-GB", **options):
        context = browser.new_context(locale=locale, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.route(
            "**/*",
            lambda route: route.fulfill(body=html(), content_type="text/html; charset=utf-8"),
        )
        page.goto("http://stepwise.test/")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not errors, errors


@pytest.fixture(scope="module")
def restarted():
    """The address of another start of the app."""
    with running() as url:
        yield url
