// The terms of the glossary: what they are called, and where a text names them. No DOM.
(() => {
  const LETTER = /[\p{Script=Latin}\p{Script=Greek}\p{N}\p{M}_]/u;
  const HAN = /\p{Script=Han}/u;

  class Names {
    constructor(terms, language) {
      this.exact = new Map(); // as they are written
      this.lower = new Map(); // words, in any case and in the plural
      this.whole = new Map(); // texts that are nothing else: "=linear"
      for (const term of terms) for (const name of term.names[language]) this.add(name, term);
      this.lengths = new Map(); // of the names that begin with a letter, the longest first
      for (const name of [...this.exact.keys(), ...this.lower.keys()]) {
        const first = name[0].toLowerCase(), known = this.lengths.get(first) ?? [];
        if (!known.includes(name.length)) known.push(name.length);
        this.lengths.set(first, known.sort((a, b) => b - a));
      }
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
      const start = text.indexOf(trimmed), found = [];
      if (whole) return [[start, start + trimmed.length, whole]];
      for (let place = 0; place < text.length;) {
        const name = this.longest(text, place);
        if (name) found.push([place, place + name.length, this.of(name)]);
        place += name?.length ?? 1;
      }
      return found;
    }

    longest(text, place) { // the name that begins here
      const lengths = this.lengths.get(text[place].toLowerCase()) ?? [];
      const length = lengths.find((size) =>
        this.of(text.substr(place, size)) && bounded(text, place, place + size));
      return length && text.substr(place, length);
    }
  }

  function bounded(text, start, end) { // Latin is no part of a longer word; Chinese has no gaps
    const letter = (place) => LETTER.test(text[place] ?? "");
    const inside = letter(start - 1) || (/[’']/.test(text[start - 1] ?? "") && letter(start - 2));
    if (inside && !HAN.test(text[start])) return false;
    return !letter(end) || HAN.test(text[end - 1]);
  }

  // As it is typed: x̂₀ is x0, x_t is xt.
  const folded = (text) => text.trim().normalize("NFKD").replace(/[\p{M}_=]/gu, "").toLowerCase();

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

    // The name itself comes first, then names that begin so, other names, and lines; of every
    // language, since papers are in English. The list of all begins with the symbols.
    matching(text) {
      const wanted = folded(text), now = this.language;
      const within = (name) => name.includes(wanted) && (wanted.length !== 2 || HAN.test(wanted));
      const rank = (term) => {
        const names = Object.values(term.names).flat().map(folded);
        const kinds = [names.includes(wanted), names.some((name) => name.startsWith(wanted)),
          names.some(within), within(folded(term.line[now]))];
        return kinds.indexOf(true);
      };
      const word = (term) => folded(this.title(term)).length > 2 || HAN.test(this.title(term));
      const found = this.all.map((term) => ({ term, rank: rank(term) }))
        .filter((each) => each.rank >= 0);
      return found.sort((a, b) => a.rank - b.rank || word(a.term) - word(b.term)
        || this.title(a.term).localeCompare(this.title(b.term), now)).map(({ term }) => term);
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Names, terms: new Terms() });
})();
