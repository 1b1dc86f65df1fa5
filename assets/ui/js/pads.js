// A pad draws from the first stroke on: Gradio's editor waits until a tool is chosen.
(() => {
  let waiting = false;

  function choose() {
    waiting = false;
    for (const empty of document.querySelectorAll(".pad .empty")) {
      empty.closest(".pad").querySelector(".toolbar-wrap button")?.click(); // the brush is first
    }
  }

  function later() {
    if (waiting) return;
    waiting = true;
    setTimeout(choose, 100);
  }

  new MutationObserver(later).observe(document, { childList: true, subtree: true });
})();
