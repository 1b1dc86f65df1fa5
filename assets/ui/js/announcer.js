// What a screen reader is told: the newest text, at most once a second, or it never catches up.
(() => {
  const PAUSE = 1000; // milliseconds

  class Announcer {
    constructor(node) {
      this.node = node;
      this.spoken = -Infinity;
      this.timer = null;
      this.text = "";
    }

    say(text) {
      this.text = text;
      if (this.timer || this.node.textContent === text) return;
      const wait = Math.max(0, PAUSE - (performance.now() - this.spoken));
      this.timer = setTimeout(() => this.speak(), wait);
    }

    speak() {
      this.timer = null;
      this.spoken = performance.now();
      this.node.textContent = this.text;
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Announcer });
})();
