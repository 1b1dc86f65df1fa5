// The languages of the page: tables of templates, and sentences made from (key, values).
//
// A Say is a plain string, shown as it is; [key, values], whose template is looked up in the
// table of the language; or a list of Says, joined.
(() => {
  const NAME = "stepwise_language"; // in localStorage and, for the server, in a cookie
  const FALLBACK = "en";
  const ATTRIBUTES = ["title", "aria-label", "alt", "placeholder"];
  const MARKS = ["data-say", ...ATTRIBUTES.map((name) => `data-say-${name}`)];
  const FIELD = /\{(\w+)(?::(\w+))?(?::([^}]*))?\}/g;
  const TAIL = 40, HALF = /50{39}$/; // digits that decide how the ones before them are rounded
  const CLOSED = /[\u3000-\u303f\uff00-\uff0f\uff1a-\uff20]$/; // full-width: no space follows
  const ASCII = /^[\x20-\x7e]*$/;

  const isValues = (part) => part !== null && typeof part === "object" && !Array.isArray(part);
  const isKeyed = (said) => typeof said[0] === "string"
    && (said.length === 1 || (said.length === 2 && isValues(said[1])));

  class Words {
    constructor(tables, language) {
      this.tables = tables;
      for (const table of Object.values(tables)) Object.setPrototypeOf(table, null); // keys alone
      this.language = language in tables ? language : FALLBACK;
    }

    template(key) { // a missing key shows itself, so that it is found
      return this.tables[this.language]?.[key] ?? this.tables[FALLBACK]?.[key] ?? key;
    }

    has(key) {
      return key in (this.tables[FALLBACK] ?? {});
    }

    say(said) {
      if (said === null || said === undefined) return "";
      if (!Array.isArray(said)) return String(said);
      if (!isKeyed(said)) return this.join(said.map((part) => this.say(part)));
      const [key, values = {}] = said;
      return this.template(key).replace(FIELD, (whole, name, form, rest) => (
        name in values ? this.field(values[name], form, rest) : whole));
    }

    join(parts) {
      return parts.filter(Boolean).reduce(
        (text, part) => text + (!text || CLOSED.test(text) || part[0] === "（" ? "" : " ") + part, "");
    }

    field(value, form, rest) {
      if (!form) return typeof value === "number" ? plain(value) : this.say(value);
      if (form === "plural") return this.plural(value, rest.split("|"));
      if (form === "capital") return this.capital(this.say(value));
      return this[form](number(value));
    }

    plural(value, forms) {
      const rule = new Intl.PluralRules(this.language).select(number(value));
      return rule === "one" ? forms[0] : forms.at(-1);
    }

    percent(share) { // never says 0 or 100 without being it
      const value = 100 * share;
      if (value > 0 && value < 1) return this.template("player.percent.under");
      if (value > 99 && value < 100) return this.template("player.percent.over");
      return this.say(["player.percent", { value: this.fixed(value, 0) }]);
    }

    short(value) { // three significant digits, as "%.3g"
      if (!Number.isFinite(value) || value === 0) return plain(value);
      const exponent = Number(value.toExponential(2).split("e")[1]);
      if (exponent >= -4 && exponent < 3) return this.fixed(value, 2 - exponent, true);
      const mantissa = this.fixed(value / 10 ** exponent, 2, true);
      const sign = exponent < 0 ? "−" : "+";
      return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
    }

    decibel(value) {
      return this.say(["player.decibel", { value: this.fixed(value, 1) }]);
    }

    whole(value) {
      return this.fixed(value, 0);
    }

    capital(text) { // and a full stop; the name of a file or field keeps its first letter
      const [first] = text.split(" ", 1);
      const begins = /[/_]/.test(first) ? text.slice(0, 1) : text.slice(0, 1).toUpperCase();
      const stop = ASCII.test(text) ? "." : this.template("sentence.stop");
      return begins + text.slice(1) + (/[.!?。]$/.test(text) ? "" : stop);
    }

    // Rounded as the server rounds: by the exact value, halves to the even digit. Intl rounds the
    // shortest text of a number, so that 0.1235 becomes 0.124; it gives the decimal sign alone.
    fixed(value, decimals, stripped = false) {
      if (!Number.isFinite(value)) return plain(value);
      const exact = Math.abs(value).toFixed(decimals + TAIL), kept = exact.slice(0, -TAIL);
      const even = HALF.test(exact) && "02468".includes(kept.replace(/\.$/, "").at(-1));
      const text = even ? kept.replace(/\.$/, "") : Math.abs(value).toFixed(decimals);
      const short = stripped && text.includes(".") ? text.replace(/\.?0+$/, "") : text;
      return (value < 0 ? "−" : "") + short.replace(".", this.point());
    }

    point() {
      const parts = new Intl.NumberFormat(this.language).formatToParts(1.5);
      return parts.find(({ type }) => type === "decimal").value;
    }

    choose(language) {
      if (!(language in this.tables)) {
        throw new Error(`language must be one of ${Object.keys(this.tables)}, got ${language}`);
      }
      this.language = language;
      remember(language);
      this.apply();
      const detail = { language };
      document.dispatchEvent(new CustomEvent("stepwise:language", { detail }));
    }

    apply() {
      document.documentElement.lang = this.language;
      this.fill(document);
    }

    // ------------------------------------------------------------ texts that stand in HTML
    fill(root) {
      const marked = MARKS.map((name) => `[${name}]`).join();
      if (root.matches?.(marked)) this.refill(root);
      for (const node of root.querySelectorAll?.(marked) ?? []) this.refill(node);
    }

    refill(node) {
      if (!node?.getAttribute) return; // the document, or what is no longer in it
      put(node.getAttribute("data-say"), (said) => {
        const text = this.say(said);
        if (node.textContent !== text) node.textContent = text;
      });
      for (const name of ATTRIBUTES) {
        put(node.getAttribute(`data-say-${name}`), (said) => {
          const text = this.say(said);
          if (node.getAttribute(name) !== text) node.setAttribute(name, text);
        });
      }
    }

    watch() { // Gradio changes the texts of elements that stay
      new MutationObserver((changes) => {
        for (const { target, addedNodes } of changes) {
          this.refill(target.nodeType === 1 ? target : target.parentElement);
          for (const node of addedNodes) if (node.nodeType === 1) this.fill(node);
        }
      }).observe(document, {
        childList: true, characterData: true, subtree: true, attributeFilter: [...MARKS, ...ATTRIBUTES],
      });
    }
  }

  function put(json, write) { // one text that is no JSON must not leave the others unsaid
    if (!json) return;
    try {
      write(JSON.parse(json));
    } catch (error) {
      console.warn(`data-say is not JSON: ${json}`, error);
    }
  }

  // JSON knows no infinity: the server writes it as Python does.
  const INFINITE = {
    __proto__: null,
    inf: Infinity, "-inf": -Infinity, Infinity, "-Infinity": -Infinity,
    "∞": Infinity, "−∞": -Infinity,
  };
  const number = (value) => (typeof value === "number" ? value : INFINITE[value] ?? Number(value));

  function plain(value) {
    if (value === Infinity) return "∞";
    return value === -Infinity ? "−∞" : String(value).replace("-", "−");
  }

  function remember(language) {
    document.cookie = `${NAME}=${language}; path=/; max-age=31536000; SameSite=Lax`;
    try {
      localStorage.setItem(NAME, language);
    } catch { /* storage is closed to this page: the choice lasts as long as the page */ }
  }

  function stored() {
    try {
      return localStorage.getItem(NAME);
    } catch {
      return null;
    }
  }

  function wanted(tables) {
    const [first = FALLBACK] = navigator.languages ?? [navigator.language];
    return [stored(), first.split("-")[0].toLowerCase()].find((name) => name in tables);
  }

  function start() {
    const tables = JSON.parse(document.querySelector("#stepwise-words")?.textContent || "{}");
    const words = new Words(tables, wanted(tables) ?? FALLBACK);
    try {
      document.cookie = `${NAME}=${words.language}; path=/; SameSite=Lax`; // errors speak it too
    } catch { /* a page without an origin has no cookies */ }
    words.apply();
    words.watch();
    return words;
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Words, words: start() });
})();
