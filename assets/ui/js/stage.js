// The stage: the pictures of one frame, its sentence and its numbers. Text enters the page through
// textContent only; the one exception is the chart, an SVG that our server makes from numbers.
(() => {
  const { words } = stepwise;

  function make(tag, className, ...children) {
    const node = document.createElement(tag);
    node.className = className;
    node.append(...children); // strings become text
    return node;
  }

  function write(node, text) { // a text that stays the same is not laid out again
    if (node.textContent !== text) node.textContent = text;
  }

  // What a frame says; older messages bring sentences instead of (key, values).
  const sentence = (frame) => (frame.say ? words.say(frame.say) : frame.text ?? "");
  const doubt = (frame) => words.join((frame.doubts ?? []).map((said) => words.say(said)))
    || (frame.warn ?? "");

  function number(name, value) {
    const label = `number.${name}.label`, shown = `number.${name}.value`;
    return [
      words.has(label) ? words.say([label]) : name,
      words.say(words.has(shown) ? [shown, { value }] : ["{value:short}", { value }]),
    ];
  }

  const facts = (frame) => [
    ...Object.entries(frame.numbers ?? {}).map(([name, value]) => number(name, value)),
    ...(frame.facts ?? []),
  ];

  // How many digits a text is wide, about: a Chinese character takes two.
  const wide = (text) => [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? 2 : 1), 0);

  class Stage {
    constructor(root, options) {
      this.root = root;
      this.empty = options.empty;
      this.built = "";     // the panels that stand, as text
      this.chart = null;
      this.shown = null;   // the run whose facts stand
      const nothing = [{ symbol: "", title: "", phone: true }];
      this.build(options.panels.length ? options.panels : nothing);
    }

    find(selector) {
      return this.root.querySelector(selector);
    }

    // `awaited`: what the stage waits for, as a Say; null while it waits for nothing.
    draw(run, frame, awaited) {
      if (run.head.panels.length) this.build(run.head.panels);
      write(this.find(".player-title"), words.say(run.head.title));
      this.drawWaiting(awaited);
      this.drawChart(run.head.chart || "", frame);
      if (!frame || !run.head.panels.length) return; // the last picture stays
      this.drawPanels(run.head.panels, frame);
      write(this.find(".sentence-text"), sentence(frame));
      write(this.find(".sentence-warn"), doubt(frame));
      this.drawFacts(facts(frame), run.id);
    }

    // The same panels stay in place: no flicker between runs.
    build(panels) {
      const key = JSON.stringify([words.language, panels]);
      if (key === this.built) return;
      this.built = key;
      const small = panels.filter((panel) => panel.phone).length, { style } = this.root;
      style.setProperty("--panels", panels.length || 1);
      style.setProperty("--panels-phone", small > 4 ? 3 : small > 1 ? 2 : 1);
      const standing = this.find(".panels").children;
      if (standing.length === panels.length) {
        panels.forEach((panel, k) => this.label(standing[k], panel));
      } else {
        this.find(".panels").replaceChildren(...panels.map((panel) => this.buildPanel(panel)));
      }
    }

    buildPanel(panel) {
      const picture = new Image();
      picture.decoding = "sync"; // the old picture stays until the new one is ready
      picture.hidden = true;
      picture.addEventListener("load", () => {
        picture.classList.toggle("smooth", picture.naturalWidth > 128);
      });
      const figure = make("figure", "panel",
        make("div", "panel-box", picture, make("span", "panel-empty"), make("span", "preview")),
        make("figcaption", "", make("span", "symbol"), " ", make("span", "words")));
      this.label(figure, panel);
      return figure;
    }

    label(figure, panel) {
      const texts = {
        ".panel-empty": words.say(this.empty),
        ".preview": words.say(["player.approximate"]),
        ".symbol": panel.symbol,
        ".words": words.say(panel.title),
      };
      for (const [selector, text] of Object.entries(texts)) {
        write(figure.querySelector(selector), text);
      }
      figure.dataset.tone = panel.tone || "";
      figure.dataset.phone = panel.phone;
    }

    drawPanels(panels, frame) {
      this.root.querySelectorAll(".panel").forEach((panel, k) => {
        const picture = panel.querySelector("img"), source = frame.pictures[k];
        const label = `${words.say(panels[k].title)}. ${sentence(frame)}`;
        if (source && picture.src !== source) picture.src = source;
        if (picture.alt !== label) picture.alt = label;
        picture.hidden = !source;
        panel.querySelector(".panel-empty").hidden = Boolean(source);
        panel.dataset.approx = (frame.approx || []).includes(k);
      });
    }

    // What a fact has needed in this run it keeps, or the timeline would jump below the row.
    drawFacts(pairs, run) {
      const list = this.find(".facts");
      if (this.shown !== run) list.replaceChildren();
      this.shown = run;
      while (list.children.length < pairs.length) {
        list.append(make("div", "fact", make("dt", ""), make("dd", "")));
      }
      [...list.children].forEach((fact, k) => {
        const [name, value] = pairs[k] ?? ["", ""];
        write(fact.firstChild, name);
        write(fact.lastChild, value);
        const least = Math.max(fact.least ?? 0, wide(value));
        if (fact.least !== least) fact.lastChild.style.minWidth = `${fact.least = least}ch`;
      });
    }

    drawWaiting(awaited) {
      this.find(".stage").setAttribute("aria-busy", Boolean(awaited));
      write(this.find(".waiting-text"), words.say(awaited));
      this.find(".waiting").hidden = !awaited;
    }

    drawChart(chart, frame) {
      const box = this.find(".chart-box");
      if (this.chart !== chart) box.innerHTML = this.chart = chart;
      box.hidden = !chart;
      const svg = box.querySelector("svg"), line = box.querySelector(".chart-playhead");
      if (!line || frame?.chart_x == null) return;
      const { x0, x1 } = svg.dataset, x = +x0 + frame.chart_x * (x1 - x0);
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Stage, make, write, sentence, doubt });
})();
