// The help of a control behind a question mark: Gradio's own text, shown on demand.
(() => {
  const { words, make, changed } = stepwise;
  let count = 0;

  function mark(control) {
    const info = control.querySelector(".info-text");
    if (!info) return;
    info.id ||= `help-${count += 1}`;
    const name = stepwise.nameOf(control);
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

  changed(() => document.querySelectorAll(".control").forEach(mark));
})();
