// Names of buttons and pictures that Gradio has in English alone.
(() => {
  const { words } = stepwise;
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
  const NAMED = ":is(.block, .toast-body) :is([aria-label], [title])";
  const known = new WeakMap(); // elements that were renamed, and their keys

  function rename(node) {
    const key = KEYS[node.getAttribute("aria-label")] ?? KEYS[node.title] ?? known.get(node);
    if (!key) return;
    known.set(node, key);
    for (const name of ["aria-label", "title"]) {
      const label = words.say([key]);
      if (node.hasAttribute(name) && node.getAttribute(name) !== label) {
        node.setAttribute(name, label);
      }
    }
  }

  let waiting = false;
  function later() { // once for many changes
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      document.querySelectorAll(NAMED).forEach(rename);
    });
  }

  new MutationObserver(later).observe(document, { childList: true, subtree: true });
  document.addEventListener("stepwise:language", later);
})();
