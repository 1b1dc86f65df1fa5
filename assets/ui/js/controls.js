// The buttons of a player: what each of them does, and which of them can be pressed.
(() => {
  const { words } = stepwise;

  class Controls {
    constructor(root, player) {
      this.root = root;
      const acts = {
        previous: () => player.step(-1),
        play: () => player.toggle(),
        next: () => player.step(1),
        loop: () => player.loop(),
        pin: () => player.pin(),
        save: () => player.save(),
        copy: ({ currentTarget }) => stepwise.copySettings(player.taken, currentTarget),
        "save-run": () => stepwise.saveRun(player),
        "save-runs": () => stepwise.saveRuns(player),
        "export-run": () => stepwise.exportRun(player.taken, player.options.name),
        "open-run": () => stepwise.chooseRun(),
        code: () => stepwise.showCode(player.taken, player.options.name),
      };
      for (const [name, act] of Object.entries(acts)) this.button(name).onclick = act;
      this.menu(root.querySelector(".menu"));
      this.speeds = [...root.querySelectorAll(".speeds button")];
      for (const button of this.speeds) {
        button.onclick = () => player.setSpeed(Number(button.dataset.speed));
      }
    }

    button(name) {
      return this.root.querySelector(`.${name}`);
    }

    // A menu closes when the focus or a click goes elsewhere, and by Escape, which then stops no run.
    menu(details) {
      const close = () => { details.open = false; };
      details.addEventListener("click", ({ target }) => { // of these, nothing is shown in the menu
        if (!target.closest(".save, .save-run, .save-runs, .open-run")) return;
        close();
        details.querySelector("summary").focus({ preventScroll: true });
      });
      details.addEventListener("focusout", ({ relatedTarget }) => {
        if (relatedTarget && !details.contains(relatedTarget)) close();
      });
      document.addEventListener("pointerdown", ({ target }) => {
        if (!details.contains(target)) close();
      });
      details.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || !details.open) return;
        event.stopPropagation();
        close();
        details.querySelector("summary").focus();
      });
    }

    draw(clock) {
      const { playing, run } = clock, play = this.button("play");
      const verb = words.say([playing ? "player.pause" : "player.play"]);
      this.root.dataset.playing = playing;
      play.setAttribute("aria-label", verb);
      play.title = verb;
      this.button("loop").setAttribute("aria-pressed", clock.loop);
      for (const button of this.speeds) {
        button.setAttribute("aria-pressed", Number(button.dataset.speed) === clock.speed);
      }
      for (const name of ["copy", "code"]) this.button(name).disabled = !run.head.settings;
      for (const name of ["play", "save", "save-run", "export-run"]) this.button(name).disabled = !run.count;
      this.limit("previous", !run.count || clock.index === 0);
      this.limit("next", !run.count || clock.index >= run.last);
    }

    // A button that is switched off loses the focus: at the ends of a run it only says so.
    limit(name, ended) {
      this.button(name).setAttribute("aria-disabled", ended);
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Controls });
})();
