// The address of the page: the tab, the settings of the run on its stage, the runs beside it, and
// the frame. A run or a tab that is chosen is an entry of the history, a frame replaces it. What an
// address asks for is opened by the server: it sets the controls, then the run is started and the
// frame sought. Runs to compare are opened one after the other, and pinned.
(() => {
  const { changed, words, ALIGNS, LETTERS } = stepwise;
  const PAUSE = 500;     // milliseconds between two changes of an address: browsers allow few more
  const PATIENCE = 15000; // milliseconds in which an opened tab has to be there
  const LONGEST = 2000;  // characters of a text that the server lets in
  const tabs = {};       // the id of the tab of each player, by its name
  let home = null;       // the player that an address without a query opens
  let seen = null;       // the player in view
  let opening = null;    // what is being opened: { query, runs, press, frame, before, since, ... }
  let next = null;       // the query that is opened once the server has answered
  let timer = null;

  const tabOf = (id) => document.querySelector(`[role=tab][data-tab-id="${CSS.escape(id)}"]`);
  const chosen = () => document.querySelector("[role=tab][aria-selected=true]")?.dataset.tabId;
  const inView = (player) => player?.root.getClientRects().length > 0;

  // ------------------------------------------------------------ what is on the stage, as a query
  function runOf({ run, options }) { // without the frame
    return new URLSearchParams(run.head.link?.query ?? { tab: options.name });
  }

  // The frame, unless nobody has chosen it, or it is the one that a finished run shows by itself.
  function frameOf({ run, clock, moved }) {
    const { start } = run.head, chosen = run.state === "opened" && start != null; // in its file
    const own = chosen ? run.last : start ?? run.last;
    const arrives = clock.follow && run.state === "running";
    if (!run.count || !(moved || chosen) || arrives) return null;
    const { i } = clock.frameOf(run); // beside another one, if runs are compared
    return i === own ? null : i + 1;
  }

  // The runs that are compared with it, and how.
  function besides({ run, comparison, clock, options }) {
    if (!comparison.active(run)) return [];
    const others = comparison.runs(run).filter(({ id }) => id !== run.id);
    return Object.entries({
      beside: others.map((each) => runOf({ run: each, options }).toString()),
      align: clock.align === "level" ? [] : [clock.align],
      panel: comparison.panel ? [comparison.panel] : [],
      look: comparison.look ? [comparison.look[0]] : [],
    }).flatMap(([name, values]) => values.map((value) => [name, value]));
  }

  function queryOf(player) {
    const query = new URLSearchParams([...runOf(player), ...besides(player)]);
    const frame = frameOf(player);
    if (frame !== null) query.set("frame", frame);
    return query;
  }

  const COMPARED = ["beside", "align", "panel", "look"];
  const without = (query, ...names) => (
    new URLSearchParams([...query].filter(([name]) => !names.includes(name))).toString());

  // The address now: parameters that begin with __ are Gradio's, and stay.
  const current = () => split(([name]) => !name.startsWith("__"));
  const gradios = () => split(([name]) => name.startsWith("__"));
  const split = (kept) => new URLSearchParams(
    [...new URLSearchParams(window.location.search)].filter(kept));

  // A link for somebody else: the address of this page, with nothing of Gradio's.
  function linkOf(player) {
    const { origin, pathname } = window.location;
    return `${origin}${pathname}?${queryOf(player)}`;
  }

  // ------------------------------------------------------------ the address follows the stage
  // Each player calls this when it has drawn.
  function note(player) {
    if (!inView(player) || (seen !== player && inView(seen))) return;
    if (player.run.count && !player.run.head.panels.length) return; // its description comes later
    tabs[player.options.name] = chosen() ?? tabs[player.options.name];
    const turned = seen && seen !== player;
    seen = player;
    home ??= current().has("tab") ? "" : player.options.name;
    if (opening) return follow(player);
    const fresh = runOf(player).toString() !== alone(spelled(current()));
    if (fresh && (turned || !player.run.head.keep)) write(player, "pushState");
    else if (player.moved || !player.clock.motion) timer ??= setTimeout(later, PAUSE);
  }

  function later() {
    timer = null;
    if (!opening && inView(seen)) write(seen, "replaceState");
  }

  const alone = (query) => without(query, "frame", ...COMPARED);
  const spelled = (query) => (query.has("tab") ? query : new URLSearchParams({ tab: home }));

  function write(player, how) {
    const query = queryOf(player), plain = query.toString() === `tab=${home}`;
    if (query.toString() === spelled(current()).toString()) return;
    const all = new URLSearchParams([...gradios(), ...(plain ? [] : query)]).toString();
    const { pathname } = window.location;
    window.history[how](window.history.state, "", all ? `${pathname}?${all}` : pathname);
  }

  // ------------------------------------------------------------ what an address asks for
  function open(query) {
    const button = document.getElementById("link-open");
    if (!button) return;
    if (opening?.sent) { // two answers at once would set each other's controls
      next = query;
      return;
    }
    if (["running", "waiting"].includes(seen?.run.state)) {
      stepwise.visible(".stop-button")?.click();
    }
    stepwise.bring("run");
    const beside = query.getAll("beside").slice(0, LETTERS.length - 1);
    opening = { query, runs: [...beside, without(query, ...COMPARED)], beside: beside.length };
    send();
  }

  // The first of the runs that are left.
  function send() {
    Object.assign(opening, { since: performance.now(), sent: true, begun: false });
    document.getElementById("link-open").click();
  }

  // Decoded: a Chinese letter of a query is nine characters.
  function sent() {
    const text = JSON.stringify(Object.fromEntries(new URLSearchParams(opening?.runs[0])));
    return [text.length > LONGEST ? "" : text];
  }

  function got({ player, press, run, frame, refused }) {
    if (!opening) return;
    opening.sent = false;
    if (next) {
      const query = next;
      next = null;
      return open(query);
    }
    if (refused) return end();
    Object.assign(opening, { name: player, press, run, frame });
    start(opening);
  }

  // Once the tab is there: the controls have their values.
  function start(mine) {
    if (opening !== mine) return; // something else is being opened by now
    const { name, press, since } = mine, button = press && document.getElementById(press);
    const ready = seen?.options.name === name && inView(seen);
    if (ready && (!press || button)) {
      if (mine.runs.length > mine.beside) seen.compare((comparison) => comparison.clear());
      const kept = stepwise.keptRun(mine.run);
      if (kept) mine.press = "kept";
      Object.assign(mine, { before: seen.run.id, begun: true });
      if (kept) stepwise.openFile(kept);
      else if (press) button.click();
      else setTimeout(() => { if (opening === mine) found(seen); }, PAUSE);
    } else if (performance.now() - since < PATIENCE) {
      requestAnimationFrame(() => start(mine));
    } else {
      end();
    }
  }

  // While the last run goes on: its frame may be there now; the others are pinned once they have
  // ended. The run of a link may be the second of two.
  function follow(player) {
    const { press, begun, frame, runs } = opening, { run } = player;
    if (!begun || !press || runs.length > 1 || !arrived(player)) return;
    // The last frame that is there would be followed by the next ones.
    if (run.status !== "running" || (frame && frame < run.count)) found(player);
  }

  function arrived(player) {
    const { run } = player, asked = new URLSearchParams(opening.run).toString();
    return !run.waiting && run.id !== opening.before && runOf(player).toString() === asked;
  }

  function found(player) {
    const { runs, beside, query, frame } = opening ?? {};
    if (runs?.length > 1) {
      player.pin();
      runs.shift();
      return send();
    }
    if (beside) player.compareAs(compared(query));
    if (frame) player.seekIn(player.run, Math.min(frame, player.run.count) - 1);
    if (opening) end();
  }

  // How an address compares; of what it cannot mean, nothing.
  function compared(query) {
    const align = ALIGNS.includes(query.get("align")) ? query.get("align") : "level";
    const look = words.has(query.get("look")) ? [query.get("look")] : null;
    return { align, panel: query.get("panel"), look };
  }

  // Another run of the same link would be longer, or would need what the page has forgotten.
  function keep(name) {
    const { run, options } = seen ?? {};
    if (options?.name !== name || !run.head.link) return;
    if (run.status === "stopped" || run.head.link.lost) stepwise.keepRun(run, name);
  }

  function ended(name) { // the run has ended, or could not begin
    const mine = opening;
    setTimeout(() => { // its last message may not have been drawn yet
      keep(name);
      if (!mine?.begun || mine.name !== name || opening !== mine) return;
      if (arrived(seen)) found(seen);
      else end();
    }, PAUSE);
  }

  function end() { // what is on the stage now is what the address says
    opening = null;
    if (inView(seen)) write(seen, "replaceState");
  }

  // Back and forward: what is on the stage already needs no run.
  function back() {
    const query = spelled(current()), shown = without(query, "frame");
    const player = stepwise.players().find((each) => without(queryOf(each), "frame") === shown);
    if (!player || opening) return open(query);
    const frame = Number(query.get("frame")) || (player.run.head.start ?? player.run.last) + 1;
    if (!inView(player)) tabOf(tabs[player.options.name])?.click();
    seen = player;
    player.seekIn(player.run, frame - 1);
  }

  window.addEventListener("popstate", back);
  document.addEventListener("click", (event) => { // a run that a page names is opened on it
    const link = event.target.closest?.("a.run-link");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(new URL(link.href).searchParams);
  });
  const asked = current();
  if (asked.has("tab")) {
    let first = true;
    changed(() => { // Gradio has laid out the page
      if (!first || !document.getElementById("link-open") || !seen) return;
      first = false;
      open(asked);
    });
    opening = { query: asked.toString(), since: performance.now() }; // nothing is written before
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, {
    address: { note, linkOf, ended },
    links: { open: { sent, got } },
  });
})();
