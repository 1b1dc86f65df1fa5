// A pad draws from the first stroke on: Gradio's editor waits until a tool is chosen.
stepwise.changed(() => {
  for (const empty of document.querySelectorAll(".pad .empty")) {
    empty.closest(".pad").querySelector(".toolbar-wrap button")?.click(); // the brush is first
  }
});
