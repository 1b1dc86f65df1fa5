// A drawn schedule as numbers, as core/drawn_schedules.py has it: its text, the monotone cubic
// through its points, and what a chart shows of it. No DOM in here.
(() => {
  const TOTAL = 1000; // timesteps
  const MOST = 12;    // points
  const APART = 0.0011; // of the time; the server asks for 0.001, after times were rounded
  const KINDS = { // range, and by how much each point is below the one before it
    alpha_bar: { low: 0, high: 0.999999, fall: 1e-6 },
    log_snr: { low: -20, high: 13.8, fall: 0.01 },
  };
  const DIGITS = { time: 4, value: 6 };

  const logistic = (x) => 1 / (1 + Math.exp(-x));
  const logit = (p) => Math.log(p / (1 - p));
  const within = (x, low, high) => Math.min(Math.max(x, low), high);

  // "alpha_bar: 0 0.9999, 1 0.0001" as { quantity, points: [{ u, y }] }.
  function parsed(text) {
    const [quantity, rest] = text.split(":");
    const points = rest.split(",").map((part) => {
      const [u, y] = part.trim().split(/\s+/).map(Number);
      return { u, y };
    });
    return { quantity: quantity.trim(), points };
  }

  const number = (value, digits) => String(Number(value.toPrecision(digits)));

  function written({ quantity, points }) {
    const each = ({ u, y }) => `${number(u, DIGITS.time)} ${number(y, DIGITS.value)}`;
    return `${quantity}: ${points.map(each).join(", ")}`;
  }

  // The slope at each point from the widths h and the secants d: Fritsch & Butland 1984.
  function slopes(h, d) {
    if (d.length === 1) return [d[0], d[0]];
    const end = (h0, h1, d0, d1) => (d0
      ? d0 * within((2 * h0 + h1 - (h0 * d1) / d0) / (h0 + h1), 0, 3) : 0);
    const inside = d.slice(1).map((d1, i) => {
      const d0 = d[i], w0 = 2 * h[i + 1] + h[i], w1 = h[i + 1] + 2 * h[i];
      return d0 * d1 > 0 ? (w0 + w1) / (w0 / d0 + w1 / d1) : 0;
    });
    const n = d.length - 1;
    return [end(h[0], h[1], d[0], d[1]), ...inside, end(h[n], h[n - 1], d[n], d[n - 1])];
  }

  // The monotone cubic through the points at the times `at`, which rise: Fritsch & Carlson 1980.
  function monotone(points, at) {
    const h = points.slice(1).map(({ u }, i) => u - points[i].u);
    const m = slopes(h, points.slice(1).map(({ y }, i) => (y - points[i].y) / h[i]));
    let i = 0;
    return at.map((u) => {
      while (i < h.length - 1 && u >= points[i + 1].u) i += 1;
      const s = (u - points[i].u) / h[i], r = 1 - s;
      const ends = (1 + 2 * s) * r * r * points[i].y + s * s * (3 - 2 * s) * points[i + 1].y;
      return ends + h[i] * s * r * (r * m[i] - s * m[i + 1]);
    });
  }

  const TIMES = Array.from({ length: TOTAL }, (_, t) => t / (TOTAL - 1));

  // alpha^2 and sigma^2 at every timestep.
  function powers({ quantity, points }) {
    const values = monotone(points, TIMES);
    return quantity === "log_snr"
      ? { signal: values.map(logistic), noise: values.map((x) => logistic(-x)) }
      : { signal: values, noise: values.map((x) => 1 - x) };
  }

  // What a chart draws of a schedule, as `values_of` in demos/views/charts.py.
  const beta = ({ signal: a }) => a.map((x, t) => 1 - x / (t ? a[t - 1] : 1));
  const CURVES = {
    alpha_bar: ({ signal }) => signal,
    alpha: ({ signal }) => signal.map(Math.sqrt),
    sigma: ({ noise }) => noise.map(Math.sqrt),
    log_snr: ({ signal, noise }) => signal.map((x, t) => Math.log(x / noise[t])),
    snr: ({ signal, noise }) => signal.map((x, t) => Math.log10(x / noise[t])),
    beta: (both) => beta(both).map(Math.log10),
    posterior_variance: (both) => beta(both).map(
      (x, t) => Math.log10((x * (t ? both.noise[t - 1] : 0)) / both.noise[t])),
    posterior_x0: (both) => beta(both).map(
      (x, t) => (Math.sqrt(t ? both.signal[t - 1] : 1) * x) / both.noise[t]),
    posterior_x_t: ({ signal, noise }) => signal.map(
      (x, t) => (t ? Math.sqrt(x / signal[t - 1]) * (noise[t - 1] / noise[t]) : 0)),
    loss_weight: ({ signal, noise }) => signal.map(
      (x, t) => Math.log10(((t ? signal[t - 1] / noise[t - 1] : Infinity) / (x / noise[t]) - 1) / 2)),
  };

  // The same points on the other quantity, where they lie within its range.
  function converted({ quantity, points }, other) {
    if (quantity === other) return { quantity, points };
    const convert = other === "log_snr" ? logit : logistic;
    return tidy({ quantity: other, points: points.map(({ u, y }) => ({ u, y: convert(y) })) });
  }

  // Each value within its range and below the one before it; by the last point first.
  function tidy({ quantity, points }) {
    const { low, high, fall } = KINDS[quantity], last = points.length - 1;
    const kept = points.map((point) => ({ ...point }));
    kept.forEach((point, i) => {
      const top = i ? kept[i - 1].y - fall : high;
      point.y = within(point.y, low + (last - i) * fall, Math.max(top, low));
    });
    return { quantity, points: kept };
  }

  // Where a point may be moved to: between its neighbours.
  function room({ quantity, points }, i) {
    const { low, high, fall } = KINDS[quantity], ends = i === 0 || i === points.length - 1;
    return {
      left: ends ? points[i].u : points[i - 1].u + APART,
      right: ends ? points[i].u : points[i + 1].u - APART,
      bottom: i < points.length - 1 ? points[i + 1].y + fall : low,
      top: i ? points[i - 1].y - fall : high,
    };
  }

  // Whether one more point fits before the i-th, at twice the distance that it has to keep.
  function fits({ quantity, points }, i, { u, y }) {
    const { fall } = KINDS[quantity], before = points[i - 1], after = points[i];
    return Math.min(u - before.u, after.u - u) >= 2 * APART
      && Math.min(before.y - y, y - after.y) >= 2 * fall;
  }

  const drawn = {
    TOTAL, MOST, KINDS, CURVES, parsed, written, monotone, powers, converted, room, fits, within,
  };
  window.stepwise = Object.assign(window.stepwise ?? {}, { drawn });
})();
