// The language of Gradio's own labels follows that of the page, and the buttons in its head.
(() => {
  const { words } = stepwise;
  const GRADIO = { zh: "zh-CN" }; // what Gradio calls a language, where it differs
  let core = null; // the module of Gradio's page that holds its tables, fetched already

  async function gradio(language) {
    const path = document.querySelector("#stepwise-core")?.textContent.trim();
    if (!path) return;
    core ??= import(new URL(path, document.baseURI));
    await (await core).changeLocale(GRADIO[language] ?? language);
    for (const tab of document.querySelectorAll("[data-tab-id]")) { // Gradio forgets unseen ones
      tab.firstChild.data = words.template(`tab.${tab.dataset.tabId}`);
    }
    document.documentElement.lang = language; // Gradio writes its own name of it
  }

  function other() {
    const names = Object.keys(words.tables), at = names.indexOf(words.language);
    return names[(at + 1) % names.length];
  }

  const ACTS = {
    language: () => words.choose(other()),
    glossary: () => stepwise.glossary.open(),
    present: () => stepwise.present(),
    help: () => stepwise.help(),
    "skip.run": () => stepwise.visible(".run-button")?.focus(),
    "skip.stage": () => stepwise.visible(".track")?.focus(),
  };

  document.addEventListener("click", (event) => {
    const act = event.target.closest?.("[data-act]")?.dataset.act;
    if (act in ACTS) ACTS[act]();
  });
  document.addEventListener("stepwise:language", ({ detail }) => gradio(detail.language));
  const loaded = new MutationObserver(() => { // Gradio has its tables once its page is there
    if (!document.querySelector(".stepwise-head [data-act]")) return;
    loaded.disconnect();
    gradio(words.language);
  });
  loaded.observe(document, { childList: true, subtree: true });
})();
