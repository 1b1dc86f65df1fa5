// What a comparison is told by the learner: which runs, which of their pictures, how aligned.
(() => {
  const { words, make, write, LETTERS } = stepwise;

  class Pins {
    constructor(root, player) {
      this.root = root;
      this.player = player;
      this.box = root.querySelector(".compared");
      this.align = this.box.querySelector(".align");
      this.panel = this.box.querySelector(".which");
      this.align.onchange = () => player.setAlign(this.align.value);
      this.panel.onchange = () => player.compare((comparison) => {
        comparison.panel = this.panel.value;
      });
      this.box.querySelector(".unpin-all").onclick = () => player.compare((comparison) => {
        comparison.clear();
        this.pinButton.focus();
      });
    }

    get pinButton() {
      return this.root.querySelector(".pin");
    }

    draw(run, clock) {
      const { comparison } = this.player, count = comparison.pinned.length;
      this.drawPin(comparison, run);
      const active = comparison.active(run);
      this.root.toggleAttribute("data-compared", active);
      this.box.hidden = !count;
      if (!count) return;
      const runs = comparison.runs(run);
      write(this.box.querySelector(".next-run"), active ? ""
        : words.say(["pinned.next", { letter: LETTERS[count - 1], next: LETTERS[count] }]));
      this.drawRuns(comparison, runs);
      for (const label of this.box.querySelectorAll("label")) label.hidden = !active;
      if (active) this.drawChoices(comparison, run, clock);
    }

    drawPin(comparison, run) {
      const letter = LETTERS[comparison.pinned.length];
      write(this.pinButton, words.say(["pinned.pin", { letter }]));
      this.pinButton.disabled = !comparison.takes(run);
    }

    // A button for each run shows it alone; the ones that are pinned can be let go.
    drawRuns(comparison, runs) {
      const key = JSON.stringify([words.language, runs.map(({ id }) => id), comparison.alone,
        comparison.pinned.length]);
      if (key === this.built) return;
      this.built = key;
      const buttons = runs.flatMap((run, place) => this.runButtons(comparison, place));
      this.box.querySelector(".runs").replaceChildren(...buttons);
    }

    runButtons(comparison, place) {
      const letter = LETTERS[place];
      const alone = make("button", "alone", letter);
      alone.type = "button";
      alone.title = words.say(["pinned.alone", { letter }]);
      alone.setAttribute("aria-label", alone.title);
      alone.setAttribute("aria-pressed", comparison.alone === place);
      alone.onclick = () => this.player.showAlone(place);
      if (place >= comparison.pinned.length) return [alone];
      const unpin = make("button", "unpin", "×");
      unpin.type = "button";
      unpin.title = words.say(["pinned.unpin", { letter }]);
      unpin.setAttribute("aria-label", unpin.title);
      unpin.onclick = () => this.player.compare(() => comparison.unpin(place));
      return [alone, unpin];
    }

    drawChoices(comparison, run, clock) {
      const panels = comparison.panels(run), chosen = comparison.key(run);
      const key = JSON.stringify([words.language, panels]);
      if (this.offered !== key) {
        this.offered = key;
        this.panel.replaceChildren(...panels.map((panel) => (
          new Option(`${panel.symbol} ${words.say(panel.title)}`, panel.key))));
      }
      if (this.panel.value !== chosen) this.panel.value = chosen;
      if (this.align.value !== clock.align) this.align.value = clock.align;
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Pins });
})();
