// A number that is typed beside a slider stays as it was typed: Gradio would bring it into the
// slider's range, but a field may take more (1,000 steps), and refuses the rest in a sentence.
document.addEventListener("blur", (event) => {
  if (event.target.matches?.(".control input[type=number]")) event.stopPropagation();
}, true);
