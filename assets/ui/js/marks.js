// Where our own text names a term, it is underlined; a line explains it on hover and focus.
//
// Gradio's own labels are another matter: Svelte keeps their text nodes and writes into them, so
// a node that was split or wrapped would be lost, or come twice. Their text is left alone: the
// element around it gets the attribute `data-term`, which Svelte does not know and keeps, and
// which is set again where Svelte makes the element anew. Such a label shows its line to the
// pointer; the keyboard has the list, since a second stop at every control would be a burden.
(() => {
  const { make, terms } = stepwise;
  const OWN = "[data-say], .lead, .panel figcaption, .sentence, .facts dt, .chart text, .glossed";
  const LABEL = "[data-testid=block-info], label .label-text";
  const SKIP = "a, button, input, select, textarea, option, label, summary, code, kbd, script,"
    + " style, math, [role=button], [role=tab], [role=slider], [contenteditable],"
    + " [aria-hidden=true], [aria-live], [role=status], [role=alert], .glossary-line";
  const SILENT = "[role=img]"; // its children are no stops of the keyboard
  const WAIT = 250; // milliseconds in which the pointer may cross from the term to its line

  const host = () => document.querySelector(".gradio-container") || document.body;

  function outermost(node) {
    let block = null;
    for (let up = node.closest(OWN); up; up = up.parentElement?.closest(OWN)) block = up;
    return block;
  }

  const line = {
    node: null, target: null, block: null, focused: false, timer: 0,

    show(target) {
      clearTimeout(this.timer);
      if (this.target === target) return;
      this.hide();
      this.node ??= make("div", "glossary-line");
      this.node.id = "stepwise-glossary-line";
      this.node.setAttribute("role", "tooltip");
      this.node.textContent = terms.byId.get(target.dataset.term).line[terms.language];
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

  // ------------------------------------------------------------ marks
  function unwrap(mark) {
    const parent = mark.parentNode;
    mark.replaceWith(...mark.childNodes);
    parent.normalize();
  }

  function mark(block) {
    const seen = new Set([block.dataset.entry]); // an entry does not point at itself
    for (const old of block.querySelectorAll(".term")) {
      const [found] = terms.find(old.textContent), id = found?.[2].id;
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
    for (const [start, end, term] of terms.find(text.data)) {
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
    const [found] = terms.find(label.textContent);
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

  function markAll() { // in the language of the page
    line.hide();
    const { blocks, labels } = within(document.body);
    blocks.forEach(mark);
    labels.forEach(markLabel);
    observer.takeRecords();
  }

  function watch() {
    observer.observe(document.body, { childList: true, characterData: true, subtree: true });
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, {
    marks: { line, host, all: markAll, watch },
  });
})();
