// The terms of the glossary: what they are called, and where a text names them. No DOM.
(() => {
  const LETTER = "[\\p{Script=Latin}\\p{Script=Greek}\\p{N}\\p{M}_]";
  const HAN = /\p{Script=Han}/u;

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

  class Terms {
    constructor() {
      this.take({ page: {}, terms: [] });
    }

    take(data) {
      this.page = data.page;
      this.all = data.terms;
      this.byId = new Map(data.terms.map((term) => [term.id, term]));
      this.names = new Names(data.terms, this.language);
    }

    speak() { // the language of the page has changed
      this.names = new Names(this.all, this.language);
    }

    get language() {
      return window.stepwise.words?.language === "zh" ? "zh" : "en";
    }

    word(key, values = {}) {
      return this.page[key][this.language].replace(/\{(\w+)\}/g, (_, name) => values[name]);
    }

    title(term) {
      return term.names[this.language][0].replace(/^=/, "");
    }

    find(text) {
      return this.names.find(text);
    }

    // Names count before lines, and the names of every language, since papers are in English.
    matching(text) {
      const wanted = text.trim().toLowerCase(), now = this.language;
      const called = (term) => Object.values(term.names).flat()
        .some((name) => name.toLowerCase().includes(wanted));
      const said = (term) => term.line[now].toLowerCase().includes(wanted);
      const sorted = [...this.all]
        .sort((a, b) => this.title(a).localeCompare(this.title(b), now));
      return [...sorted.filter(called), ...sorted.filter((term) => !called(term) && said(term))];
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Names, terms: new Terms() });
})();
