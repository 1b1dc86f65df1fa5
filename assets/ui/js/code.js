// The code of a run: a dialog that shows what the server writes from the run's settings. The
// server answers once for all kinds of code; what it answered last is kept.
(() => {
  const { words, make, copyBy, download, dialogs } = stepwise, { button } = dialogs;
  const KINDS = ["core", "diffusers"];
  const PATIENCE = 15000; // milliseconds after which the server is taken for gone
  const state = { asked: "", kind: KINDS[0], answer: null, name: "" };
  let timer = 0;

  const dialogOf = () => document.querySelector("dialog.stepwise-code");

  function kinds() {
    const choose = (kind) => () => {
      state.kind = kind;
      draw();
      dialogOf().querySelector(".kinds [aria-pressed=true]").focus();
    };
    const group = make("div", "kinds", ...KINDS.map((kind) => {
      const made = button(kind, `code.${kind}`, choose(kind));
      made.setAttribute("aria-pressed", kind === state.kind);
      return made;
    }));
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", words.say(["code.kind"]));
    return group;
  }

  function content(written) {
    if (!written) return [make("p", "told", words.say([state.gone ? "code.gone" : "code.waiting"]))];
    if (written.refused) return [make("p", "told", words.say(written.refused))];
    const notes = [...written.notes, ["code.where"]];
    const pre = make("pre", "", make("code", "", written.code));
    pre.tabIndex = 0; // it scrolls by the keys
    pre.setAttribute("role", "region");
    pre.setAttribute("aria-label", words.say(["code.title"]));
    return [...notes.map((note) => make("p", "note", words.say(note))), pre];
  }

  function draw() {
    const dialog = dialogOf() ?? dialogs.dialog("stepwise-code"), written = state.answer?.[state.kind];
    const close = button("close", "code.close", () => dialog.close());
    const acts = written?.code ? [
      button("copy-code", "code.copy", (made) => copyBy(made, written.code)),
      button("notebook", "code.notebook", () => save(written.notebook)),
    ] : [];
    const told = make("div", "written", ...content(written));
    told.setAttribute("aria-live", "polite");
    dialog.replaceChildren(make("h2", "", words.say(["code.title"])), kinds(), told,
      make("div", "acts", ...acts, close));
    dialog.setAttribute("aria-label", words.say(["code.title"]));
    return dialog;
  }

  function save(text) {
    const blob = new Blob([text], { type: "application/x-ipynb+json" });
    download(blob, `stepwise-${state.name}-${state.kind}.ipynb`);
  }

  function show({ head }, name) {
    const { event, settings } = head;
    const asked = JSON.stringify({ event, settings, language: words.language });
    if (asked !== state.asked || !state.answer) ask(asked);
    state.name = `${name}-${settings.model ?? event}`.replace(/[^\w.-]+/g, "-");
    dialogs.open(draw());
  }

  function ask(asked) {
    Object.assign(state, { asked, answer: null, gone: false });
    clearTimeout(timer);
    timer = setTimeout(() => { state.gone = true; draw(); }, PATIENCE);
    document.getElementById("ask-code")?.click();
  }

  function arrived(text) {
    const answer = text ? JSON.parse(text) : {};
    if (answer.asked !== state.asked) return; // of a run that was asked for before
    clearTimeout(timer);
    state.answer = answer;
    draw();
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, {
    showCode: show, codeAsked: () => state.asked, codeArrived: arrived });
})();
