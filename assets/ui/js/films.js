// The dialog that makes a file of the run on the stage. The server draws it, of the run as a file:
// nothing but what the page sends is in it. See demos/ui/exports.py.
(() => {
  const { words, make, dialogs } = stepwise, { told, button } = dialogs;
  const FILMS = ["gif", "webp", "mp4"];
  const API = () => `${window.gradio_config?.root ?? ""}/gradio_api`;
  let fields = {};      // what can be asked for, by name: see `offered`
  let work = null;      // the file that is made: { of, sent, asked, name, settings }
  let count = 0;

  // ---------------------------------------------------------- the dialog
  const dialog = () => document.querySelector("dialog.stepwise-export");
  const find = (selector) => dialog().querySelector(selector);

  function line(name, control) {
    control.name = name;
    return make("label", `export-${name}`, told("", [`export.${name}.label`]), control);
  }

  function option(value, said) {
    const node = told("", said, "option");
    node.value = value;
    return node;
  }

  function choice(name) {
    const select = make("select", "");
    select.append(...fields[name].options.map(
      (each) => option(each, [`export.${name}.option.${each}`])));
    select.value = fields[name].default;
    return line(name, select);
  }

  function number(name, step) {
    const input = make("input", "");
    const { low: min, high: max, default: value } = fields[name];
    Object.assign(input, { type: "number", min, max, step, value, required: true });
    return line(name, input);
  }

  function build() {
    const node = dialogs.dialog("stepwise-keys stepwise-export");
    const form = make("form", "", choice("format"), line("panel", make("select", "")),
      number("rate", 1), number("first", 0.1), number("last", 0.1));
    const status = make("p", "export-status"), notes = make("p", "export-notes");
    status.setAttribute("role", "status");
    node.append(told("", ["export.title"], "h2"), told("", ["export.lead"], "p"), form,
      told("export-chart", ["export.chart"], "p"), make("progress", ""), status, notes,
      make("div", "export-acts", button("export-make", "export.make", () => begin()),
        button("export-stop", "button.stop", stop), button("export-close", "export.close",
          () => node.close())));
    node.dataset.sayAriaLabel = '["export.title"]';
    form.onsubmit = (event) => { event.preventDefault(); begin(); };
    form.onchange = show;
    return node;
  }

  // Rate and holds are of films alone; what is made can be stopped.
  function show() {
    const kind = find("[name=format]").value, film = FILMS.includes(kind);
    for (const name of ["rate", "first", "last"]) find(`.export-${name}`).hidden = !film;
    find(".export-panel").hidden = kind === "table";
    find(".export-chart").hidden = kind === "table" || !dialog().run?.head.chart;
    find(".export-make").disabled = Boolean(work);
    find(".export-stop").disabled = !work;
    find("progress").hidden = !work;
  }

  function say(said, notes = []) {
    find(".export-status").dataset.say = JSON.stringify(said);
    find(".export-notes").dataset.say = JSON.stringify(notes);
  }

  function exportRun(run, name) {
    const node = dialog() ?? build(), select = find("[name=panel]"), before = select.value;
    node.run = run;
    node.player = name;
    const options = run.head.panels.map(
      ({ key, symbol, title }) => option(key ?? "", [symbol, title]));
    select.replaceChildren(option("", ["export.panel.all"]), ...options);
    select.value = options.some(({ value }) => value === before) ? before : "";
    if (!work) say("");
    show();
    dialogs.open(node);
  }

  // ---------------------------------------------------------- one file at a time
  async function begin() {
    const form = find("form");
    if (work || !form.reportValidity()) return;
    const { run, player } = dialog(), settings = run.head.settings ?? {};
    const asked = Object.fromEntries(new FormData(form));
    for (const name of ["rate", "first", "last"]) asked[name] = Number(asked[name]);
    count += 1;
    const mine = { of: `${Date.now()}-${count}`, player, settings };
    work = mine;
    mine.asked = JSON.stringify({ ...asked, language: words.language, of: mine.of });
    find("progress").removeAttribute("value");
    say(["export.sending"]);
    show();
    try {
      mine.sent = await upload(stepwise.tapeFile(run));
    } catch (error) {
      if (work === mine) end(error.say ?? ["export.failed"]);
      return;
    }
    if (work === mine) document.getElementById("export-make").click();
  }

  async function upload(blob) { // as Gradio sends files; what is refused has a sentence
    const body = new FormData();
    body.append("files", blob, "run.stepwise");
    const answer = await fetch(`${API()}/upload`, { method: "POST", body });
    const found = await answer.json();
    if (!answer.ok) throw Object.assign(new Error("refused"), { say: found.detail });
    return { path: found[0], orig_name: "run.stepwise", meta: { _type: "gradio.FileData" } };
  }

  function report({ of, done, total, refused, file, ...made }) {
    if (!work || of !== work.of) return; // of a file that was stopped
    if (refused) end(refused);
    else if (file) save(`${API()}/file=${file}`, made);
    else {
      Object.assign(find("progress"), { max: total, value: done });
      say(["export.progress", { done, total }]);
    }
  }

  async function save(address, { ending, megabytes: size, notes }) {
    const mine = work, file = stepwise.fileName(mine.player, mine.settings, ending);
    const answer = await fetch(address).catch(() => null);
    const content = answer?.ok ? await answer.blob() : null;
    if (work !== mine) return;
    if (!content) return end(["export.failed"]);
    stepwise.download(content, file);
    end(["export.done", { file, size }], notes);
  }

  function end(said, notes) {
    work = null;
    say(said, notes);
    show();
  }

  function stop() {
    stepwise.cancel("export-make");
    end(["export.stopped"]);
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, {
    exportRun,
    exporter(props, watch, offered) {
      fields = offered;
      watch("value", () => props.value && report(JSON.parse(props.value)));
    },
    exporting: () => [work?.sent ?? null, work?.asked ?? ""],
    exportFailed: () => work && end(["export.failed"]),
  });
})();
