// The drawing of a schedule: points that are dragged, or moved by keys. Its value is the text of
// the points; the server is told when a point is let go.
(() => {
  const { words, make, write, drawn } = stepwise;
  const SVG = "http://www.w3.org/2000/svg";
  const WIDTH = 270, HEIGHT = 190, LEFT = 50, RIGHT = 12, TOP = 12, BOTTOM = 28;
  const SHOWN = { alpha_bar: [0, 1], log_snr: [-20, 14] };       // range of the axis
  const GRID = { alpha_bar: [0, 0.25, 0.5, 0.75, 1], log_snr: [-20, -10, 0, 10] };
  const KEPT = 50;  // drawings that can be undone

  function shape(tag, attributes = {}, ...children) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  class Drawing {
    // `tell(text)`: the learner let go; `show(drawing)`: at every move, null when all is told.
    constructor(element, text, tell, show) {
      this.element = element;
      this.tell = tell;
      this.show = show;
      this.chosen = 1;
      this.past = [];
      this.build();
      this.load(text);
    }

    build() {
      this.plot = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "drawing-plot",
        role: "group" });
      this.grid = shape("g", { "aria-hidden": "true" });
      this.line = shape("polyline", { class: "chart-curve", "aria-hidden": "true" });
      this.handles = shape("g");
      this.plot.append(this.grid, this.line, this.handles);
      this.readout = make("p", "drawing-readout");
      const button = (name, act, sign) => {
        const node = make("button", `drawing-${name}`, sign ?? "");
        const say = JSON.stringify([`drawing.${name}`]);
        node.type = "button";
        for (const mark of sign ? ["say-aria-label", "say-title"] : ["say"]) {
          node.setAttribute(`data-${mark}`, say);
        }
        node.addEventListener("click", act);
        return node;
      };
      this.kinds = Object.fromEntries(Object.keys(drawn.KINDS).map(
        (kind) => [kind, button(kind, () => this.change(() => this.measure(kind)))]));
      this.buttons = {
        add: button("add", () => this.change(() => this.add()), "+"),
        remove: button("remove", () => this.change(() => this.remove()), "−"),
        undo: button("undo", () => this.undo()),
      };
      this.element.replaceChildren(
        make("div", "drawing-row", ...Object.values(this.kinds), ...Object.values(this.buttons)),
        this.plot, this.readout);
      words.fill(this.element);
      this.plot.addEventListener("dblclick", (event) => this.change(() => this.addAt(event)));
      document.addEventListener("stepwise:language", () => this.draw());
    }

    // ------------------------------------------------------------ places
    x(u) {
      return LEFT + (WIDTH - LEFT - RIGHT) * u;
    }

    y(value) {
      const [low, high] = SHOWN[this.quantity];
      return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * ((value - low) / (high - low));
    }

    place(event) { // of a pointer, as a time and a value
      const at = new DOMPoint(event.clientX, event.clientY)
        .matrixTransform(this.plot.getScreenCTM().inverse());
      const [low, high] = SHOWN[this.quantity];
      return {
        u: (at.x - LEFT) / (WIDTH - LEFT - RIGHT),
        y: low + ((HEIGHT - BOTTOM - at.y) / (HEIGHT - TOP - BOTTOM)) * (high - low),
      };
    }

    // ------------------------------------------------------------ changes
    get text() {
      return drawn.written(this);
    }

    load(text) {
      if (!text || drawn.written(drawn.parsed(text)) === this.told) return;
      Object.assign(this, drawn.parsed(text));
      this.told = this.text;
      this.chosen = Math.min(this.chosen, this.points.length - 1);
      this.draw();
    }

    change(act) { // one act that the server is told at once
      this.begin();
      act();
      this.moved();
      this.end();
    }

    begin() {
      if (this.resting) this.end(); // keys that the server was not told of yet
      this.past = [...this.past.slice(-KEPT), this.text];
    }

    moved() {
      Object.assign(this, drawn.parsed(this.text)); // what is drawn is what is sent
      this.draw();
      this.show({ quantity: this.quantity, points: this.points, text: this.text });
    }

    end() {
      clearTimeout(this.resting);
      this.resting = null;
      if (this.text === this.told) this.past.pop();
      this.told = this.text;
      this.tell(this.text);
      this.draw();
    }

    undo() {
      if (!this.past.length) return;
      Object.assign(this, drawn.parsed(this.past.pop()));
      this.chosen = Math.min(this.chosen, this.points.length - 1);
      this.moved();
      this.told = this.text;
      this.tell(this.text);
    }

    move(i, { u, y }) {
      const { left, right, bottom, top } = drawn.room(this, i);
      this.points[i] = { u: drawn.within(u, left, right), y: drawn.within(y, bottom, top) };
    }

    measure(kind) {
      Object.assign(this, drawn.converted(this, kind));
    }

    add() { // half-way to the next point, on the curve
      const i = Math.min(this.chosen, this.points.length - 2);
      this.insert((this.points[i].u + this.points[i + 1].u) / 2);
    }

    addAt(event) {
      if (!event.target.closest(".drawing-point")) this.insert(this.place(event).u);
    }

    insert(u) {
      const i = this.points.findIndex((point) => point.u > u);
      if (i < 1 || this.points.length >= drawn.MOST) return;
      const point = { u, y: drawn.monotone(this.points, [u])[0] };
      if (!drawn.fits(this, i, point)) return;
      this.points.splice(i, 0, point);
      this.chosen = i;
      this.focused = true;
    }

    remove() {
      if (!this.removable) return;
      this.points.splice(this.chosen, 1);
      this.chosen -= 1;
      this.focused = true;
    }

    get removable() {
      return this.chosen > 0 && this.chosen < this.points.length - 1;
    }

    // ------------------------------------------------------------ drawing
    draw() {
      const last = drawn.TOTAL - 1, times = Array.from({ length: 121 }, (_, k) => k / 120);
      const values = drawn.monotone(this.points, times);
      this.line.setAttribute("points", values.map(
        (value, k) => `${this.x(times[k]).toFixed(1)},${this.y(value).toFixed(1)}`).join(" "));
      this.drawGrid(last);
      while (this.handles.children.length > this.points.length) this.handles.lastChild.remove();
      this.points.forEach((point, i) => this.drawPoint(point, i));
      write(this.readout, this.valueText(this.chosen));
      const limits = { add: this.points.length < drawn.MOST, remove: this.removable,
        undo: this.past.length > 0 };
      for (const [name, button] of Object.entries(this.buttons)) {
        button.setAttribute("aria-disabled", !limits[name]);
      }
      for (const [kind, button] of Object.entries(this.kinds)) {
        button.setAttribute("aria-pressed", kind === this.quantity);
      }
      this.plot.setAttribute("aria-label", words.say(["drawing.plot"]));
      if (this.focused) this.handles.children[this.chosen].focus({ preventScroll: true });
      this.focused = false;
    }

    drawGrid(last) {
      if (this.gridOf === this.quantity) return;
      this.gridOf = this.quantity;
      const text = (content, x, y, anchor) => shape(
        "text", { x, y, "text-anchor": anchor }, content);
      const lines = GRID[this.quantity].map((value) => shape("line", { class: "chart-grid",
        x1: LEFT, x2: WIDTH - RIGHT, y1: this.y(value), y2: this.y(value) }));
      const sides = GRID[this.quantity].map((value) => text(
        String(value).replace("-", "−"), LEFT - 14, this.y(value) + 5, "end"));
      this.grid.replaceChildren(...lines, ...sides, text("t = 0", LEFT, HEIGHT - 6, "start"),
        text(String(last), WIDTH - RIGHT, HEIGHT - 6, "end"));
    }

    drawPoint(point, i) {
      const handle = this.handles.children[i] ?? this.handle(i);
      const { bottom, top } = drawn.room(this, i);
      const attributes = {
        transform: `translate(${this.x(point.u)} ${this.y(point.y)})`,
        "aria-valuemin": bottom, "aria-valuemax": top, "aria-valuenow": point.y,
        "aria-valuetext": this.valueText(i),
        "aria-label": words.say(["drawing.point", { number: i + 1, count: this.points.length }]),
        "data-chosen": i === this.chosen,
      };
      for (const [name, value] of Object.entries(attributes)) handle.setAttribute(name, value);
    }

    valueText(i) {
      const { u, y } = this.points[i], name = words.say([`quantity.option.${this.quantity}`]);
      const t = Math.round(u * (drawn.TOTAL - 1));
      return words.say(["drawing.value", { t, name, value: y }]);
    }

    handle(i) {
      const node = shape("g", { class: "drawing-point", role: "slider", tabindex: 0,
        "aria-orientation": "vertical" },
      shape("circle", { class: "drawing-reach", r: 20 }), shape("circle", { class: "dot", r: 7 }));
      node.addEventListener("focus", () => this.choose(i));
      stepwise.pulls(node, i, this);
      this.handles.append(node);
      return node;
    }

    choose(i) {
      if (i >= this.points.length) return;
      this.chosen = i;
      this.draw();
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Drawing });
})();
