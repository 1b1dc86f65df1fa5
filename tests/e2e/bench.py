"""A page with the scripts and styles of the app, but without Gradio and without a server."""

import json
import re

from core.tape_files import load
from demos.runs.stream import recorded
from demos.ui.player import UI, page_head

MOUNT = """([name, message]) => {
  const element = document.querySelector(`#player-${name}`), props = { value: message };
  const options = { name, empty: "nothing yet", panels: [] };
  let changed;
  window[name] = stepwise.mount(element, props, (key, act) => { changed = act; }, options);
  window[`send_${name}`] = (value) => { props.value = JSON.stringify(value); changed(); };
}"""
# A run of three frames, as JavaScript.
HEAD = """{ total: 3, title: "a run", panels: [{ symbol: "x", title: "picture", phone: true }],
  curve: [], ends: ["clean", "noise"], ticks: [1, 0.5, 0] }"""
FRAME = (
    "(i, more) => ({ i, pictures: [`data:,${i}`], text: `step ${i}`, pos: 1 - i / 2, ...more })"
)


def html():
    """The page without Gradio: its head and one box for each player."""
    box = (UI / "player.html").read_text(encoding="utf-8")
    boxes = "".join(
        f'<div role="tabpanel" id="tab-{name}"><div id="player-{name}">{box}</div></div>'
        for name in ("one", "two")
    )
    # There is no Gradio whose labels could follow the language.
    head = re.sub('(id="stepwise-core">)[^<]*', r"\1", page_head())
    tabs = "".join(f'<button role="tab">{name}</button>' for name in "abc")
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width">{head}</head>
      <body class="gradio-container"><div role="tablist">{tabs}</div>
      <input type="radio" name="digit"><input type="range"><input type="text">
      <button class="run-button" onclick="window.runs = (window.runs ?? 0) + 1">Run</button>
      {boxes}</body></html>"""


def mounted(page, message="", name="one"):
    """Mount a player with a message; returns its section."""
    page.evaluate(MOUNT, [name, message])
    return page.locator(f"#player-{name} .player")


def tape(name="sample"):
    """A recorded run as it is sent, as text."""
    return json.dumps(recorded(load(UI.parent / "tapes" / f"{name}.stepwise"), name))


def evaluated(page, body):
    """What a function body answers, with a run, a clock and makers of messages at hand."""
    return page.evaluate(
        f"""() => {{
          const run = new stepwise.Run(), clock = new stepwise.Clock(run);
          const head = {HEAD}, frame = {FRAME};
          const take = (more, now = 0, calm = false) => {{
            const message = {{ run: "a", status: "running", frames: [], ...more }};
            const change = run.take(message, now);
            if (change) clock.arrive(change, now, calm);
            return change;
          }};
          const long = (count, status = "done") => take({{ ...head, total: count, status, frames:
            Array.from({{ length: count }}, (_, i) => frame(i, {{ pos: 0 }})) }});
          {body}
        }}"""
    )
