// The glossary: terms in our own text are underlined, explain themselves in a line on hover and
// focus, and open a panel with the paragraph, the formula and the source.
//
// Gradio's own labels are another matter: Svelte keeps their text nodes and writes into them, so
// a node that was split or wrapped would be lost, or come twice. Their text is left alone: the
// element around it gets the attribute `data-term`, which Svelte does not know and keeps, and
// which is set again where Svelte makes the element anew. Such a label shows its line to the
// pointer; the keyboard has the list, since a second stop at every control would be a burden.
(() => {
  const OWN = "[data-say], .lead, .panel figcaption, .sentence, .facts dt, .chart text, .glossed";
  const LABEL = "[data-testid=block-info], label .label-text";
  const SKIP = "a, button, input, select, textarea, option, label, summary, code, kbd, script,"
    + " style, math, [role=button], [role=tab], [role=slider], [contenteditable],"
    + " [aria-hidden=true], [aria-live], [role=status], [role=alert], .glossary-line";
  const LETTERS = "input:not([type=radio], [type=checkbox], [type=range]), textarea, select,"
    + " [contenteditable], [role=listbox], [role=combobox], [role=menu]"; // what reads letters
  const SILENT = "[role=img]"; // its children are no stops of the keyboard
  const WAIT = 250; // milliseconds in which the pointer may cross from the term to its line
  const LETTER = "[\\p{Script=Latin}\\p{Script=Greek}\\p{N}\\p{M}_]";
  const HAN = /\p{Script=Han}/u;

  const host = () => document.querySelector(".gradio-container") || document.body;
  const stop = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };

  function make(tag, className, ...children) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...children); // strings become text
    return node;
  }

  // ------------------------------------------------------------ names in a text, no DOM
  class Names {
    constructor(terms, language) {
      this.exact = new Map(); // as they are written
      this.lower = new Map(); // words, in any case and in the plural
      this.whole = new Map(); // texts that are nothing else: "=linear"
      for (const term of terms) for (const name of term.names[language]) this.add(name, term);
      const longest = [...this.exact.keys(), ...this.lower.keys()]
        .sort((a, b) => b.length - a.length);
      this.pattern = new RegExp(longest.map(bounded).join("|"), "giu");
    }

    add(name, term) {
      if (name.startsWith("=")) return this.whole.set(name.slice(1).toLowerCase(), term);
      this.exact.set(name, term);
      if (name.length < 3) return this; // symbols: σ is not Σ
      this.lower.set(name.toLowerCase(), term);
      if (/[a-z]$/.test(name)) this.lower.set(`${name.toLowerCase()}s`, term);
      return this;
    }

    of(text) {
      return this.exact.get(text) ?? this.lower.get(text.toLowerCase());
    }

    // [start, end, term] of each name in a text.
    find(text) {
      const trimmed = text.trim(), whole = this.whole.get(trimmed.toLowerCase());
      const start = text.indexOf(trimmed);
      if (whole) return [[start, start + trimmed.length, whole]];
      return [...text.matchAll(this.pattern)]
        .map(({ 0: name, index }) => [index, index + name.length, this.of(name)])
        .filter(([, , term]) => term);
    }
  }

  function bounded(name) { // a Latin name is no part of a longer word; Chinese has no gaps
    const before = HAN.test(name[0]) ? "" : `(?<!${LETTER}|${LETTER}[’'])`;
    const after = HAN.test(name.at(-1)) ? "" : `(?!${LETTER})`;
    return before + name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") + after;
  }

  // ------------------------------------------------------------ the data and its language
  let data = { page: {}, terms: [] }, names = new Names([], "en"), byId = new Map();
  const language = () => (window.stepwise.words?.language === "zh" ? "zh" : "en");
  const word = (key, values = {}) => data.page[key][language()]
    .replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const title = (term) => term.names[language()][0].replace(/^=/, "");

  // ------------------------------------------------------------ marks in our own text
  function outermost(node) {
    let block = null;
    for (let up = node.closest(OWN); up; up = up.parentElement?.closest(OWN)) block = up;
    return block;
  }

  function unwrap(mark) {
    const parent = mark.parentNode;
    mark.replaceWith(...mark.childNodes);
    parent.normalize();
  }

  function mark(block) {
    const seen = new Set([block.dataset.entry]); // an entry does not point at itself
    for (const old of block.querySelectorAll(".term")) {
      const [found] = names.find(old.textContent), id = found?.[2].id;
      if (id !== old.dataset.term || seen.has(id)) unwrap(old);
      else seen.add(id);
    }
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT), texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    for (const text of texts) {
      if (!text.parentElement.closest(`.term, ${SKIP}`)) markText(text, seen);
    }
    line.follow(block);
  }

  function markText(text, seen) { // splitting keeps the node, with what stands before the term
    let rest = text, cut = 0;
    for (const [start, end, term] of names.find(text.data)) {
      if (seen.has(term.id)) continue;
      seen.add(term.id);
      const name = rest.splitText(start - cut);
      rest = name.splitText(end - start);
      cut = end;
      const node = wrapper(text.parentElement, term);
      name.replaceWith(node);
      node.append(name);
    }
  }

  function wrapper(parent, term) {
    const drawn = parent.namespaceURI === "http://www.w3.org/2000/svg";
    const node = document.createElementNS(parent.namespaceURI, drawn ? "tspan" : "span");
    node.setAttribute("class", "term");
    node.dataset.term = term.id;
    if (parent.closest(SILENT)) return node;
    node.setAttribute("tabindex", "0");
    node.setAttribute("role", "button");
    return node;
  }

  function markLabel(label) {
    const [found] = names.find(label.textContent);
    if (found) label.dataset.term = found[2].id;
    else delete label.dataset.term;
  }

  function within(root) {
    const all = (selector) => [
      ...(root.matches?.(selector) ? [root] : []), ...root.querySelectorAll(selector)];
    return { blocks: all(OWN).map(outermost), labels: all(LABEL) };
  }

  const observer = new MutationObserver((records) => {
    const blocks = new Set(), labels = new Set();
    for (const { target, addedNodes } of records) {
      const node = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement;
      if (!node) continue;
      const block = outermost(node), label = node.closest(LABEL);
      if (block) blocks.add(block);
      if (label) labels.add(label);
      for (const added of block ? [] : addedNodes) {
        if (added.nodeType !== Node.ELEMENT_NODE) continue;
        const found = within(added);
        for (const each of found.blocks) blocks.add(each);
        for (const each of found.labels) labels.add(each);
      }
    }
    for (const each of blocks) if (each.isConnected) mark(each);
    for (const each of labels) markLabel(each);
    observer.takeRecords(); // what we changed ourselves is no news: no loop
  });

  // ------------------------------------------------------------ one line, on hover and focus
  const line = {
    node: null, target: null, block: null, focused: false, timer: 0,

    show(target) {
      clearTimeout(this.timer);
      if (this.target === target) return;
      this.hide();
      this.node ??= make("div", "glossary-line");
      this.node.id = "stepwise-glossary-line";
      this.node.setAttribute("role", "tooltip");
      this.node.textContent = byId.get(target.dataset.term).line[language()];
      host().append(this.node);
      this.node.hidden = false;
      [this.target, this.block] = [target, outermost(target)];
      target.setAttribute("aria-describedby", this.node.id);
      this.place();
    },

    hide() {
      clearTimeout(this.timer);
      this.target?.removeAttribute("aria-describedby");
      this.target = null;
      if (this.node) this.node.hidden = true;
    },

    later() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        if (!this.target?.matches(":focus-visible")) this.hide();
      }, WAIT);
    },

    place() {
      if (!this.target) return;
      const at = this.target.getClientRects()[0] ?? this.target.getBoundingClientRect();
      const { offsetWidth: width, offsetHeight: height } = this.node;
      const below = at.bottom + 6 + height < innerHeight;
      const left = Math.max(8, Math.min(at.left, innerWidth - width - 8));
      this.node.style.left = `${left}px`;
      this.node.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - height - 4)}px`;
    },

    // A text that is written anew, as in every frame of a run that plays, has new marks.
    follow(block) {
      if (!this.target || this.target.isConnected || this.block !== block) return;
      const heir = block.querySelector(`.term[data-term="${this.target.dataset.term}"]`);
      const focused = this.focused && document.activeElement === document.body;
      if (!heir) return this.hide();
      this.show(heir);
      if (focused) heir.focus();
    },
  };

  // ------------------------------------------------------------ the panel
  const panel = {
    node: null, search: null, from: null, shown: "", returning: false,

    build() {
      this.node = make("aside", "glossary-panel");
      this.node.setAttribute("role", "dialog");
      this.node.hidden = true;
      this.node.addEventListener("keydown", (event) => event.stopPropagation()); // not the player's
      host().append(this.node);
    },

    open(id = "") {
      if (!this.node?.isConnected) this.build();
      if (this.node.hidden) this.from = document.activeElement;
      line.hide();
      this.node.hidden = false;
      this.draw(byId.has(id) ? id : "");
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
      const term = byId.get(id), close = make("button", "glossary-close", word("close"));
      const head = make("h2", "", term ? title(term) : word("title"));
      this.shown = id;
      head.tabIndex = -1;
      close.addEventListener("click", () => this.close());
      this.search = null;
      this.node.setAttribute("aria-label", word("title"));
      this.node.lang = language();
      this.node.replaceChildren(
        make("header", "", head, close), ...(term ? this.entry(term) : this.list()));
      const formula = this.node.querySelector(".glossary-formula");
      if (formula?.scrollWidth > formula?.clientWidth) formula.tabIndex = 0; // to scroll by keys
    },

    entry(term) {
      const { source } = term, link = make("a", "", source.title);
      link.href = source.url;
      [link.target, link.rel, link.lang] = ["_blank", "noopener", "en"];
      const others = term.names[language()].filter((name) => !name.startsWith("=")).slice(1);
      const formula = make("div", "glossary-formula");
      formula.innerHTML = term.formula; // MathML of our own file
      formula.setAttribute("role", "group");
      formula.setAttribute("aria-label", word("formula"));
      const from = make("p", "glossary-source", word("source", source), link);
      const where = source.where[language()];
      if (where) from.append(word("where", { where }));
      const all = make("button", "glossary-all", word("all"));
      all.addEventListener("click", () => this.open());
      const paragraph = make("p", "glossed", term.paragraph[language()]);
      paragraph.dataset.entry = term.id;
      return [make("p", "glossary-names", others.join(" · ")),
        make("p", "glossary-first", term.line[language()]), paragraph,
        ...(term.formula ? [formula] : []), from, all];
    },

    list() {
      const items = make("ul", "glossary-list"), count = make("p", "glossary-count");
      this.search = make("input", "");
      this.search.type = "search";
      this.search.setAttribute("aria-label", word("search"));
      this.search.placeholder = word("search");
      count.setAttribute("role", "status");
      const fill = () => {
        const found = matching(this.search.value);
        items.replaceChildren(...found.map((term) => this.item(term)));
        count.textContent = found.length
          ? word("found", { count: found.length }) : word("none");
      };
      this.search.addEventListener("input", fill);
      fill();
      return [this.search, count, items];
    },

    item(term) {
      const button = make("button", "", title(term));
      button.addEventListener("click", () => this.open(term.id));
      return make("li", "", button, make("span", "", term.line[language()]));
    },
  };

  // Names count before lines, and the names of every language, since papers are in English.
  function matching(text) {
    const wanted = text.trim().toLowerCase(), now = language();
    const called = (term) => Object.values(term.names).flat()
      .some((name) => name.toLowerCase().includes(wanted));
    const said = (term) => term.line[now].toLowerCase().includes(wanted);
    const sorted = [...data.terms]
      .sort((a, b) => title(a).localeCompare(title(b), now));
    return [...sorted.filter(called), ...sorted.filter((term) => !called(term) && said(term))];
  }

  // ------------------------------------------------------------ events of the page
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
    names = new Names(data.terms, language());
    line.hide();
    const { blocks, labels } = within(document.body);
    blocks.forEach(mark);
    labels.forEach(markLabel);
    observer.takeRecords();
    if (panel.node && !panel.node.hidden) panel.draw(panel.shown);
  }

  function start() {
    const element = document.querySelector("#stepwise-glossary");
    if (!element) return;
    data = JSON.parse(element.textContent);
    byId = new Map(data.terms.map((term) => [term.id, term]));
    speak();
    observer.observe(document.body, { childList: true, characterData: true, subtree: true });
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
    glossary: { open: (id) => panel.open(id), close: () => panel.close(), Names },
  });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
