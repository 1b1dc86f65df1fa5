// The help of a control behind a question mark: Gradio's own text, shown on demand.
(() => {
  const { words, make } = stepwise;
  const PARTS = { // of a slider: Gradio names them in English alone
    "input[type=number][aria-label]": "page.field.number",
    "input[type=range][aria-label]": "page.field.range",
    "button.reset-button[aria-label]": "page.field.reset",
  };
  let count = 0;

  function rename(slider, name) {
    for (const [part, key] of Object.entries(PARTS)) {
      const label = words.say([key, { name }]), node = slider.querySelector(part);
      if (!node || node.getAttribute("aria-label") === label) continue;
      node.setAttribute("aria-label", label);
      if (node.title) node.title = label;
    }
  }

  function mark(control) {
    const name = control.querySelector("[data-testid=block-info]")?.textContent.trim()
      || control.querySelector("label")?.textContent.trim() || "";
    rename(control, name);
    const info = control.querySelector(".info-text");
    if (!info) return;
    info.id ||= `help-${count += 1}`;
    let button = control.querySelector(".help-mark");
    if (!button) {
      button = make("button", "help-mark", "?");
      button.type = "button";
      button.setAttribute("aria-expanded", "false");
      button.addEventListener("click", () => {
        const open = button.getAttribute("aria-expanded") === "true";
        button.setAttribute("aria-expanded", String(!open));
      });
      control.append(button);
    }
    const label = words.say(["page.help_of", { name }]);
    if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
    button.setAttribute("aria-controls", info.id);
    for (const input of control.querySelectorAll("input, textarea")) {
      if (!input.hasAttribute("aria-describedby")) input.setAttribute("aria-describedby", info.id);
    }
  }

  let waiting = false;
  function later() { // once for many changes: Gradio renders piece by piece
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      for (const control of document.querySelectorAll(".control")) mark(control);
    });
  }

  new MutationObserver(later).observe(document, { childList: true, subtree: true });
  document.addEventListener("stepwise:language", () => setTimeout(later, 200));
})();
