// What a learner takes away: a frame as a picture, the settings as text.
(() => {
  const { words, make, sentence, doubt } = stepwise;
  const GAP = 16, LINE = 28, FONT = "16px sans-serif";
  const WORD = /[\u2e80-\u9fff\uff00-\uffef]|[^\s\u2e80-\u9fff\uff00-\uffef]+|\s+/g;

  const settingsOf = ({ settings = {} }) => Object.entries(settings)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ");

  // Title, pictures with their symbols, what the frame says, and the settings that repeat the run.
  function saveFrame(run, frame, pictures, name) {
    const sizes = pictures.map(({ naturalWidth: w }) => (w > 128 ? w : 8 * w));
    const size = Math.max(256, ...sizes), width = pictures.length * (size + GAP) + GAP;
    const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
    pen.font = FONT;
    const wrapped = (text) => wrap(pen, text, width - 2 * GAP);
    const title = wrapped(words.say(run.head.title)), above = title.length * LINE;
    const lines = [
      ...wrapped(`${sentence(frame)} ${doubt(frame)}`), ...wrapped(settingsOf(run.head))];
    canvas.width = width;
    canvas.height = above + size + 2 * GAP + LINE * (1 + lines.length);
    pen.fillStyle = "white";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = "black";
    pen.font = FONT; // resizing a canvas resets its pen
    pen.imageSmoothingEnabled = false;
    title.forEach((text, k) => pen.fillText(text, GAP, LINE * (k + 1)));
    pen.translate(0, above);
    pictures.forEach((picture, k) => {
      const panel = run.head.panels[k];
      const caption = `${panel.symbol}  ${words.say(panel.title)}`;
      paint(pen, picture, GAP + k * (size + GAP), size, caption);
    });
    lines.forEach((text, k) => pen.fillText(text, GAP, size + GAP + LINE * (k + 2) - 4));
    canvas.toBlob(async (blob) => {
      download(await described(blob, run.head), `stepwise-${name}-${frame.i + 1}.png`);
    });
  }

  // ---------------------------------------------------------- what a PNG says of itself
  // PNG 3rd edition, 5.3 and 11.3.3.4: after the signature and IHDR, 33 bytes, any chunk may stand.
  const HEAD = 33;

  async function described(blob, { title, event = "", settings = {}, versions = {} }) {
    const about = JSON.stringify({ "made by": "Stepwise", event, settings, versions });
    const chunks = Object.entries({ Title: words.say(title), Description: about, Software: "Stepwise" })
      .map(([name, text]) => chunk(`iTXt${name}\0\0\0\0\0${text}`));
    return new Blob([blob.slice(0, HEAD), ...chunks, blob.slice(HEAD)], { type: "image/png" });
  }

  function chunk(text) { // its kind and content, between their length and their checksum
    const inside = new TextEncoder().encode(text), bytes = new Uint8Array(inside.length + 8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, inside.length - 4);
    bytes.set(inside, 4);
    view.setUint32(inside.length + 4, stepwise.crc32(inside));
    return bytes;
  }

  function paint(pen, picture, left, size, caption) {
    const height = Math.min(size, (size * picture.naturalHeight) / picture.naturalWidth);
    pen.drawImage(picture, left, GAP, size, height);
    pen.fillText(caption, left, size + GAP + 22, size);
  }

  function wrap(pen, text, width) { // Chinese has no spaces: a line may end after any character
    const lines = [""];
    for (const word of text.trim().match(WORD) ?? []) {
      const longer = lines.at(-1) + word;
      if (pen.measureText(longer.trim()).width > width) lines.push(word.trimStart());
      else lines[lines.length - 1] = longer;
    }
    return lines.map((line) => line.trim());
  }

  function download(blob, name) {
    const link = make("a", "");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  const copySettings = (run, button) => (
    copyBy(button, JSON.stringify(run.head.settings, null, 2)));

  // Copies, and the button says so for a moment.
  async function copyBy(button, text) {
    if (!await copyText(text, button)) throw new Error("the browser refused to copy the text");
    copiedBy(button);
  }

  function copiedBy(button) {
    button.dataset.verb ??= button.dataset.say;
    button.dataset.say = '["player.copied"]'; // words.js fills it in
    setTimeout(() => { button.dataset.say = button.dataset.verb; }, 1500);
  }

  // Whether the browser has put the text on the clipboard.
  async function copyText(text, button) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch { // no permission, or a page without TLS, where there is no clipboard object
      return copyByHand(text, button);
    }
  }

  function copyByHand(text, button) {
    const area = make("textarea", "announcer");
    area.value = text;
    button.after(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    button.focus();
    return copied;
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, {
    saveFrame, copySettings, copyBy, copiedBy, copyText, download,
  });
})();
