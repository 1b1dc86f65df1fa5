// Configs of schedulers as files: one is saved, another is read into the field that takes its text.
(() => {
  const { make, download } = stepwise;
  const LONGEST = 400_001; // characters: one more than the server takes, which then says so

  function saveConfig(text, name) {
    download(new Blob([text], { type: "application/json" }), name);
  }

  function openConfig() {
    const input = make("input", "");
    Object.assign(input, { type: "file", accept: ".json,application/json" });
    input.addEventListener("change", async () => {
      const field = document.querySelector(".config-text textarea, .config-text input");
      field.value = (await input.files[0].text()).slice(0, LONGEST);
      field.dispatchEvent(new Event("input", { bubbles: true })); // Gradio hears of it
    });
    input.click();
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { saveConfig, openConfig });
})();
