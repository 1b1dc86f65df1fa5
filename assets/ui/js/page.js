// What Gradio events call: `js="() => stepwise.stale('sample')"`; and the presenter mode.
(() => {
  const isVisible = (node) => node.getClientRects().length > 0;

  // Tabs that were left keep their buttons and players in the page, hidden.
  function visible(selector) {
    return [...document.querySelectorAll(selector)].find(isVisible);
  }

  function tell(player, detail) {
    player?.dispatchEvent(new CustomEvent("stepwise", { detail }));
  }

  // A tab that was never opened has no player yet: then there is nothing to mark.
  const named = (name) => document.querySelector(`#player-${CSS.escape(name)} .player`);

  // A chip or a link sets controls and runs with them: their changes are no reason to call the run
  // stale, however late they come; those after the learner's next touch are. Pasted settings are
  // not run yet.
  let brought = ""; // "run", "set" or nothing
  const touched = ({ target }) => {
    if (!target.closest?.(".player")) brought = target.closest?.(".chip") ? "run" : "";
  };
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, touched, true);
  const stale = (name) => brought !== "run" && tell(named(name), { kind: "stale" });

  const shown = {}; // the frame that each player shows

  // ---------------------------------------------------------- one run at a time
  // For each player, and for each place that buttons fill.
  // Gradio cancels events one after the other and answers none of it at once: what was started
  // meanwhile would be cancelled, too. So the next run starts when the one before it has ended.
  const active = new Set(), next = {}; // their names; what starts the run that waits
  const ending = {}, SILENCE = 300; // milliseconds after which a run that failed has ended

  function start(name) {
    const button = next[name];
    delete next[name];
    active.add(name);
    document.getElementById(button)?.click();
  }

  function press(name, button) { // what is at work was told to end already
    tell(named(name), { kind: "waiting" });
    next[name] = button;
    if (!active.has(name)) start(name);
  }

  function stop(name) { // the Stop button
    delete next[name];
    tell(named(name), { kind: "stopped" });
  }

  // Or was cancelled: Gradio 6.31 says then that it has ended, too, and after an error it does not.
  function failed(name) {
    if (!next[name]) tell(named(name), { kind: "stopped" });
    clearTimeout(ending[name]);
    ending[name] = setTimeout(() => ended(name), SILENCE);
  }

  function ended(name) {
    clearTimeout(ending[name]);
    active.delete(name);
    if (next[name]) start(name);
    else stepwise.address.ended(name);
  }

  // ---------------------------------------------------------- presenter mode
  const presented = () => document.querySelector(".player.presenting");
  let focused = null; // where the focus was before

  function present() {
    if (presented()) return leave();
    const player = visible(".player");
    if (!player) return;
    focused = document.activeElement;
    player.classList.add("presenting");
    player.querySelector(".track").focus({ preventScroll: true }); // arrows step, whatever had it
    player.requestFullscreen?.().catch(() => {}); // refused: then it covers the page's window
  }

  async function leave() {
    const before = focused;
    presented()?.classList.remove("presenting");
    focused = null;
    if (document.fullscreenElement) await document.exitFullscreen(); // which takes the focus
    before?.focus?.({ preventScroll: true });
  }

  document.addEventListener("fullscreenchange", () => { // Esc ends it without a key event
    if (!document.fullscreenElement && presented()) leave();
  });

  window.stepwise = Object.assign(window.stepwise ?? {}, {
    visible,
    tell,
    run: () => visible(".run-button")?.click(),
    stale,
    bring: (how) => { brought = how; },
    brought: () => Boolean(brought),
    shows: (name, frame) => { shown[name] = frame; },
    shown: (name) => shown[name] ?? 0,
    refine: (name) => document.querySelector(`#refine-${CSS.escape(name)}`)?.click(),
    press,
    stop,
    failed,
    ended,
    present,
    presented,
  });
})();
