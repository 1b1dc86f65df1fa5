// Keys of the whole page, and what Gradio events call: `js="() => stepwise.stale('sample')"`.
(() => {
  const TYPING = "input, textarea, select, [contenteditable], [role=listbox], [role=combobox],"
    + " [role=tab], [role=slider], [role=menu], dialog";
  const PLAYER_KEYS = [" ", "ArrowLeft", "ArrowRight", "Home", "End"];
  const HELP = [
    ["Space", "play or pause"],
    ["→", "next step of the run"],
    ["←", "step before"],
    ["Home, End", "first step, last step"],
    ["R", "run"],
    ["Esc", "stop: the frames stay"],
    ["?", "this list"],
  ];

  // Tabs that were left keep their buttons and players in the page, hidden.
  function visible(selector) {
    return [...document.querySelectorAll(selector)].find((node) => node.offsetParent !== null);
  }

  function tell(player, detail) {
    player?.dispatchEvent(new CustomEvent("stepwise", { detail }));
  }

  // A tab that was never opened has no player yet: then there is nothing to mark.
  const named = (name) => document.querySelector(`#player-${CSS.escape(name)} .player`);

  function buildHelp() {
    const dialog = document.createElement("dialog"), list = document.createElement("dl");
    dialog.className = "stepwise-keys";
    dialog.setAttribute("aria-label", "Keys");
    for (const [key, meaning] of HELP) {
      const name = document.createElement("kbd"), dt = document.createElement("dt");
      const dd = document.createElement("dd");
      name.textContent = key;
      dd.textContent = meaning;
      dt.append(name);
      list.append(dt, dd);
    }
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    dialog.append(list, close);
    // Inside Gradio's container, so that its colours and the dark theme apply.
    (document.querySelector(".gradio-container") || document.body).append(dialog);
    return dialog;
  }

  function help() {
    const dialog = document.querySelector("dialog.stepwise-keys") || buildHelp();
    if (dialog.open) dialog.close();
    else dialog.showModal();
  }

  function clickVisible(event, selector) {
    const button = visible(selector);
    if (!button || button.disabled) return;
    event.preventDefault();
    button.click();
  }

  function onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    const dialogOpen = document.querySelector("dialog[open]");
    if (event.key === "?" && dialogOpen?.matches(".stepwise-keys")) { help(); return; }
    if (dialogOpen) return; // Escape closes it, natively
    if (event.key === "Escape") { clickVisible(event, ".stop-button"); return; }
    if (event.target.closest?.(TYPING) && !event.target.closest(".player")) return;
    if (event.key === "?") { event.preventDefault(); help(); }
    else if (event.key === "r" || event.key === "R") clickVisible(event, ".run-button");
    else if (PLAYER_KEYS.includes(event.key)) forward(event);
  }

  function forward(event) {
    if (event.target.closest?.(".player")) return; // it has seen the key already
    // Space belongs to what a keyboard user has focused, not to what was clicked before.
    const own = "button, a, summary, [role=button]";
    if (event.key === " " && event.target.matches?.(`:is(${own}):focus-visible`)) return;
    tell(visible(".player"), { kind: "key", event });
  }

  document.addEventListener("keydown", onKey);
  window.stepwise = {
    help,
    stale: (name) => tell(named(name), { kind: "stale" }),
    stopped: (name) => tell(named(name), { kind: "stopped" }),
  };
})();
