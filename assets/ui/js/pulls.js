// What moves a point of a drawing: a pointer that drags it, and keys.
(() => {
  const STEP = { alpha_bar: 0.01, log_snr: 0.25 }, TICK = 0.01; // of a key; with Shift a tenth
  const FAR = 10;   // steps of Page Up and Page Down
  const REST = 250; // milliseconds after the last key, when the server is told

  const ACTS = {
    Delete: (drawing) => drawing.change(() => drawing.remove()),
    Enter: (drawing) => drawing.change(() => drawing.add()),
    "+": (drawing) => drawing.change(() => drawing.add()),
  };
  ACTS.Backspace = ACTS.Delete;

  // Where a key moves a point to: by steps, or to the ends of its room. Null for another key.
  function target({ key, shiftKey }, { u, y }, quantity) {
    const share = shiftKey ? 0.1 : 1, step = STEP[quantity] * share, tick = TICK * share;
    return {
      ArrowUp: { u, y: y + step },
      ArrowDown: { u, y: y - step },
      ArrowRight: { u: u + tick, y },
      ArrowLeft: { u: u - tick, y },
      PageUp: { u, y: y + FAR * step },
      PageDown: { u, y: y - FAR * step },
      Home: { u, y: -Infinity },
      End: { u, y: Infinity },
    }[key] ?? null;
  }

  function onKey(event, i, drawing) {
    if (event.altKey || event.metaKey) return;
    const act = ACTS[event.key], to = target(event, drawing.points[i], drawing.quantity);
    const undo = event.ctrlKey && event.key === "z";
    if (!undo && (event.ctrlKey || (!act && !to))) return;
    event.preventDefault();
    if (undo) return void drawing.undo();
    if (act) return void act(drawing);
    if (!drawing.resting) drawing.begin();
    clearTimeout(drawing.resting);
    drawing.move(i, to);
    drawing.moved();
    drawing.resting = setTimeout(() => drawing.end(), REST);
  }

  function onPointer(event, i, drawing) {
    if (event.button) return;
    event.preventDefault();
    const node = event.currentTarget, from = drawing.place(event), { u, y } = drawing.points[i];
    node.focus({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    drawing.begin();
    node.onpointermove = (moved) => { // as far as the pointer went, wherever it took hold
      const to = drawing.place(moved);
      drawing.move(i, { u: u + to.u - from.u, y: y + to.y - from.y });
      drawing.moved();
    };
    node.onpointerup = node.onpointercancel = () => {
      node.onpointermove = node.onpointerup = node.onpointercancel = null;
      drawing.end();
    };
  }

  function pulls(node, i, drawing) {
    node.addEventListener("keydown", (event) => onKey(event, i, drawing));
    node.addEventListener("pointerdown", (event) => onPointer(event, i, drawing));
    // A finger on a point scrolls nothing: touch-action does not hold for parts of an SVG.
    node.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { pulls });
})();
