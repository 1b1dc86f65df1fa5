// The keys of the whole page, and the dialog that lists them.
(() => {
  const { words, make, dialogs, visible, tell, present, presented, LETTERS: RUNS } = stepwise;
  const LETTERS = "input:not([type=radio], [type=checkbox], [type=range], [type=button],"
    + " [type=file]), textarea, select, [contenteditable], [role=listbox], [role=combobox],"
    + " [role=menu]"; // what reads letters
  const MOVES = "input, [role=slider], [role=radiogroup]"; // what reads arrows, Home, End, space
  const PLAYER_KEYS = [" ", "ArrowLeft", "ArrowRight", "Home", "End"];
  const CLICKER = ["PageUp", "PageDown"]; // what the remote control of a projector sends
  const HELP = [
    [["keys.space"], "keys.play"],
    ["→", "keys.next"],
    ["←", "keys.before"],
    [["keys.ends"], "keys.first_last"],
    [["keys.pages"], "keys.clicker"],
    ["R", "keys.run"],
    ["Esc", "keys.stop"],
    ["F", "keys.present"],
    ["A, B, C, D", "keys.alone"],
    ["G", "keys.glossary"],
    ["?", "keys.help"],
  ];

  function fillHelp(dialog) {
    const close = make("button", "", words.say(["keys.close"]));
    close.addEventListener("click", () => dialog.close());
    const row = ([key, meaning]) => [
      make("dt", "", make("kbd", "", words.say(key))), make("dd", "", words.say([meaning]))];
    dialog.replaceChildren(make("h2", "", words.say(["keys.title"])),
      make("dl", "", ...HELP.flatMap(row)), close);
    dialog.setAttribute("aria-label", words.say(["keys.title"]));
  }

  function help() {
    const dialog = document.querySelector("dialog.stepwise-keys") || dialogs.dialog("stepwise-keys");
    if (dialog.open) return dialog.close();
    fillHelp(dialog);
    return dialog.showModal();
  }

  function clickVisible(event, selector) {
    const button = visible(selector);
    if (!button || button.disabled) return;
    event.preventDefault();
    button.click();
  }

  // Space belongs to what a keyboard user has focused, not to what was clicked before.
  let clicked = null;
  const own = (event) => event.key === " " && event.target.matches?.("button, a, summary")
    && !event.target.contains(clicked);

  // The tab bar: arrows choose among the tabs that are in view, Home and End the outer ones.
  function chooseTab(event, bar) {
    const tabs = [...bar.querySelectorAll("[role=tab]:not([disabled])")]
      .filter((tab) => tab.getClientRects().length);
    const at = tabs.indexOf(event.target.closest("[role=tab]")), count = tabs.length;
    const places = { ArrowRight: (at + 1) % count, ArrowLeft: (at - 1 + count) % count, Home: 0,
      End: count - 1 };
    const tab = tabs[places[event.key]];
    if (!tab) return;
    event.preventDefault();
    tab.focus();
    tab.click();
  }

  // A run from a file that is presented has its end: the key beside F would throw it away.
  function run(event) {
    if (presented()?.dataset.status !== "opened") clickVisible(event, ".run-button");
  }

  const COMMANDS = {
    "?": help,
    f: present,
    r: run,
    ...Object.fromEntries([...RUNS].map((letter, place) => [letter.toLowerCase(), () => (
      tell(presented() || visible(".player"), { kind: "alone", place }))])),
  };

  function onEscape(event) {
    if (presented()) present();
    else clickVisible(event, ".stop-button");
  }

  function onKey(event) {
    if (event.key === "Tab") clicked = null;
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    const dialogOpen = document.querySelector("dialog[open]");
    if (event.key === "?" && dialogOpen?.matches(".stepwise-keys")) return help();
    if (dialogOpen) return; // Escape closes it, natively
    if (event.key === "Escape") return onEscape(event);
    if (event.target.closest?.(LETTERS)) return;
    const command = COMMANDS[event.key.toLowerCase()];
    if (command) command(event);
    else if (PLAYER_KEYS.includes(event.key)) onMove(event);
    else if (CLICKER.includes(event.key) && presented()) tell(presented(), { kind: "key", event });
  }

  function onMove(event) {
    const bar = event.target.closest?.("[role=tablist]");
    if (bar && event.key !== " ") return chooseTab(event, bar);
    const inside = event.target.closest?.(".player");
    if (own(event) || (event.target.closest?.(MOVES) && !inside)) return;
    tell(inside || presented() || visible(".player"), { kind: "key", event });
  }

  document.addEventListener("pointerdown", (event) => { clicked = event.target; }, true);
  document.addEventListener("keydown", onKey);
  window.stepwise = Object.assign(window.stepwise ?? {}, { help });
})();
