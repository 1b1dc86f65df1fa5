// Whether the server still answers, and how many runs it has in line before this page's. It is
// asked while something is awaited from it and nothing comes, so that a learner hears of a dead
// server within five seconds, and sees the line become shorter.
(() => {
  const QUIET = 1500, PATIENCE = 2500; // milliseconds without news; until an answer must be here

  // null: no answer. A proxy may answer for a server that is gone, with 502 to 504.
  async function answers() {
    const root = window.gradio_config?.root ?? ".", signal = AbortSignal.timeout(PATIENCE);
    const question = `${root}/line?session_hash=${stepwise.session ?? ""}`;
    try {
      const answer = await fetch(question, { cache: "no-store", signal });
      return answer.status < 500 ? await answer.json().catch(() => ({})) : null;
    } catch {
      return null;
    }
  }

  class Pulse {
    constructor(changed, ask = answers) {
      this.changed = changed;
      this.ask = ask;
      this.lost = false;
      this.ahead = null; // runs before this page's; null: it is not in line
      this.timer = null;
      this.round = 0; // an answer to a question of an earlier round is no news
    }

    // Something came from the server, or begins or ceases to be awaited.
    watch(awaited) {
      clearTimeout(this.timer);
      this.round += 1;
      this.lost = false;
      this.ahead = null;
      if (awaited) this.timer = setTimeout(() => this.probe(), QUIET);
    }

    async probe() {
      const { round } = this, answer = await this.ask();
      if (round !== this.round) return;
      this.timer = setTimeout(() => this.probe(), QUIET);
      const lost = !answer, ahead = answer?.ahead ?? null;
      if (lost === this.lost && ahead === this.ahead) return;
      Object.assign(this, { lost, ahead });
      this.changed();
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Pulse });
})();
