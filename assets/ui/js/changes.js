// Gradio renders piece by piece, and anew when it likes: who mends its elements asks for `changed`.
(() => {
  const callbacks = new Set();
  let waiting = false;

  function tell() {
    waiting = false;
    for (const callback of callbacks) callback();
  }

  function later() { // once for many changes
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(tell);
  }

  // Calls back after elements came into the page or left it, and in another language.
  function changed(callback) {
    callbacks.add(callback);
    later();
  }

  new MutationObserver(later).observe(document, { childList: true, subtree: true });
  document.addEventListener("stepwise:language", () => setTimeout(later, 200)); // Gradio's, too
  window.stepwise = Object.assign(window.stepwise ?? {}, { changed });
})();
