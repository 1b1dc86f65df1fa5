// What Gradio's fields, pads and uploads do not do by themselves.

// A number that is typed beside a slider stays as it was typed: Gradio would bring it into the
// slider's range, but a field may take more (1,000 steps), and refuses the rest in a sentence.
document.addEventListener("blur", (event) => {
  if (event.target.matches?.(".control input[type=number]")) event.stopPropagation();
}, true);

// A pad draws from the first stroke on: Gradio's editor waits until a tool is chosen.
stepwise.changed(() => {
  for (const empty of document.querySelectorAll(".pad .empty")) {
    empty.closest(".pad").querySelector(".toolbar-wrap button")?.click(); // the brush is first
  }
});

// Some systems know no type for the pictures of phones, and an upload goes by the type alone.
(() => {
  const PHONES = /\.(heic|heif|avif)$/i;
  const untyped = (files) => [...files].some((file) => !file.type && PHONES.test(file.name));

  function choose(input, files) {
    const typed = new DataTransfer();
    for (const file of files) {
      const [, kind] = (!file.type && PHONES.exec(file.name)) || [];
      const type = kind ? `image/${kind.toLowerCase()}` : file.type;
      typed.items.add(new File([file], file.name, { type }));
    }
    input.files = typed.files;
  }

  function onChosen(event) {
    const { target } = event;
    if (target.type === "file" && untyped(target.files)) choose(target, target.files);
  }

  function onDrop(event) {
    const input = event.target.closest?.(".image-container")?.querySelector("input[type=file]");
    const files = event.dataTransfer?.files ?? [];
    if (!input || !untyped(files)) return;
    event.preventDefault();
    event.stopPropagation();
    choose(input, files);
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.addEventListener("change", onChosen, true);
  document.addEventListener("drop", onDrop, true);
})();
