// What a learner takes away: a frame as a picture, the settings as text.
(() => {
  const { words, make, sentence, doubt } = stepwise;
  const GAP = 16, LINE = 28, FONT = "16px sans-serif";
  const WORD = /[\u2e80-\u9fff\uff00-\uffef]|[^\s\u2e80-\u9fff\uff00-\uffef]+|\s+/g;

  function saveFrame(run, frame, pictures, name) {
    const sizes = pictures.map(({ naturalWidth: w }) => (w > 128 ? w : 8 * w));
    const size = Math.max(256, ...sizes), width = pictures.length * (size + GAP) + GAP;
    const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
    pen.font = FONT;
    const lines = wrap(pen, `${sentence(frame)} ${doubt(frame)}`, width - 2 * GAP);
    canvas.width = width;
    canvas.height = size + 2 * GAP + LINE * (1 + lines.length);
    pen.fillStyle = "white";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = "black";
    pen.font = FONT; // resizing a canvas resets its pen
    pen.imageSmoothingEnabled = false;
    pictures.forEach((picture, k) => {
      const panel = run.head.panels[k];
      const caption = `${panel.symbol}  ${words.say(panel.title)}`;
      paint(pen, picture, GAP + k * (size + GAP), size, caption);
    });
    lines.forEach((text, k) => pen.fillText(text, GAP, size + GAP + LINE * (k + 2) - 4));
    canvas.toBlob((blob) => download(blob, `stepwise-${name}-${frame.i + 1}.png`));
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
    copyText(JSON.stringify(run.head.settings, null, 2), button));

  async function copyText(text, button) {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // no permission, or a page without TLS, where there is no clipboard object
      copyByHand(text, button);
    }
    button.dataset.verb ??= button.dataset.say;
    button.dataset.say = '["player.copied"]'; // words.js fills it in
    setTimeout(() => { button.dataset.say = button.dataset.verb; }, 1500);
  }

  function copyByHand(text, button) {
    const area = make("textarea", "announcer");
    area.value = text;
    button.after(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    button.focus();
    if (!copied) throw new Error("the browser refused to copy the text");
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, {
    saveFrame, copySettings, copyText, download });
})();
