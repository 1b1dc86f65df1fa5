// A run as a file: saved here, since the page holds every frame, of a run that was stopped or
// recorded, too; opened by the server, which judges what comes from strangers. A file is a zip of
// tape.json and pictures, see core/tape_files.py, which writes and reads the same.
(() => {
  const { chooseFile, download, visible } = stepwise;
  const ENDING = /\.stepwise$/i, FORMAT = "stepwise", VERSION = 1, TAPE = "tape.json";
  const URI = /^data:image\/(png|jpeg);base64,(.*)$/s;
  const homes = { // the tab and the player of an event
    schedule: ["schedules", "schedule"],
    noise: ["forward", "noise"],
    sample: ["sampling", "sample"],
    invert: ["inversion", "invert"],
    edit: ["inversion", "invert"],
    strides: ["inversion", "invert"],
    experiment: ["experiments", "experiment"],
    train: ["training", "train"],
  };
  const DAY = 0x21; // 1 January 1980: the same run is the same file
  const PATIENCE = 10000; // milliseconds until a tab that was never open has its player, or a run

  // ---------------------------------------------------------- zip, every file stored as it is
  const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k += 1) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n;
  });

  function crc32(bytes) {
    let code = 0xffffffff;
    for (const byte of bytes) code = TABLE[(code ^ byte) & 255] ^ (code >>> 8);
    return (code ^ 0xffffffff) >>> 0;
  }

  function record(...fields) { // [bytes, value], the lowest byte first
    const values = fields.flatMap(([size, value]) => (
      Array.from({ length: size }, (_, k) => Math.floor(value / 256 ** k) % 256)));
    return Uint8Array.from(values);
  }

  // PKWARE, APPNOTE 6.3.10, 4.3.7, 4.3.12 and 4.3.16.
  function zip(files) {
    const parts = [], directory = [];
    let place = 0;
    for (const [name, bytes] of files) {
      const path = new TextEncoder().encode(name), size = bytes.length;
      const about = [[2, 20], [2, 0], [2, 0], [2, 0], [2, DAY], [4, crc32(bytes)], [4, size],
        [4, size], [2, path.length], [2, 0]];
      directory.push(
        record([4, 0x02014b50], [2, 20], ...about, [2, 0], [2, 0], [2, 0], [4, 0], [4, place]),
        path);
      parts.push(record([4, 0x04034b50], ...about), path, bytes);
      place += 30 + path.length + size;
    }
    const size = directory.reduce((sum, part) => sum + part.length, 0), count = files.size;
    const end = record([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size],
      [4, place], [2, 0]);
    return new Blob([...parts, ...directory, end], { type: "application/zip" });
  }

  // ---------------------------------------------------------- save
  function tapeFile({ head, frames }, more = {}) {
    const { run, status, file, refined, ...kept } = head, names = new Map(), pictures = new Map();
    const named = (picture) => {
      if (!names.has(picture)) {
        const [, kind, text] = URI.exec(picture), ending = kind === "png" ? "png" : "jpg";
        const name = `pictures/${String(names.size).padStart(5, "0")}.${ending}`;
        names.set(picture, name);
        pictures.set(name, Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
      }
      return names.get(picture);
    };
    const shown = frames.filter(Boolean).map(({ asked, ...frame }, i) => (
      { ...frame, i, pictures: frame.pictures.map(named) }));
    const tape = { format: FORMAT, version: VERSION, ...kept, ...more, frames: shown };
    const json = new TextEncoder().encode(JSON.stringify(tape));
    return zip(new Map([[TAPE, json], ...pictures]));
  }

  function fileName(name, settings = {}, ending = "stepwise") {
    const { kind, model, label, sampler, method, steps, seed, guidance } = settings;
    const parts = ["stepwise", name, kind, model, label, sampler ?? method,
      steps && `${steps}-steps`, seed !== undefined && `seed-${seed}`,
      guidance !== undefined && `guidance-${guidance}`].filter(Boolean);
    return `${parts.join("-").replace(/[^\w.-]+/g, "-").slice(0, 80)}.${ending}`;
  }

  // A file opens at the frame that the learner has chosen.
  const chosen = ({ moved, clock }, run) => (moved ? { start: clock.frameOf(run).i } : {});

  function saveRun(player) {
    const { taken: run, options } = player;
    download(tapeFile(run, chosen(player, run)), fileName(options.name, run.head.settings));
  }

  // Several runs, and how they are compared, as core/comparison_files.py reads them.
  async function comparisonFile(runs, about, more) {
    const head = { format: `${FORMAT} comparison`, version: VERSION, event: runs[0].head.event };
    const json = new TextEncoder().encode(JSON.stringify({ ...head, ...about }));
    const files = new Map([["comparison.json", json]]);
    for (const [k, run] of runs.entries()) {
      files.set(`runs/${k}.${FORMAT}`, new Uint8Array(await tapeFile(run, more(run)).arrayBuffer()));
    }
    return zip(files);
  }

  async function saveRuns(player) {
    const { comparison, run, clock, options } = player, runs = comparison.runs(run);
    const about = { align: clock.align, panel: comparison.key(run), look: comparison.look };
    const alike = Object.fromEntries(Object.entries(runs[0].head.settings ?? {}).filter(
      ([key, value]) => runs.every(({ head }) => head.settings?.[key] === value)));
    const file = await comparisonFile(runs, about, (each) => chosen(player, each));
    download(file, fileName(options.name, { ...alike, kind: apart(comparison, run) }));
  }

  // What is compared: "guidance-1-and-8", "ddim-and-ddpm".
  function apart(comparison, run) {
    const differing = comparison.differing(run).slice(0, 2).map(([key, values]) => {
      const texts = values.map((value) => value ?? "none").join("-and-");
      return values.every((value) => typeof value === "string") ? texts : `${key}-${texts}`;
    });
    return differing.join("-") || "comparison";
  }

  // ---------------------------------------------------------- open
  const inputOf = (name) => document.querySelector(`#open-${CSS.escape(name)} input[type=file]`);

  // What made the run, read from the first file of the zip; "" where that cannot be seen: the
  // server will say what is wrong with such a file, in the tab that is open.
  async function eventOf(file) {
    try {
      const head = new DataView(await file.slice(0, 30).arrayBuffer());
      const size = head.getUint32(18, true), start = 30 + head.getUint16(26, true);
      const part = file.slice(start, start + size);
      const deflated = head.getUint16(8, true) === 8;
      const stream = deflated && part.stream().pipeThrough(new DecompressionStream("deflate-raw"));
      return JSON.parse(await (stream ? new Response(stream) : part).text()).event ?? "";
    } catch {
      return "";
    }
  }

  async function home(event) { // the name of the player, once its tab is open
    const [tab, name] = homes[event] ?? [];
    if (!tab) return visible(".player")?.closest("[id^=player-]")?.id.replace("player-", "");
    visible(`[role=tab][data-tab-id="${tab}"]`)?.click();
    await found(() => inputOf(name));
    return name;
  }

  async function found(look) { // what it finds, once it does
    for (const since = Date.now(); Date.now() - since < PATIENCE && !look();) {
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
    return look();
  }

  async function openFile(file) {
    const input = inputOf(await home(await eventOf(file)));
    if (!input) return;
    const chosen = new DataTransfer();
    chosen.items.add(file);
    input.files = chosen.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // Of several each but the last is pinned: they stand beside each other, as they were dropped.
  async function openFiles([file, ...others]) {
    const before = new Set(stepwise.players().map(({ run }) => run.id));
    await openFile(file);
    if (!others.length) return;
    const player = await found(() => stepwise.players().find(
      ({ run }) => !before.has(run.id) && run.head?.status === "opened"));
    player?.pin();
    if (player) await openFiles(others);
  }

  const chooseRun = () => chooseFile(".stepwise", openFile);

  const carriesFile = (event) => event.dataTransfer?.types.includes("Files");
  const mayCarryRun = ({ dataTransfer }) => [...dataTransfer.items].some(
    ({ kind, type }) => kind === "file" && !type.startsWith("image/"));

  function invite(shown) { // where a run may be dropped: anywhere
    if (shown) document.body.dataset.drop = stepwise.words.say(["tape.drop", {}]);
    else delete document.body.dataset.drop;
  }

  document.addEventListener("dragover", (event) => { // or the browser would leave the page
    if (!carriesFile(event)) return;
    event.preventDefault();
    invite(mayCarryRun(event));
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => {
    if (!relatedTarget) invite(false); // it has left the page
  });
  document.addEventListener("drop", (event) => {
    invite(false);
    const files = [...(event.dataTransfer?.files ?? [])].filter(({ name }) => ENDING.test(name));
    if (!files.length) return;
    event.preventDefault();
    event.stopPropagation(); // no place for pictures may take it
    openFiles(files);
  }, true);

  // ---------------------------------------------------------- what a reload would lose
  // The last run that its link cannot bring back, for as long as this tab of the browser is open.
  const KEPT = "stepwise_run", LINE = "\n";

  async function keepRun(run, name) {
    const bytes = new Uint8Array(await tapeFile(run).arrayBuffer());
    const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    const kept = [run.head.link.query, fileName(name, run.head.settings), letters].join(LINE);
    try {
      sessionStorage.setItem(KEPT, kept);
    } catch { // it has no room, or is switched off: what was kept is another run's
    }
  }

  function keptRun(query) {
    let kept = "";
    try {
      kept = sessionStorage.getItem(KEPT) ?? "";
    } catch { // it is switched off
    }
    const [of, name, ...letters] = kept.split(LINE);
    if (!name || of !== query) return null;
    const bytes = Uint8Array.from(letters.join(LINE), (letter) => letter.charCodeAt(0));
    return new File([bytes], name);
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, {
    keepRun, keptRun, openFile, homes, saveRun, saveRuns, chooseRun, tapeFile, fileName, crc32,
  });
})();
