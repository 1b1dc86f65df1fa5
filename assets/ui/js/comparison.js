// Runs that are compared: those that were pinned and the one on the stage, under one clock. What
// they differ in, which frame of each is shown, and what the stage shows instead of one run. No
// DOM; the pictures' difference is asked of `differences`.
(() => {
  const MOST = 4;           // runs side by side
  const LETTERS = "ABCD", TONES = ["first", "second", "third", "fourth"];
  const APART = 0.05;       // RMS distance of two pictures, of black to white, that is seen well
  const LONG = 48;          // characters of a setting in a caption
  const MOST_NAMED = 2;     // settings in a title

  // A setting as a Say: its words where it has some.
  function said(words, key, value) {
    const option = `${key}.option.${value}`;
    if (words.has(option)) return [option];
    if (typeof value === "boolean") return [value ? "pinned.yes" : "pinned.no"];
    if (value === null || value === undefined || value === "") return ["pinned.none"];
    const text = typeof value === "number" ? value : String(value);
    return ["{text}", { text: text.length > LONG ? `${text.slice(0, LONG)}…` : text }];
  }

  const known = (difference) => difference?.rms !== undefined;
  const distance = (difference) => (
    known(difference) ? [["pinned.rms", { rms: difference.rms }]] : []);
  const several = (runs, difference) => (
    runs.length > 2 && known(difference) ? [["pinned.rms.short", { rms: difference.rms }]] : []);

  class Comparison {
    constructor(words, differences) {
      this.words = words;
      this.differences = differences;
      this.clear();
    }

    clear() {
      this.pinned = [];
      this.made = false;     // in one go, not by hand: the next run that is none of it ends it
      this.panel = null;     // the key of the panel that is compared
      this.alone = null;     // the place of the one run that is shown by itself
      this.look = null;      // what to look at, as a Say
      this.known = null;     // where the runs part, once it was found
    }

    pin(run) {
      if (!this.takes(run)) return;
      this.pinned.push(Object.assign(new stepwise.Run(), run)); // its frames stay as they are
    }

    pinByHand(run) {
      this.pin(run);
      Object.assign(this, { made: false, look: null });
    }

    has(run) {
      return this.pinned.some(({ id }) => id === run.id);
    }

    takes(run) {
      const finished = run.count > 0 && run.status !== "running";
      return finished && !this.has(run) && this.pinned.length < MOST - 1;
    }

    // A message may belong to a comparison that is made in one go: what stood there before is let
    // go with its first run, and pinned with each other one. True where it begins a run of one.
    prepare(message, onStage) {
      const { run, compare, status } = message;
      if (run === onStage.id || status === "waiting" || onStage.isLate(message)) return false;
      if (this.made && compare?.place !== 0 && compare?.before !== onStage.id) this.clear();
      if (!compare) return false;
      if (compare.place === 0) this.clear();
      else this.pin(Object.assign(new stepwise.Run(), onStage, { status: "done" }));
      Object.assign(this, { made: true, panel: compare.panel, look: compare.look });
      return true;
    }

    show(place, run) {
      if (place >= this.runs(run).length) return;
      this.alone = this.alone === place ? null : place;
    }

    // The run that is meant where one is: the one that is shown alone, or the newest.
    chosen(run) {
      return this.alone === null ? run : this.runs(run)[this.alone];
    }

    // What the filmstrip shows: for each run its letter and the panel of its thumbnails.
    rows(run) {
      if (!this.active(run)) return null;
      const key = this.key(run);
      return this.runs(run).map((each, k) => (
        { run: each, letter: LETTERS[k], panel: each.place(key) }));
    }

    unpin(place) {
      this.pinned.splice(place, 1);
      this.alone = null;
    }

    // All runs, the one on the stage last; its own copy is not another run.
    runs(run) {
      return this.has(run) || !run.count ? this.pinned : [...this.pinned, run];
    }

    active(run) {
      return this.runs(run).length > 1;
    }

    // The run whose frames the clock counts: the running one, then the one that goes on longest.
    leading(run, align) {
      if (!this.active(run) || run.status === "running") return run;
      const length = (each) => (align === "calls" ? each.calls(each.last) : 0);
      return this.runs(run).reduce((best, each) => (
        length(each) - length(best) || each.count - best.count) > 0 ? each : best);
    }

    // The panels that all runs have, from left to right.
    panels(run) {
      const [first, ...others] = this.runs(run).map(({ head }) => head.panels);
      return first.filter(({ key }) => others.every((panels) => panels.some((p) => p.key === key)));
    }

    key(run) {
      const keys = this.panels(run).map(({ key }) => key);
      const strip = run.head.panels[run.head.strip ?? 0]?.key;
      return [this.panel, strip, keys[0]].find((key) => keys.includes(key));
    }

    // The settings in which the runs differ, in the order of the newest; for each run a value.
    differing(run) {
      const settings = this.runs(run).map(({ head }) => head.settings ?? {});
      const keys = [...new Set([...settings].reverse().flatMap(Object.keys))];
      const texts = (key) => settings.map((each) => JSON.stringify(each[key]));
      return keys.filter((key) => new Set(texts(key)).size > 1)
        .map((key) => [key, settings.map((each) => each[key])]);
    }

    // What only this run was asked for; a value that is a word needs no name.
    caption(run, k) {
      const parts = this.differing(run).map(([key, values]) => {
        const value = said(this.words, key, values[k]);
        const named = Number.isNaN(parseFloat(values[k]));
        if (named && typeof values[k] === "string") return ["pinned.word", { value }];
        return ["pinned.setting", { name: this.named(key), value }];
      });
      return parts.length ? parts : [["pinned.same"]];
    }

    // ---------------------------------------------------------- what the stage shows
    // One picture of each run at the clock's place; of two runs their difference, too.
    view(run, clock) {
      if (!this.active(run)) return { run, frame: clock.frame };
      const runs = this.runs(run), shown = runs.map((each) => clock.frameOf(each));
      if (this.alone !== null) return { run: runs[this.alone], frame: shown[this.alone] };
      const key = this.key(run), places = runs.map((each) => each.place(key));
      const sources = shown.map((frame, k) => frame.pictures[places[k]]);
      const { pictures, differences } = this.measured(sources);
      const panels = runs.map((each, k) => ({
        symbol: LETTERS[k], phone: true, tone: TONES[k],
        title: [...this.caption(run, k), ["pinned.at", { number: shown[k].i + 1,
          count: each.count }], ...several(runs, differences[k - 1])],
      }));
      if (runs.length === 2) panels.push(this.differencePanel(differences[0]));
      const approx = shown.flatMap((frame, k) => (
        (frame.approx ?? []).includes(places[k]) ? [k] : []));
      return {
        run: { id: `compared ${runs.map(({ id }) => id)}`, head: { panels,
          title: this.look ?? this.title(run, places) } },
        frame: { ...clock.frame, pictures, approx, doubts: [], numbers: {},
          say: runs.length > 2 ? ["pinned.rms.several"]
            : [...distance(differences[0]), ...this.parted(runs, places, clock)] },
      };
    }

    // Of few settings each with its values; of many, or none, the letters of the runs.
    title(run, places) {
      const runs = this.runs(run), differing = this.differing(run);
      const { symbol, title } = runs[0].head.panels[places[0]];
      const chain = (says, key) => says.reduceRight((rest, first) => [key, { first, rest }]);
      if (differing.length < 1 || differing.length > MOST_NAMED) {
        const letters = [...LETTERS.slice(0, runs.length)].join(", ");
        return ["pinned.title", { symbol, panel: title, what: letters }];
      }
      const named = differing.map(([key, values]) => ["pinned.values", {
        name: this.named(key),
        values: chain(values.map((value) => said(this.words, key, value)), "pinned.list") }]);
      return ["pinned.title", { symbol, panel: title, what: chain(named, "pinned.lists") }];
    }

    named(key) { // a setting, as its control is called
      const label = `${key}.label`;
      return this.words.has(label) ? [label] : key;
    }

    differencePanel(difference) {
      const title = difference?.refused ? difference.refused : ["pinned.difference"];
      return { symbol: "B − A", tone: "difference", phone: true, title };
    }

    // The first picture beside the others; of two, their difference in colours as a third.
    measured([first, ...others]) {
      const differences = others.map((other) => this.differences.of(first, other));
      const pictures = [first, ...others];
      if (others.length === 1) pictures.push(differences[0]?.picture ?? "");
      return { pictures, differences };
    }

    // Where two runs part: the first frame from which on their pictures are apart for good.
    parted(runs, places, clock) {
      const about = [clock.run.id, clock.align, places, ...runs.map(({ id, count }) => [id, count])];
      const key = JSON.stringify(about);
      if (this.known?.key !== key) {
        const found = this.parting(runs, places, clock);
        if (!found) return [];
        this.known = { key, found };
      }
      return this.known.found;
    }

    parting(runs, places, clock) {
      const led = clock.run, distances = [];
      for (const frame of led.frames.filter(Boolean)) {
        const [a, b] = runs.map((each, k) => clock.beside(each, frame).pictures[places[k]]);
        const found = this.differences.of(a, b);
        if (!known(found)) return null; // not all are measured yet, or none can be
        distances.push([frame, found.rms]);
      }
      const together = distances.findLastIndex(([, rms]) => rms <= APART);
      if (together === distances.length - 1) return [["pinned.together", { share: APART }]];
      if (together < 0) return [["pinned.apart", { share: APART }]];
      const [frame] = distances[together + 1];
      const letter = LETTERS[runs.findIndex(({ id }) => id === led.id)];
      const log = frame.numbers?.log_snr;
      return [["pinned.parted", { share: APART, letter, number: frame.i + 1 }],
        ...(log === undefined ? [] : [["pinned.parted.level", { log_snr: log }]])];
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Comparison, LETTERS });
})();
