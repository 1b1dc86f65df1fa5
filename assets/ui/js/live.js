// While a schedule is drawn, its curve and the digit that it noises follow on the stage at once,
// computed in the browser; what the server answers takes their place.
(() => {
  const { make, drawn, changed } = stepwise;
  const SIDE = 28; // pixels of a digit
  const SIDES = ["first", "second"];
  const PARTS = { scales: ["alpha", "sigma"] }; // as in demos/views/charts.py

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  class Live {
    // `player`: the one whose stage shows both schedules; `side`: which of them is drawn.
    constructor(player, side) {
      Object.assign(this, { player, side, place: SIDES.indexOf(side) });
      this.canvas = make("canvas", "live-picture");
      Object.assign(this.canvas, { width: SIDE, height: SIDE });
      this.note = make("span", "live-note");
      this.note.dataset.say = JSON.stringify(["drawing.live"]);
      this.curves = []; // over those of the chart
      const { dataset } = document.querySelector(".live-digits");
      this.digits = bytes(dataset.digits);
      this.noise = new Float32Array(bytes(dataset.noise).buffer);
    }

    show(drawing) {
      this.text = drawing.text;
      this.powers = drawn.powers(drawing);
      this.player.root.setAttribute(`data-live-${this.side}`, "");
      if (!this.frame) this.draw();
    }

    // Until the server's answer to this drawing is on the stage, at every frame.
    draw() {
      this.frame = null;
      const { run, clock, drawing } = this.player;
      const { settings } = run.head, panel = this.panel;
      const answered = settings?.[`${this.side}_parameters`]?.points === this.text;
      if (!panel || (answered && !drawing)) return this.leave();
      this.drawPicture(panel, clock.frame?.chart_x ?? 0, settings.digit);
      this.drawCurves(settings.quantity);
      this.frame = requestAnimationFrame(() => this.draw());
    }

    get panel() {
      return this.player.root.querySelectorAll(".panel-box")[this.place];
    }

    drawPicture(panel, place, digit) {
      const t = Math.round(place * (drawn.TOTAL - 1)), { signal, noise } = this.powers;
      const alpha = Math.sqrt(signal[t]), sigma = Math.sqrt(noise[t]);
      const pixels = new ImageData(SIDE, SIDE), size = SIDE * SIDE;
      for (let k = 0; k < size; k += 1) { // alpha x0 + sigma eps, from [-1, 1]
        const x0 = this.digits[digit * size + k] / 127.5 - 1;
        const shade = Math.round(127.5 * (alpha * x0 + sigma * this.noise[k] + 1));
        pixels.data.set([shade, shade, shade, 255], 4 * k); // clipped to 0..255
      }
      this.canvas.getContext("2d").putImageData(pixels, 0, 0);
      if (this.canvas.parentNode !== panel) panel.append(this.canvas, this.note);
    }

    drawCurves(quantity) {
      const curves = `.chart polyline.chart-curve.${this.side}:not(.chart-live)`;
      const parts = PARTS[quantity] ?? [quantity];
      if (!drawn.CURVES[parts[0]]) return; // of few steps: it waits for the server
      this.player.root.querySelectorAll(curves).forEach((old, k) => {
        this.curves[k] ??= document.createElementNS("http://www.w3.org/2000/svg", "polyline");
        this.drawCurve(this.curves[k], parts[k], old);
      });
    }

    drawCurve(curve, quantity, old) {
      const { x0, x1, y0, y1, low, high } = old.ownerSVGElement.dataset, last = drawn.TOTAL - 1;
      const points = drawn.CURVES[quantity](this.powers).flatMap((value, t) => {
        if ((t % 4 && t !== last) || !Number.isFinite(value)) return [];
        const share = drawn.within((value - low) / (high - low), 0, 1);
        const x = +x0 + (t / last) * (x1 - x0), y = +y0 + share * (y1 - y0);
        return [`${x.toFixed(1)},${y.toFixed(1)}`];
      });
      curve.setAttribute("points", points.join(" "));
      curve.setAttribute("class", `${old.getAttribute("class")} chart-live`);
      if (curve.previousSibling !== old) old.after(curve);
    }

    leave() {
      for (const node of [this.canvas, this.note, ...this.curves]) node.remove();
      this.player.root.removeAttribute(`data-live-${this.side}`);
    }
  }

  // ------------------------------------------------------------ the drawings of the page
  // Gradio's text field holds the points; the drawing stands in its place. The field is made anew
  // whenever it comes into view.
  const fields = {}; // by the id of their component: { field, drawing }

  function drawingOf(box, field) {
    const [, player, side] = box.id.split("-"), place = make("div", "drawing");
    let live = null;
    const show = (drawing) => {
      live ??= new Live(stepwise.player(player), side);
      live.show(drawing);
    };
    const tell = (text) => {
      field.value = text;
      for (const name of ["input", "keypress"]) // Gradio takes a text, and says so at a key
        field.dispatchEvent(new Event(name, { bubbles: true }));
    };
    box.append(place);
    return new stepwise.Drawing(place, field.value, tell, show);
  }

  changed(() => {
    for (const box of document.querySelectorAll(".drawing-box")) {
      const field = box.querySelector("textarea, input");
      if (!field || fields[box.id]?.field === field) continue;
      fields[box.id] = { field, drawing: drawingOf(box, field) };
    }
  });

  const drew = (id, text) => fields[id]?.drawing.load(text); // somebody else has changed it

  window.stepwise = Object.assign(window.stepwise ?? {}, { drew });
})();
