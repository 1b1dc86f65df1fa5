// The glossary: a panel with the paragraph, the formula and the source of a term, or the list of
// all; and the events of the page that open and close it, and the line of a term.
(() => {
  const { make, terms, marks } = stepwise, { line } = marks;
  const LETTERS = "input:not([type=radio], [type=checkbox], [type=range]), textarea, select,"
    + " [contenteditable], [role=listbox], [role=combobox], [role=menu]"; // what reads letters

  const stop = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };

  const panel = {
    node: null, search: null, from: null, shown: "", returning: false,

    build() {
      this.node = make("aside", "glossary-panel");
      this.node.setAttribute("role", "dialog");
      this.node.hidden = true;
      this.node.addEventListener("keydown", (event) => event.stopPropagation()); // not the player's
      marks.host().append(this.node);
    },

    open(id = "") {
      if (!this.node?.isConnected) this.build();
      if (this.node.hidden) this.from = document.activeElement;
      line.hide();
      this.node.hidden = false;
      this.draw(terms.byId.has(id) ? id : "");
      (this.search ?? this.node.querySelector("h2")).focus();
    },

    close() {
      this.node.hidden = true;
      const { term } = this.from?.dataset ?? {};
      const heir = term && document.querySelector(`.term[data-term="${term}"]`);
      this.returning = true; // the line was read; Escape is the page's again
      (this.from?.isConnected ? this.from : heir)?.focus?.();
      this.returning = false;
    },

    draw(id) {
      const term = terms.byId.get(id), close = make("button", "glossary-close", terms.word("close"));
      const head = make("h2", "", term ? terms.title(term) : terms.word("title"));
      this.shown = id;
      head.tabIndex = -1;
      close.addEventListener("click", () => this.close());
      this.search = null;
      this.node.setAttribute("aria-label", terms.word("title"));
      this.node.lang = terms.language;
      this.node.replaceChildren(
        make("header", "", head, close), ...(term ? this.entry(term) : this.list()));
      const formula = this.node.querySelector(".glossary-formula");
      if (formula?.scrollWidth > formula?.clientWidth) formula.tabIndex = 0; // to scroll by keys
    },

    entry(term) {
      const { source } = term, link = make("a", "", source.title);
      link.href = source.url;
      [link.target, link.rel, link.lang] = ["_blank", "noopener", "en"];
      const others = term.names[terms.language].filter((name) => !name.startsWith("=")).slice(1);
      const formula = make("div", "glossary-formula");
      formula.innerHTML = term.formula; // MathML of our own file
      formula.setAttribute("role", "group");
      formula.setAttribute("aria-label", terms.word("formula"));
      const from = make("p", "glossary-source", terms.word("source", source), link);
      const where = source.where[terms.language];
      if (where) from.append(terms.word("where", { where }));
      const all = make("button", "glossary-all", terms.word("all"));
      all.addEventListener("click", () => this.open());
      const paragraph = make("p", "glossed", term.paragraph[terms.language]);
      paragraph.dataset.entry = term.id;
      return [make("p", "glossary-names", others.join(" · ")),
        make("p", "glossary-first", term.line[terms.language]), paragraph,
        ...(term.formula ? [formula] : []), from, all];
    },

    list() {
      const items = make("ul", "glossary-list"), count = make("p", "glossary-count");
      this.search = make("input", "");
      this.search.type = "search";
      this.search.setAttribute("aria-label", terms.word("search"));
      this.search.placeholder = terms.word("search");
      count.setAttribute("role", "status");
      const fill = () => {
        const found = terms.matching(this.search.value);
        items.replaceChildren(...found.map((term) => this.item(term)));
        count.textContent = found.length
          ? terms.word("found", { count: found.length }) : terms.word("none");
      };
      this.search.addEventListener("input", fill);
      fill();
      return [this.search, count, items];
    },

    item(term) {
      const button = make("button", "", terms.title(term));
      button.addEventListener("click", () => this.open(term.id));
      return make("li", "", button, make("span", "", term.line[terms.language]));
    },
  };

  const termAt = (event) => event.target.closest?.("[data-term]");

  function onPointer(event) {
    const target = termAt(event);
    if (target) line.show(target);
    else if (event.target.closest?.(".glossary-line")) clearTimeout(line.timer);
    else if (line.target) line.later();
  }

  function onFocus(event) {
    const target = event.target.closest?.(".term");
    line.focused = Boolean(target);
    if (target?.matches(":focus-visible") && !panel.returning) line.show(target);
  }

  function onClick(event) {
    const target = event.target.closest?.(".term");
    const id = target?.dataset.term
      ?? (event.target.closest?.(".glossary-line") && line.target?.dataset.term);
    if (id) panel.open(id);
  }

  function onKey(event) { // before the keys of the page: Escape would stop the run
    if (event.key === "Escape" && line.target) {
      stop(event);
      line.hide();
    } else if (event.key === "Escape" && panel.node && !panel.node.hidden) {
      stop(event);
      panel.close();
    } else if (["Enter", " "].includes(event.key) && event.target.matches?.(".term")) {
      stop(event);
      panel.open(event.target.dataset.term);
    } else if (event.key.toLowerCase() === "g" && !reads(event)) {
      stop(event);
      if (panel.node && !panel.node.hidden) panel.close();
      else panel.open();
    }
  }

  // Whether a letter is somebody else's: a shortcut of the browser, a text field, a dialog.
  function reads(event) {
    return event.ctrlKey || event.altKey || event.metaKey || event.isComposing
      || event.target.closest?.(LETTERS) || document.querySelector("dialog[open]");
  }

  function speak() { // everything anew, in the language of the page
    terms.speak();
    marks.all();
    if (panel.node && !panel.node.hidden) panel.draw(panel.shown);
  }

  function start() {
    const element = document.querySelector("#stepwise-glossary");
    if (!element) return;
    terms.take(JSON.parse(element.textContent));
    marks.all();
    marks.watch();
    document.addEventListener("pointerover", onPointer);
    document.addEventListener("focusin", onFocus);
    document.addEventListener("focusout", () => line.later());
    document.addEventListener("click", onClick);
    document.addEventListener("stepwise:language", speak);
    window.addEventListener("keydown", onKey, true);
    window.addEventListener("scroll", () => line.place(), true);
    window.addEventListener("resize", () => line.place());
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, {
    glossary: { open: (id) => panel.open(id), close: () => panel.close() },
  });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
