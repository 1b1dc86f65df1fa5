// The timeline: track and filmstrip of a run at a clock. A thumbnail stands under the tick of its
// frame; a run that passes the track several times has a row of thumbnails for each pass.
(() => {
  const { words, make, write, sentence } = stepwise;
  const SVG = "http://www.w3.org/2000/svg";
  const SIZES = [48, 36, 28]; // pixels of a thumbnail, by the number of rows
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
  function thumbnails({ panels, strip }, frames) {
    const symbol = panels[strip ?? 0]?.symbol, same = frames.every((frame) => frame.thumb == null);
    return symbol && same ? ["player.thumbs", { symbol }] : "";
  }

  class Timeline {
    constructor(root, { seek }) {
      this.root = root;
      this.seek = seek;
      this.room = 0;      // pixels between the two ends of the rail
      this.run = null;
      this.rows = [];     // passes of the run, as they are shown
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
      if (this.run) this.drawStrip(this.run);
      this.drawCurrent();
    }

    dragTo(event) {
      if (!this.run?.count) return;
      const box = this.find(".rail").getBoundingClientRect();
      const place = this.run.nearest((event.clientX - box.left) / box.width, this.frame.i);
      if (place !== this.frame.i) this.seek(place);
    }

    // -------------------------------------------------------- when a message came
    update(run) {
      this.run = run;
      this.drawCurves(run.head.curve || []);
      this.find(".ticks").setAttribute("d", marks(run.head.ticks || []));
      const visited = run.frames.filter(Boolean).map((frame) => frame.pos);
      this.find(".ticks-visited").setAttribute("d", marks(visited));
      const strength = Math.min(1, 200 / (run.total || 1));
      this.find(".rail-drawing").style.setProperty("--tick", strength);
      this.label(run);
      this.drawStrip(run);
      this.plots.update(run);
    }

    label({ head, frames }) {
      const [left, right] = (head.ends ?? ["", ""]).map((end) => words.say(end));
      const axis = [words.say(head.axis_name), words.say(thumbnails(head, frames))];
      const texts = {
        left, right, axis: axis.filter(Boolean).join(" · "), curve: words.say(head.curve_name),
      };
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

    drawStrip(run) {
      const strip = this.find(".filmstrip"), passes = run.passes();
      this.rows = passes.length > SIZES.length ? [run.frames.filter(Boolean)] : passes;
      const size = SIZES[Math.max(1, this.rows.length) - 1], room = this.room || 720;
      const complete = run.status !== "running";
      const frames = this.rows.flatMap((pass, row) => (
        chosen(pass, room, size, complete || row < this.rows.length - 1)
          .map((frame) => [frame, row])));
      const { style } = this.find(".strip");
      style.setProperty("--thumb", `${size}px`);
      style.setProperty("--rows", Math.max(1, this.rows.length));
      frames.forEach(([frame, row], k) => {
        const thumb = strip.children[k] || strip.appendChild(this.buildThumb());
        this.drawThumb(thumb, frame, row, run.head.strip ?? 0);
      });
      while (strip.children.length > frames.length) strip.lastChild.remove();
    }

    buildThumb() {
      const thumb = make("button", "thumb", make("img", ""), make("span", "thumb-approx", "≈"));
      thumb.firstChild.alt = "";
      thumb.lastChild.setAttribute("aria-hidden", "true");
      thumb.type = "button";
      thumb.tabIndex = -1; // one thumbnail is a tab stop: the current one
      thumb.addEventListener("click", () => this.seek(thumb.frame.i));
      return thumb;
    }

    drawThumb(thumb, frame, row, strip) {
      const panel = frame.thumb ?? strip, source = frame.pictures[panel] ?? "";
      const approx = (frame.approx || []).includes(panel);
      const name = words.say(["player.frame", { number: frame.i + 1 }]);
      const label = approx ? `${name}, ${words.say(["player.approximate"])}` : name;
      thumb.frame = frame;
      if (thumb.source !== source) thumb.firstChild.src = thumb.source = source;
      if (thumb.getAttribute("aria-label") !== label) thumb.setAttribute("aria-label", label);
      thumb.dataset.approx = approx;
      thumb.style.setProperty("--at", frame.pos);
      thumb.style.setProperty("--row", row);
    }

    // -------------------------------------------------------- when the clock moved
    draw(run, frame) {
      this.run = run;
      this.frame = frame;
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
      const { frame } = this, strip = this.find(".filmstrip"), now = this.find(".thumb-now");
      now.hidden = !frame;
      if (!frame) return;
      const row = Math.max(0, this.rows.findLastIndex((pass) => pass[0].i <= frame.i));
      const thumbs = [...strip.children];
      const current = thumbs.findLast((thumb) => thumb.frame.i <= frame.i) ?? thumbs[0];
      const source = frame.pictures[frame.thumb ?? this.run.head.strip ?? 0];
      if (now.source !== source) now.firstChild.src = now.source = source ?? "";
      now.style.setProperty("--at", frame.pos);
      now.style.setProperty("--row", row);
      now.dataset.between = current?.frame.i !== frame.i;
      this.markCurrent(strip.querySelector("[aria-current]"), current);
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
