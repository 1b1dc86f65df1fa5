// The timeline: track and filmstrip of a run at a clock. A thumbnail stands under the tick of its
// frame; a run that passes the track several times has a row of thumbnails for each pass.
(() => {
  const { words, make, write, sentence } = stepwise;
  const SVG = "http://www.w3.org/2000/svg";
  const SIZES = [48, 36, 28, 22]; // pixels of a thumbnail, by the number of rows
  const PASSES = 3; // that have rows of their own
  const GAP = 2;

  const marks = (places) => places.map((x) => `M${x * 1000},100v-22`).join("");

  // As many frames of a pass as fit side by side; its last one is among them once it is there.
  function chosen(pass, room, size, complete) {
    const kept = [], far = (a, b) => Math.abs(a.pos - b.pos) * room >= size + GAP;
    for (const frame of complete ? [pass.at(-1), ...pass] : pass) {
      if (kept.every((other) => far(frame, other))) kept.push(frame);
    }
    return kept.sort((a, b) => a.i - b.i);
  }

  // What the filmstrip shows; each pass of a run that turns may show another panel.
  // Which way a run goes along the timeline; nothing where it turns.
  function way(frames) {
    const places = frames.filter(Boolean).map(({ pos }) => pos);
    const goes = (sign) => places.every((pos, k) => !k || sign * (pos - places[k - 1]) >= 0);
    if (new Set(places).size < 2) return "";
    return goes(-1) ? ["player.way.left"] : goes(1) ? ["player.way.right"] : "";
  }

  function thumbnails({ panels, strip }, frames, compared) {
    const symbol = panels[compared ?? strip ?? 0]?.symbol;
    const same = compared !== undefined || frames.every((frame) => frame.thumb == null);
    return symbol && same ? ["player.thumbs", { symbol }] : "";
  }

  class Timeline {
    constructor(root, { seek }) {
      this.root = root;
      this.seek = seek;
      this.room = 0;      // pixels between the two ends of the rail
      this.run = null;
      this.rows = [];     // what the filmstrip shows: { run, letter, frames, panel }
      this.compared = null;
      this.curves = "";
      this.plots = new stepwise.Plots(root);
      this.listen();
    }

    find(selector) {
      return this.root.querySelector(selector);
    }

    listen() {
      const track = this.find(".track");
      track.addEventListener("pointerdown", (event) => {
        track.setPointerCapture(event.pointerId);
        this.dragTo(event);
      });
      track.addEventListener("pointermove", (event) => {
        if (track.hasPointerCapture(event.pointerId)) this.dragTo(event);
      });
      new ResizeObserver(() => this.measure()).observe(this.find(".rail"));
    }

    measure() { // a tab that is left has no width: it keeps its thumbnails
      const room = this.find(".rail").clientWidth;
      if (!room || room === this.room) return;
      this.room = room;
      if (this.run) this.drawStrip();
      this.drawCurrent();
    }

    dragTo(event) {
      if (!this.run?.count) return;
      const box = this.find(".rail").getBoundingClientRect();
      const place = this.run.nearest((event.clientX - box.left) / box.width, this.frame.i);
      if (place !== this.frame.i) this.seek(this.run, place);
    }

    // -------------------------------------------------------- when a message came
    // `compared`: the runs whose thumbnails stand one row below the other; null for one run.
    update(run, compared = null) {
      this.run = run;
      this.compared = compared;
      this.drawCurves(run.head.curve || []);
      this.find(".ticks").setAttribute("d", marks(run.head.ticks || []));
      const visited = run.frames.filter(Boolean).map((frame) => frame.pos);
      this.find(".ticks-visited").setAttribute("d", marks(visited));
      const strength = Math.min(1, 200 / (run.total || 1));
      this.find(".rail-drawing").style.setProperty("--tick", strength);
      this.label(run);
      this.drawStrip();
      this.plots.update(run);
    }

    label({ head, frames }) {
      const compared = this.compared?.find(({ run }) => run === this.run)?.panel;
      const [left, right] = (head.ends ?? ["", ""]).map((end) => words.say(end));
      const axis = [words.say(way(frames)), words.say(head.axis_name)].filter(Boolean).join(" · ");
      const shown = words.say(thumbnails(head, frames, compared));
      const thumbs = axis && shown ? ` · ${shown}` : shown;
      const texts = { left, right, axis, thumbs, curve: words.say(head.curve_name) };
      for (const [name, text] of Object.entries(texts)) write(this.find(`.name-${name}`), text);
    }

    drawCurves(curve) {
      const key = JSON.stringify(curve);
      if (key === this.curves) return;
      this.curves = key;
      const several = curve.length && Array.isArray(curve[0][0]);
      const curves = several ? curve : curve.length ? [curve] : [];
      this.find(".curves").replaceChildren(...curves.map((points) => {
        const path = document.createElementNS(SVG, "path");
        const places = points.map(([x, y]) => `${x * 1000},${92 - 84 * y}`);
        path.setAttribute("d", `M${places.join("L")}`);
        return path;
      }));
    }

    // A row for each run that is compared, or for each pass of the one run.
    rowsNow() {
      if (this.compared) {
        return this.compared.map((row) => ({ ...row, frames: row.run.frames.filter(Boolean) }));
      }
      const { run } = this, passes = run.passes();
      const kept = passes.length > PASSES ? [run.frames.filter(Boolean)] : passes;
      return kept.map((frames) => ({ run, letter: "", frames, panel: null }));
    }

    drawStrip() {
      const strip = this.find(".filmstrip"), rows = this.rows = this.rowsNow();
      const size = SIZES[Math.max(1, rows.length) - 1], room = this.room || 720;
      const thumbs = rows.flatMap((row, k) => {
        const complete = row.run.status !== "running" || (!this.compared && k < rows.length - 1);
        return chosen(row.frames, room, size, complete).map((frame) => [row, frame, k]);
      });
      const { style } = this.find(".strip");
      style.setProperty("--thumb", `${size}px`);
      style.setProperty("--rows", Math.max(1, rows.length));
      thumbs.forEach(([row, frame, k], place) => {
        const thumb = strip.children[place] || strip.appendChild(this.buildThumb());
        this.drawThumb(thumb, row, frame, k);
      });
      while (strip.children.length > thumbs.length) strip.lastChild.remove();
      this.nameRows();
    }

    nameRows() {
      const names = this.rows.filter(({ letter }) => letter).map(({ letter }, k) => {
        const name = make("span", "row-name", letter);
        name.style.setProperty("--row", k);
        return name;
      });
      this.find(".row-names").replaceChildren(...names);
    }

    buildThumb() {
      const thumb = make("button", "thumb", make("img", ""), make("span", "thumb-approx", "≈"));
      thumb.firstChild.alt = "";
      thumb.lastChild.setAttribute("aria-hidden", "true");
      thumb.type = "button";
      thumb.tabIndex = -1; // one thumbnail is a tab stop: the current one
      thumb.addEventListener("click", () => this.seek(thumb.run, thumb.frame.i));
      return thumb;
    }

    drawThumb(thumb, { run, letter, panel: compared }, frame, row) {
      const panel = compared ?? frame.thumb ?? run.head.strip ?? 0;
      const source = frame.pictures[panel] ?? "";
      const approx = (frame.approx || []).includes(panel);
      const name = words.say(["player.frame", { number: frame.i + 1 }]);
      const label = [letter, name, approx && words.say(["player.approximate"])]
        .filter(Boolean).join(", ");
      thumb.run = run;
      thumb.frame = frame;
      if (thumb.source !== source) thumb.firstChild.src = thumb.source = source;
      if (thumb.getAttribute("aria-label") !== label) thumb.setAttribute("aria-label", label);
      thumb.dataset.approx = approx;
      thumb.style.setProperty("--at", frame.pos);
      thumb.style.setProperty("--row", row);
    }

    // -------------------------------------------------------- when the clock moved
    draw(clock) {
      const { run, frame } = clock;
      Object.assign(this, { run, frame, clock });
      this.plots.draw(run, frame);
      this.drawCount();
      if (!frame) return;
      const track = this.find(".track"), start = run.at(0).pos;
      this.find(".rail").style.setProperty("--at", frame.pos);
      this.find(".visited").style.left = `${Math.min(start, frame.pos) * 100}%`;
      this.find(".visited").style.width = `${Math.abs(start - frame.pos) * 100}%`;
      track.setAttribute("aria-valuemax", run.count);
      track.setAttribute("aria-valuenow", frame.i + 1);
      track.setAttribute("aria-valuetext", sentence(frame));
      this.drawCurrent();
    }

    drawCount() {
      const { run, frame } = this;
      write(this.find(".frame-count"), words.say(frame
        ? ["player.count", { number: frame.i + 1, count: run.count }] : ["player.none"]));
    }

    // The thumbnail of the frame, or the one before it in its row. Where the frame lies between
    // two of them, its own picture stands at its place as well.
    drawCurrent() {
      const { frame } = this, now = this.find(".thumb-now");
      now.hidden = !frame || Boolean(this.compared);
      if (!frame) return;
      const row = this.compared ? this.rows.findIndex(({ run }) => run === this.run)
        : Math.max(0, this.rows.findLastIndex(({ frames }) => frames[0].i <= frame.i));
      const thumbs = [...this.find(".filmstrip").children];
      const own = thumbs.filter((thumb) => thumb.run === this.run);
      const current = own.findLast((thumb) => thumb.frame.i <= frame.i) ?? own[0];
      const source = frame.pictures[frame.thumb ?? this.run.head.strip ?? 0];
      if (now.source !== source) now.firstChild.src = now.source = source ?? "";
      now.style.setProperty("--at", frame.pos);
      now.style.setProperty("--row", row);
      now.dataset.between = current?.frame.i !== frame.i;
      this.markCurrent(this.find(".filmstrip [aria-current]"), current);
      this.markBeside(thumbs);
    }

    // In the other rows: the frame that is shown beside the leading run's.
    markBeside(thumbs) {
      const shown = new Map((this.compared ?? []).map(({ run }) => [run, this.clock.frameOf(run)]));
      const last = new Map();
      for (const thumb of thumbs) {
        thumb.removeAttribute("data-beside");
        const frame = thumb.run !== this.run && shown.get(thumb.run);
        if (frame && (thumb.frame.i <= frame.i || !last.has(thumb.run))) last.set(thumb.run, thumb);
      }
      for (const thumb of last.values()) thumb.setAttribute("data-beside", "true");
    }

    markCurrent(before, current) {
      if (before === current || !current) return;
      if (before) {
        before.removeAttribute("aria-current");
        before.tabIndex = -1;
      }
      current.setAttribute("aria-current", "true");
      current.tabIndex = 0;
      if (document.activeElement === before) current.focus({ preventScroll: true });
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Timeline });
})();
