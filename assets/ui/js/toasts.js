// The title of a toast, which Gradio has in English alone.
(() => {
  const { words } = stepwise;
  const KINDS = ["error", "warning", "info"];

  function name(title) {
    const kind = KINDS.find((each) => title.classList.contains(each));
    const text = [...title.childNodes].find((node) => node.nodeType === Node.TEXT_NODE);
    const said = kind && words.say([`toast.${kind}`]);
    if (text && said && text.data.trim() !== said) text.data = `${said} `;
  }

  new MutationObserver(() => {
    for (const title of document.querySelectorAll(".toast-title")) name(title);
  }).observe(document, { childList: true, subtree: true });
})();
