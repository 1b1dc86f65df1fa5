// Whether the server still answers. It is asked a small question while something is awaited from
// it and nothing comes, so that a learner hears of a dead server within five seconds.
(() => {
  const QUIET = 1500, PATIENCE = 2500; // milliseconds without news; until an answer must be here

  async function answers() { // a proxy may answer for a server that is gone, with 502 to 504
    const root = window.gradio_config?.root ?? ".";
    const signal = AbortSignal.timeout(PATIENCE);
    try {
      const { status } = await fetch(`${root}/gradio_api/app_id`, { cache: "no-store", signal });
      return status < 500;
    } catch {
      return false;
    }
  }

  class Pulse {
    constructor(changed, ask = answers) {
      this.changed = changed;
      this.ask = ask;
      this.lost = false;
      this.timer = null;
      this.round = 0; // an answer to a question of an earlier round is no news
    }

    // Something came from the server, or begins or ceases to be awaited.
    watch(awaited) {
      clearTimeout(this.timer);
      this.round += 1;
      this.lost = false;
      if (awaited) this.timer = setTimeout(() => this.probe(), QUIET);
    }

    async probe() {
      const { round } = this, lost = !(await this.ask());
      if (round !== this.round) return;
      this.timer = setTimeout(() => this.probe(), QUIET);
      if (lost === this.lost) return;
      this.lost = lost;
      this.changed();
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Pulse });
})();
