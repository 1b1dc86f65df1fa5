// Keys of the whole page, and what Gradio events call: `js="() => stepwise.stale('sample')"`.
(() => {
  const TYPING = "input, textarea, select, [contenteditable], [role=listbox], [role=combobox],"
    + " [role=slider], [role=menu], dialog";
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

  function make(tag, ...children) {
    const node = document.createElement(tag);
    node.append(...children); // strings become text
    return node;
  }

  function buildHelp() {
    const close = make("button", "Close");
    close.addEventListener("click", () => dialog.close());
    const row = ([key, meaning]) => [make("dt", make("kbd", key)), make("dd", meaning)];
    const dialog = make("dialog", make("dl", ...HELP.flatMap(row)), close);
    dialog.className = "stepwise-keys";
    dialog.setAttribute("aria-label", "Keys");
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

  // Space belongs to what a keyboard user has focused, not to what was clicked before.
  let clicked = null;
  const own = (event) => event.key === " " && event.target.matches?.("button, a, summary")
    && !event.target.contains(clicked);

  function onKey(event) {
    if (event.key === "Tab") clicked = null;
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    const dialogOpen = document.querySelector("dialog[open]");
    if (event.key === "?" && dialogOpen?.matches(".stepwise-keys")) return help();
    if (dialogOpen) return; // Escape closes it, natively
    if (event.key === "Escape") return clickVisible(event, ".stop-button");
    if (event.target.closest?.(TYPING) && !event.target.closest(".player")) return;
    const player = event.target.closest?.(".player") || visible(".player");
    if (event.key === "?") help();
    else if (event.key === "r" || event.key === "R") clickVisible(event, ".run-button");
    else if (PLAYER_KEYS.includes(event.key) && !own(event)) tell(player, { kind: "key", event });
  }

  // A chip sets controls and runs with them: their changes are no reason to call the run stale,
  // however late they come; those after the learner's next touch are.
  let chip = false;
  const touched = (event) => {
    if (!event.target.closest?.(".player")) chip = !!event.target.closest?.(".chip");
  };
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, touched, true);
  const stale = (name) => !chip && tell(named(name), { kind: "stale" });

  const shown = {}; // the frame that each player shows

  // Some systems know no type for the pictures of phones, and an upload goes by the type alone.
  const PHONES = /\.(heic|heif|avif)$/i;
  const untyped = (files) => [...files].some((file) => !file.type && PHONES.test(file.name));

  function choose(input, files) {
    const typed = new DataTransfer();
    for (const file of files) {
      const [, kind] = (!file.type && PHONES.exec(file.name)) || [];
      const type = kind ? `image/${kind.toLowerCase()}` : file.type;
      typed.items.add(new File([file], file.name, { type }));
    }
    input.files = typed.files;
  }

  function onChosen(event) {
    const { target } = event;
    if (target.type === "file" && untyped(target.files)) choose(target, target.files);
  }

  function onDrop(event) {
    const input = event.target.closest?.(".image-container")?.querySelector("input[type=file]");
    const files = event.dataTransfer?.files ?? [];
    if (!input || !untyped(files)) return;
    event.preventDefault();
    event.stopPropagation();
    choose(input, files);
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.addEventListener("change", onChosen, true);
  document.addEventListener("drop", onDrop, true);
  document.addEventListener("pointerdown", (event) => { clicked = event.target; }, true);
  document.addEventListener("keydown", onKey);
  window.stepwise = {
    help,
    run: () => visible(".run-button")?.click(),
    stale,
    shows: (name, frame) => { shown[name] = frame; },
    shown: (name) => shown[name] ?? 0,
    refine: (name) => document.querySelector(`#refine-${CSS.escape(name)}`)?.click(),
    stopped: (name) => tell(named(name), { kind: "stopped" }),
  };
})();
