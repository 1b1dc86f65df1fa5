// What a learner hands on and takes up: a link, its QR code for a class, pasted settings.
(() => {
  const { words, make, dialogs, links, address } = stepwise;
  const LONGEST = 2000; // characters of a text that the server lets in
  let player = null;  // whose menu was used last
  let dialog = null;

  const say = (key, values = {}) => words.say([key, values]);

  function show(kind, title, ...parts) {
    dialog?.remove();
    dialog = dialogs.dialog(`stepwise-share ${kind}`);
    const close = dialogs.button("share-close", "keys.close", () => dialog.close());
    dialog.append(make("h2", "", title), ...parts, make("div", "share-buttons", close));
    dialog.setAttribute("aria-label", title);
    dialogs.open(dialog);
  }

  // ------------------------------------------------------------ a link, and its code
  function text(link) {
    const field = make("textarea", "share-link");
    field.value = link;
    field.readOnly = true;
    field.rows = Math.min(5, Math.ceil(link.length / 45));
    field.setAttribute("aria-label", say("link.address"));
    field.addEventListener("focus", () => field.select());
    return field;
  }

  // What the link cannot hold, in a sentence; nothing where it holds all.
  function missing() {
    const runs = player.comparison.runs(player.run);
    const lost = runs.map(({ head }) => head.link?.lost).filter(Boolean);
    return lost.slice(0, 1).map((what) => make("p", "share-lost", say("link.lost", { what })));
  }

  async function copyLink(button) {
    const link = address.linkOf(player), lost = missing();
    const copied = await stepwise.copyText(link, button);
    if (copied && !lost.length) {
      stepwise.copiedBy(button);
      return;
    }
    const done = copied ? [make("p", "", say("link.copied"))] : [];
    show("link", say("link.title"), text(link), ...done, ...lost);
    dialog.querySelector(".share-link").focus();
  }

  function showCode() {
    const place = make("div", "share-code"), status = make("p", "share-status");
    status.setAttribute("role", "status");
    place.setAttribute("aria-busy", "true");
    show("code", say("qr.title"), place, status, text(address.linkOf(player)), ...missing());
    document.getElementById("link-code")?.click();
  }

  function refuse(sentence) { // true: the server gave none
    const text = sentence === true ? say("error.fault") : sentence;
    dialog.querySelector(".share-status").textContent = text;
  }

  function gotCode({ code, refused }) {
    const place = dialog?.querySelector(".share-code");
    if (!place) return;
    place.removeAttribute("aria-busy");
    if (!code) {
      refuse(refused);
      return;
    }
    const picture = make("img", "");
    picture.alt = say("qr.alt");
    picture.src = code;
    place.replaceChildren(picture);
  }

  // ------------------------------------------------------------ pasted settings
  async function showPaste() {
    const field = make("textarea", "share-text"), use = dialogs.button("", "paste.use", () => {
      stepwise.bring("set");
      document.getElementById("link-paste")?.click();
    });
    const status = make("p", "share-status"), label = make("label", "", say("paste.label"), field);
    status.setAttribute("role", "status");
    show("paste", say("player.paste"), label, status);
    dialog.querySelector(".share-buttons").prepend(use);
    field.focus();
    try {
      const clipboard = await navigator.clipboard.readText();
      if (!field.value && clipboard.trim().startsWith("{")) field.value = clipboard;
    } catch { /* the browser refuses, or has no clipboard: the field is there */ }
  }

  function gotPaste({ refused }) {
    if (!dialog?.matches(".paste")) return;
    if (!refused) return dialog.close();
    refuse(refused);
    dialog.querySelector("textarea").focus();
  }

  // The spaces of printed JSON say nothing, and the server lets in so many characters.
  function pasted() {
    const written = dialog.querySelector("textarea").value.replace(/\s+/g, " ");
    const text = `${player.options.name}\n${written}`;
    return [text.length > LONGEST ? `${player.options.name}\n` : text];
  }

  // ------------------------------------------------------------ a file that was opened
  let opened = ""; // its settings

  function follow(name, settings) { // the controls say what is on the stage
    const text = `${name}\n${JSON.stringify(settings)}`;
    if (text.length > LONGEST) return;
    opened = text;
    stepwise.bring("run");
    document.getElementById("link-follow")?.click();
  }

  const ACTS = { link: copyLink, code: showCode, paste: showPaste };
  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-share]");
    if (!button) return;
    player = stepwise.players().find((each) => each.root.contains(button));
    if (player) ACTS[button.dataset.share](button);
  });

  window.stepwise.follow = follow;
  Object.assign(links, {
    code: { sent: () => [address.linkOf(player)], got: gotCode },
    paste: { sent: pasted, got: gotPaste },
    follow: { sent: () => [opened], got: () => {} },
  });
})();
