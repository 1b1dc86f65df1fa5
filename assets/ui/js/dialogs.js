// Dialogs of the page, and what stands in them: texts and buttons that follow the language.
(() => {
  const { make } = stepwise;

  function told(className, said, tag = "span") {
    const node = make(tag, className);
    node.dataset.say = JSON.stringify(said); // words.js fills it in
    return node;
  }

  function button(className, key, act) {
    const node = told(className, [key], "button");
    node.type = "button";
    node.onclick = () => act(node);
    return node;
  }

  // Inside Gradio's container, so that its colours and the dark theme apply.
  function dialog(className) {
    const node = make("dialog", className);
    (document.querySelector(".gradio-container") || document.body).append(node);
    return node;
  }

  // Opened from a player's menu, it gives the focus back to that.
  function open(node) {
    const menu = document.activeElement?.closest(".menu");
    node.onclose = () => menu?.querySelector("summary").focus();
    node.showModal();
  }

  function chooseFile(accept, take) {
    const input = make("input", "");
    Object.assign(input, { type: "file", accept, onchange: () => take(input.files[0]) });
    input.click();
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, {
    dialogs: { told, button, dialog, open }, chooseFile,
  });
})();
