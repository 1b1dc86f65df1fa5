// Configs of schedulers as files: one is saved, another is read into the field that takes its text.
(() => {
  const { chooseFile, download } = stepwise;
  const MOST = 4000; // numbers and texts: the server reads no more of a request

  function saveConfig(text, name) {
    download(new Blob([text], { type: "application/json" }), name);
  }

  const field = () => document.querySelector(".config-text :is(textarea, input)");

  // What stands in the field, as JSON; null where it is none, or too much.
  function pasted() {
    let count = 0;
    try {
      return JSON.parse(field().value, (_, value) => {
        if (++count > MOST) throw new RangeError("too much");
        return value;
      });
    } catch {
      return null;
    }
  }

  function openConfig() {
    chooseFile(".json,application/json", async (file) => {
      field().value = await file.text();
      field().dispatchEvent(new Event("input", { bubbles: true })); // Gradio hears of it
    });
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { saveConfig, openConfig, pasted });
})();
