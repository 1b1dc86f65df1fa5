"""One run at a time for each player: what is pressed during a run ends it, and starts its own."""

import pytest
from playwright.sync_api import expect

from tests.e2e.bench import mounted, tape

# Buttons that note their press, and what Gradio asks the server for by the first of them.
STARTING = """() => {
  window.started = [];
  window.gradio_config = { root: "", components: [{ id: 7, props: { elem_id: "first" } }] };
  window.join = () => fetch("/gradio_api/queue/join?", { method: "POST",
    body: JSON.stringify({ session_hash: "me", fn_index: 3, trigger_id: 7 }) });
  for (const id of ["first", "second", "third"]) {
    const button = document.body.appendChild(document.createElement("button"));
    button.id = id;
    button.addEventListener("click", () => window.started.push(id));
  }
}"""


def test_the_next_run_starts_when_the_one_before_has_ended(bench):
    page = bench()
    mounted(page, tape())
    page.evaluate(STARTING)
    wanted = [
        ("press('one', 'first')", ["first"]),
        ("press('one', 'second')", ["first"]),
        ("press('one', 'third')", ["first"]),
        ("failed('one')", ["first", "third"]),  # the first was ended
        ("press('one', 'second')", ["first", "third"]),
        ("stop('one')", ["first", "third"]),  # which also takes back what waits
        ("ended('one')", ["first", "third"]),
        ("press('one', 'second')", ["first", "third", "second"]),
    ]
    for act, started in wanted:
        page.evaluate(f"async () => {{ await stepwise.{act}; }}")
        assert page.evaluate("window.started") == started, act


@pytest.mark.parametrize("young", [False, True], ids=["at work", "asked for"])
@pytest.mark.parametrize("how", ["ended", "failed"])
def test_the_next_run_waits_until_the_server_has_nothing_left_to_end(bench, how, young):
    """It ends whatever a page runs of one function: one that starts too early would end, too."""
    page, asked, held = bench(), [], []
    player = mounted(page, tape())
    page.route("**/cancel", lambda route: held.append(route))
    page.route("**/join?", lambda route: asked.append(route))
    page.evaluate(STARTING)
    page.evaluate("stepwise.press('one', 'first'), void join()")
    until(page, lambda: asked)
    answer = {"json": {"event_id": "e"}}
    if not young:
        asked.pop().fulfill(**answer)
    page.evaluate("stepwise.press('one', 'first')")
    if young:
        page.wait_for_timeout(100)
        assert not held, "the server could not know what to end"
        asked.pop().fulfill(**answer)
    until(page, lambda: held)
    assert held[0].request.post_data_json == dict(session_hash="me", fn_index=3, event_id="e")
    page.evaluate(f"void stepwise.{how}('one')")
    page.wait_for_timeout(100)
    assert page.evaluate("window.started") == ["first"]
    held.pop().fulfill(json={})
    page.wait_for_function("window.started.length === 2")
    expect(player.locator(".stage")).to_have_attribute("aria-busy", "true")  # it is awaited


def until(page, holds):
    """Let the page go on until something of this side holds; fails after ten seconds."""
    for _ in range(200):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it never held")
