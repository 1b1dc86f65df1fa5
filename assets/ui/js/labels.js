// What Gradio says in English alone: names of buttons and of the parts of a slider, and the titles
// of toasts, which end when one runs or resets anew.
(() => {
  const { words, changed } = stepwise;
  const KEYS = {
    "Brush": "gradio.brush",
    "Brush Size": "gradio.brush_size",
    "Capture from camera": "gradio.camera",
    "Clear canvas": "gradio.clear",
    "Click to upload or drop files": "gradio.drop",
    "Close": "gradio.close",
    "Color": "gradio.color",
    "Erase": "gradio.erase",
    "Pan": "gradio.pan",
    "Paste from clipboard": "gradio.paste",
    "Redo": "gradio.redo",
    "Undo": "gradio.undo",
    "undo": "gradio.undo",
    "Upload file": "gradio.upload",
    "Zoom in": "gradio.zoom_in",
    "Zoom out": "gradio.zoom_out",
  };
  const PARTS = { // of a slider, named by its label
    "input[type=number][aria-label]": "page.field.number",
    "input[type=range][aria-label]": "page.field.range",
    "button.reset-button[aria-label]": "page.field.reset",
  };
  const TOASTS = ["error", "warning", "info"];
  const NAMED = ":is(.block, .toast-body) :is([aria-label], [title])";
  const known = new WeakMap(); // elements that were renamed, and their keys

  function put(node, label) {
    for (const name of ["aria-label", "title"]) {
      const old = node.getAttribute(name);
      if (old && old !== label) node.setAttribute(name, label);
    }
  }

  function rename(node) {
    const key = KEYS[node.getAttribute("aria-label")] ?? KEYS[node.title] ?? known.get(node);
    if (!key) return;
    known.set(node, key);
    put(node, words.say([key]));
  }

  function nameOf(control) {
    const label = control.querySelector("[data-testid=block-info]") ?? control.querySelector("label");
    return label?.textContent.trim() ?? "";
  }

  function renameParts(control) {
    for (const [part, key] of Object.entries(PARTS)) {
      const node = control.querySelector(part);
      if (node) put(node, words.say([key, { name: nameOf(control) }]));
    }
  }

  function entitle(title) {
    const kind = TOASTS.find((each) => title.classList.contains(each));
    const text = [...title.childNodes].find((node) => node.nodeType === Node.TEXT_NODE);
    const said = kind && words.say([`toast.${kind}`]);
    if (text && said && text.data.trim() !== said) text.data = `${said} `;
    for (const name of ["role", "tabindex"]) { // a button around the button that closes it
      title.closest(".toast-header")?.removeAttribute(name);
    }
  }

  document.addEventListener("click", ({ target }) => {
    if (!target.closest(".run-button, .reset-button, .chip")) return;
    document.querySelectorAll(".toast-close").forEach((button) => button.click());
  });

  changed(() => {
    document.querySelectorAll(NAMED).forEach(rename);
    document.querySelectorAll(".control").forEach(renameParts);
    document.querySelectorAll(".toast-title").forEach(entitle);
  });
  window.stepwise = Object.assign(window.stepwise ?? {}, { nameOf });
})();
