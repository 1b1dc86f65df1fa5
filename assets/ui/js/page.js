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
  // For each player, and for each place that buttons fill: the next run starts when the one before
  // it has ended, and when the server has nothing left of it that it is told to end.
  const active = {}, next = {}; // by name: the run at work; the button whose run waits

  function start(name) {
    const button = next[name];
    delete next[name];
    active[name] = { button, ending: null };
    stepwise.expect(button);
    document.getElementById(button)?.click();
  }

  function end(name) {
    const run = active[name];
    if (run) run.ending ??= stepwise.cancel(run.button);
  }

  function press(name, button) {
    tell(named(name), { kind: "waiting" });
    next[name] = button;
    if (active[name]) end(name);
    else start(name);
  }

  function stop(name) { // the Stop button
    delete next[name];
    tell(named(name), { kind: "stopped" });
    end(name);
  }

  // With an error, or because it was told to end: Gradio 6.31 says the same of both, and once.
  function failed(name) {
    if (!next[name]) tell(named(name), { kind: "stopped" });
    return ended(name);
  }

  async function ended(name) {
    const run = active[name];
    if (run) stepwise.never(run.button);
    await run?.ending;
    if (active[name] !== run) return;
    delete active[name];
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
