"""The dialog with the code of a run: shown, copied, saved as a notebook."""

import json

import nbformat
import pytest
from playwright.sync_api import expect

from demos.exports.answer import answered
from demos.sampling import CODES
from demos.sampling.request import SampleRequest
from tests.e2e import player, run, set_steps, wait_for_status
from tests.e2e.bench import mounted, tape


def open_dialog(page):
    page.locator(".menu:visible summary").first.click()
    page.locator(".menu button.code:visible").first.click()
    return page.locator("dialog.stepwise-code")


def core_code(**settings):
    return CODES["sample"].core(SampleRequest.of(**settings)).script()


def test_the_code_of_a_run_is_shown_copied_and_saved(open_page, tmp_path):
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    set_steps(page, 6)
    run(page)
    wait_for_status(page, "done")
    dialog = open_dialog(page)
    expect(dialog.locator("pre")).to_have_text(core_code(steps=6))
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == core_code(steps=6)
    dialog.get_by_role("button", name="diffusers alone").click()
    expect(dialog.locator("pre")).to_contain_text("UNet2DModel")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Notebook").click()
    assert download.value.suggested_filename == "stepwise-sample-digits-diffusers.ipynb"
    download.value.save_as(tmp_path / "a.ipynb")
    notebook = nbformat.read(tmp_path / "a.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert any("UNet2DModel" in cell.source for cell in notebook.cells)
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(player(page).locator(".menu summary")).to_be_focused()


def test_recorded_runs_have_code_and_refusals_are_sentences(open_page):
    page = open_page(tab="反演与编辑", locale="zh-CN")
    dialog = open_dialog(page)
    expect(dialog.locator("pre")).to_contain_text("method.invert(model, x0")
    dialog.get_by_role("button", name="仅用 diffusers").click()
    expect(dialog.locator(".told")).to_contain_text("core 读取")
    expect(dialog.get_by_role("button", name="复制")).to_have_count(0)


ANSWER = """(message) => {
  document.body.insertAdjacentHTML("beforeend", '<button id="ask-code"></button>');
  document.getElementById("ask-code").onclick = () => { window.asked = stepwise.codeAsked(); };
}"""


@pytest.fixture
def asking(bench):
    """A page without a server, whose answers the test gives."""
    page = bench()
    page.evaluate(ANSWER)
    mounted(page, tape())
    return page


def arrive(page, asked):
    told = {"asked": asked, **answered(asked, CODES)}
    page.evaluate("(text) => stepwise.codeArrived(text)", json.dumps(told))


def test_an_answer_for_another_run_is_not_shown(asking):
    dialog = open_dialog(asking)
    expect(dialog.locator(".told")).to_have_text("The code is being written…")
    asked = asking.evaluate("window.asked")
    arrive(asking, asked.replace("digits", "exact"))
    expect(dialog.locator(".told")).to_have_text("The code is being written…")
    arrive(asking, asked)
    expect(dialog.locator("pre")).to_contain_text("load(")
    settings = json.loads(asked)["settings"]
    expect(dialog.locator("pre")).to_have_text(core_code(**settings))


def test_the_same_run_is_asked_for_once(asking):
    dialog = open_dialog(asking)
    asked = asking.evaluate("window.asked")
    arrive(asking, asked)
    dialog.get_by_role("button", name="Close").click()
    asking.evaluate("window.asked = null")
    open_dialog(asking)
    expect(dialog.locator("pre")).to_contain_text("load(")
    assert asking.evaluate("window.asked") is None


def test_a_server_that_is_gone_is_said(asking):
    asking.clock.install()
    dialog = open_dialog(asking)
    asking.clock.fast_forward(16_000)
    expect(dialog.locator(".told")).to_have_text(
        "The server cannot be reached; the code comes from it."
    )
