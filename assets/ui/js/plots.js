// Plots over the timeline: what was measured of every frame, under the same places as the track,
// the playhead on them. Drawn from the frames that are there: no request, live or recorded.
(() => {
  const { words, make, write } = stepwise;
  const SVG = "http://www.w3.org/2000/svg";
  const LOGARITHMIC = 20; // from this ratio of largest to smallest on, an axis is logarithmic
  const DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const X = { name: "xₜ", tone: "plain" }, X0 = { name: "x̂₀", tone: "signal" };
  const EPS = { name: "ε̂", tone: "noise" };

  // What can be plotted: lines by the name of their trace; `over` says what the axis below is.
  const PLOTS = {
    norms: { lines: [{ ...X, trace: "x" }, { ...X0, trace: "x0" }, { ...EPS, trace: "eps" }] },
    distance: { lines: [{ ...X0, trace: "distance_x0" }, { ...EPS, trace: "distance_eps" }] },
    cosine: { lines: [{ ...X0, trace: "cosine_x0" }, { ...EPS, trace: "cosine_eps" }] },
    spectrum: {
      spectral: true,
      lines: [{ ...X, trace: "spectrum_x" }, { ...X0, name: "α x̂₀", trace: "spectrum_x0" },
        { say: ["plots.floor"], tone: "floor", trace: "floor" }],
    },
  };

  const finite = (points) => points.filter(([, value]) => Number.isFinite(value));
  const complete = (run) => run.count > 1 && run.count === run.total && run.status !== "running";

  // What theory expects of the norms, once the finished picture is known.
  function expected({ traces, numbers }, trace, end) {
    const { alpha, sigma } = numbers;
    if (trace === "x") return Math.sqrt((alpha * end.x) ** 2 + traces.floor);
    if (!(trace in traces)) return NaN;
    return trace === "x0" ? end.x : Math.sqrt(traces.floor) / sigma;
  }

  // The lines of a plot, each with its points (place, value), dashed ones after the others.
  function linesOf(plot, run, frame) {
    if (plot.spectral) return plot.lines.map((line) => ({ ...line, points: spectrum(frame, line) }));
    const frames = run.frames.filter((each) => each?.traces);
    const lines = plot.lines.map((line) => ({
      ...line, points: finite(frames.map(({ pos, traces }) => [pos, traces[line.trace]])),
    }));
    if (plot !== PLOTS.norms || !complete(run)) return lines;
    const end = frames.at(-1).traces;
    return [...lines, ...plot.lines.map((line) => ({
      ...line,
      dashed: true,
      points: finite(frames.map((each) => [each.pos, expected(each, line.trace, end)])),
    }))];
  }

  function spectrum({ traces }, { trace }) {
    const last = traces.spectrum_x.length - 1, value = traces[trace];
    const powers = Array.isArray(value) ? value : traces.spectrum_x.map(() => value);
    return finite(powers.map((power, k) => [k / last, power]));
  }

  // The axis of some values: its ends, its ticks, and where a value lies on it, 0 below, 1 above.
  function axisOf(values, spectral) {
    const positive = values.filter((value) => value > 0);
    const low = Math.min(...positive), high = Math.max(...positive, low * 1.01);
    const logarithmic = spectral || high / low > LOGARITHMIC;
    return logarithmic && positive.length ? decades(low, high) : linear(values);
  }

  function decades(low, high) {
    const first = Math.floor(Math.log10(low)), last = Math.max(first + 1, Math.ceil(Math.log10(high)));
    const every = Math.ceil((last - first) / 4), ticks = [];
    for (let power = first; power <= last; power += every) {
      const sign = power < 0 ? "⁻" : "", digits = [...String(Math.abs(power))];
      ticks.push([10 ** power, `10${sign}${digits.map((digit) => DIGITS[digit]).join("")}`]);
    }
    const at = (value) => (value > 0 ? (Math.log10(value) - first) / (last - first) : NaN);
    return { at, ticks, logarithmic: true };
  }

  function linear(values) {
    const most = Math.max(...values), least = Math.min(...values);
    const low = least > 0.4 * most ? least : Math.min(0, least);
    const raw = Math.max((most - low) / 3, 1e-6), power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((each) => each >= raw);
    const first = Math.floor(low / step + 1e-9), last = Math.max(first + 1, Math.ceil(most / step - 1e-9));
    const ticks = [];
    for (let k = first; k <= last; k += 1) ticks.push([k * step, words.short(k * step)]);
    const at = (value) => (value / step - first) / (last - first);
    return { at, ticks, logarithmic: false };
  }

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
      const seen = run.frames.filter((frame) => frame?.traces);
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
      return run.frames.filter((each) => each?.traces?.spectrum_x).flatMap((each) => (
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
      const { run, name } = this, unfinished = plot === PLOTS.norms && !complete(run);
      const [left, right] = (run.head.ends ?? ["", ""]).map((end) => words.say(end));
      const finest = this.frame.traces.spectrum_x?.length;
      write(this.find(".plot-below"), words.say(plot.spectral
        ? ["plots.frequency", { finest }] : ["plots.axis", { left, right }]));
      write(this.find(".plots-info"), words.say([unfinished ? "plots.norms.running" : `plots.${name}.info`]));
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
      this.find(".plot-dots").replaceChildren(...(plot.spectral ? [] : solid).flatMap((line, k) => {
        const height = this.axis.at(shown[k]);
        if (!Number.isFinite(height)) return [];
        const dot = make("span", `plot-dot ${line.tone}`);
        dot.style.setProperty("--height", height);
        return [dot];
      }));
      this.drawLegend(solid.map((line, k) => this.legend(line, shown[k], plot)));
    }

    valueOf({ trace }) {
      const value = this.frame.traces[trace];
      return typeof value === "number" ? value : NaN;
    }

    legend({ name, say, tone, trace }, value, plot) {
      const dashed = this.lines.some((line) => line.dashed);
      const wanted = dashed ? expected(this.frame, trace, this.run.frames.at(-1).traces) : NaN;
      const parts = [say ? words.say(say) : name];
      if (Number.isFinite(value) && (!plot.spectral || trace === "floor")) parts.push(words.short(value));
      if (Number.isFinite(wanted)) parts.push(words.say(["plots.expected", { value: wanted }]));
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
      this.find(".plot").setAttribute("aria-label", words.say(["plots.label", { name: titled, values }]));
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Plots });
})();
