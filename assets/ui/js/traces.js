// What a run can be plotted as: lines made of the traces of its frames, and an axis for their values.
// No DOM.
(() => {
  const { words } = stepwise;
  const LOGARITHMIC = 20; // from this ratio of largest to smallest on, an axis is logarithmic
  const DECADES = 5; // of a logarithmic axis, at most: what is smaller lies below it
  const DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const X = { name: "xₜ", tone: "plain" }, X0 = { name: "x̂₀", tone: "signal" };
  const EPS = { name: "ε̂", tone: "noise" };

  // What can be plotted: lines by the name of their trace; the axis below is that of the timeline,
  // or the frequencies of one frame.
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
  const traced = (run) => run.frames.filter((frame) => frame?.traces);
  const complete = (run) => run.count > 1 && run.count === run.total && run.status !== "running";

  // What theory says of the norms, once the finished picture is known.
  function expected({ traces, numbers }, trace, end) {
    const { alpha, sigma } = numbers;
    if (trace === "x") return Math.sqrt((alpha * end.x) ** 2 + traces.floor);
    if (!(trace in traces)) return NaN;
    return trace === "x0" ? end.x : Math.sqrt(traces.floor) / sigma;
  }

  // The lines of a plot, each with its points (place, value), dashed ones after the others.
  function linesOf(plot, run, frame) {
    if (plot.spectral) {
      return plot.lines.map((line) => ({ ...line, points: spectrum(frame, line) }));
    }
    const frames = traced(run), end = frames.at(-1).traces;
    const lines = plot.lines.map((line) => ({
      ...line, points: finite(frames.map(({ pos, traces }) => [pos, traces[line.trace]])),
    }));
    if (plot !== PLOTS.norms || !complete(run)) return lines;
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
    const last = Math.ceil(Math.log10(high));
    const first = Math.max(last - DECADES, Math.min(last - 1, Math.floor(Math.log10(low))));
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
    const first = Math.floor(low / step + 1e-9), ticks = [];
    const last = Math.max(first + 1, Math.ceil(most / step - 1e-9));
    for (let k = first; k <= last; k += 1) ticks.push([k * step, words.short(k * step)]);
    const at = (value) => (value / step - first) / (last - first);
    return { at, ticks, logarithmic: false };
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, {
    PLOTS, traced, complete, expected, spectrum, linesOf, axisOf,
  });
})();
