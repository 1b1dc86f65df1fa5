// Plots over the timeline: what was measured of every frame, under the same places as the track,
// the playhead on them. Drawn from the frames that are there: no request, live or recorded.
(() => {
  const { words, make, write } = stepwise;
  const { PLOTS, traced, complete, expected, spectrum, linesOf, axisOf } = stepwise;
  const SVG = "http://www.w3.org/2000/svg";

  class Plots {
    constructor(root) {
      this.root = root;
      this.run = this.frame = null;
      this.lines = [];
      this.axis = null;
      this.button.onclick = () => this.toggle();
      this.choice.onchange = () => this.redraw();
    }

    find(selector) {
      return this.root.querySelector(selector);
    }

    get button() {
      return this.find(".plots-button");
    }

    get choice() {
      return this.find(".plots-choice");
    }

    get open() {
      return !this.find(".plots").hidden;
    }

    toggle(open = !this.open) {
      this.find(".plots").hidden = !open;
      this.button.setAttribute("aria-expanded", open);
      this.redraw();
    }

    // -------------------------------------------------------- when a message came
    update(run) {
      this.run = run;
      const seen = traced(run);
      const known = Object.keys(PLOTS).filter((name) => (
        seen.some(({ traces }) => PLOTS[name].lines[0].trace in traces)));
      this.button.hidden = !known.length;
      if (!known.length && this.open) this.toggle(false);
      this.offer(known);
      this.redraw();
    }

    offer(known) {
      const key = JSON.stringify([known, words.language]), { value } = this.choice;
      if (this.offered === key) return;
      this.offered = key;
      this.choice.replaceChildren(...known.map((name) => {
        const option = make("option", "", words.say([`plots.${name}`]));
        option.value = name;
        return option;
      }));
      if (known.includes(value)) this.choice.value = value;
    }

    get name() {
      return this.choice.value;
    }

    redraw() {
      const plot = PLOTS[this.name], { run, frame } = this;
      if (!this.open || !plot || !run?.count || !frame?.traces) return;
      this.lines = linesOf(plot, run, frame);
      const values = this.lines.flatMap(({ points }) => points.map(([, value]) => value));
      this.axis = axisOf(this.valuesOver(plot, run) ?? values, plot.spectral);
      this.drawLines();
      this.drawTicks();
      this.drawTexts(plot);
      this.drawFrame(plot);
    }

    // The axis of a spectrum stays the same from frame to frame.
    valuesOver(plot, run) {
      if (!plot.spectral) return null;
      return traced(run).flatMap((each) => (
        plot.lines.flatMap((line) => spectrum(each, line).map(([, value]) => value))));
    }

    drawLines() {
      this.find(".plot-lines").replaceChildren(...this.lines.map(({ tone, dashed, points }) => {
        const path = document.createElementNS(SVG, "path");
        const places = points.map(([x, value]) => [1000 * x, 100 - 100 * this.axis.at(value)]);
        const drawn = places.filter(([, y]) => Number.isFinite(y)).map((place) => place.join());
        path.setAttribute("d", drawn.length ? `M${drawn.join("L")}` : "");
        path.setAttribute("class", dashed ? `${tone} dashed` : tone);
        return path;
      }));
    }

    drawTicks() {
      const { ticks, at } = this.axis;
      this.find(".plot-grid").setAttribute(
        "d", ticks.map(([value]) => `M0,${100 - 100 * at(value)}h1000`).join(""));
      this.find(".plot-ticks").replaceChildren(...ticks.map(([value, text]) => {
        const tick = make("span", "plot-tick", text);
        tick.style.setProperty("--height", at(value));
        return tick;
      }));
    }

    drawTexts(plot) {
      const { run, name } = this, early = plot === PLOTS.norms && !complete(run);
      const [left, right] = (run.head.ends ?? ["", ""]).map((end) => words.say(end));
      const finest = this.frame.traces.spectrum_x?.length;
      write(this.find(".plot-below"), words.say(plot.spectral
        ? ["plots.frequency", { finest }] : ["plots.axis", { left, right }]));
      const info = early ? "plots.norms.running" : `plots.${name}.info`;
      write(this.find(".plots-info"), words.say([info]));
      this.find(".plot").dataset.spectral = Boolean(plot.spectral);
    }

    // -------------------------------------------------------- when the clock moved
    draw(run, frame) {
      const moved = frame !== this.frame;
      this.frame = frame;
      if (!this.open || !frame?.traces || !moved) return;
      if (PLOTS[this.name]?.spectral || !this.axis) this.redraw();
      else this.drawFrame(PLOTS[this.name]);
    }

    // The playhead, a dot on every line, and the values there beside the names of the lines.
    drawFrame(plot) {
      const { frame } = this;
      this.find(".plot").style.setProperty("--at", frame.pos);
      const solid = this.lines.filter((line) => !line.dashed);
      const shown = solid.map((line) => this.valueOf(line));
      this.drawDots(plot.spectral ? [] : solid, shown);
      this.drawLegend(solid.map((line, k) => this.legend(line, shown[k])));
    }

    drawDots(lines, values) {
      this.find(".plot-dots").replaceChildren(...lines.flatMap(({ tone }, k) => {
        const height = this.axis.at(values[k]);
        if (!Number.isFinite(height)) return [];
        const dot = make("span", `plot-dot ${tone}`);
        dot.style.setProperty("--height", height);
        return [dot];
      }));
    }

    valueOf({ trace }) {
      const value = this.frame.traces[trace];
      return typeof value === "number" ? value : NaN;
    }

    legend({ name, say, tone, trace }, value) {
      const dashed = this.lines.some((line) => line.dashed);
      const theory = dashed ? expected(this.frame, trace, traced(this.run).at(-1).traces) : NaN;
      const parts = [say ? words.say(say) : name];
      if (Number.isFinite(value)) parts.push(words.short(value));
      if (Number.isFinite(theory)) parts.push(words.say(["plots.dashed", { value: theory }]));
      return { tone, text: parts.join(" ") };
    }

    drawLegend(entries) {
      const list = this.find(".plot-legend");
      while (list.children.length > entries.length) list.lastChild.remove();
      while (list.children.length < entries.length) list.append(make("li", ""));
      entries.forEach(({ tone, text }, k) => {
        list.children[k].className = tone;
        write(list.children[k], text);
      });
      const name = words.say([`plots.${this.name}`]);
      const titled = this.axis.logarithmic ? words.say(["plots.logarithmic", { name }]) : name;
      const values = entries.map(({ text }) => text).join(", ");
      const label = words.say(["plots.label", { name: titled, values }]);
      this.find(".plot").setAttribute("aria-label", label);
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Plots });
})();
