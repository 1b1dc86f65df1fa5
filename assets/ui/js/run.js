// A run: messages become frames. No DOM and no clock in here; times are passed in.
(() => {
  const NO_HEAD = { panels: [] };
  const GRACE = 400; // milliseconds after Stop in which a frame may still be on its way

  class Run {
    constructor() {
      this.id = null;
      this.head = NO_HEAD;      // what describes the run: panels, total, ticks, ...
      this.frames = [];
      this.status = "empty";
      this.waiting = null;      // what is awaited: { run, say, since, before }
      this.past = new Set();    // runs that were on screen before this one
      this.stopped = { run: null, at: -Infinity };
    }

    get state() {
      return this.waiting ? "waiting" : this.status;
    }

    get count() {
      return this.frames.length;
    }

    get total() {
      return Math.max(this.head.total || 0, this.count);
    }

    get last() {
      return Math.max(0, this.count - 1);
    }

    // The frame of an index, or the one before it where a message was missed.
    at(index) {
      for (let i = Math.min(index, this.last); i >= 0; i -= 1) {
        if (this.frames[i]) return this.frames[i];
      }
      return this.frames.find(Boolean);
    }

    // The panel with this key, by its place.
    place(key) {
      return this.head.panels.findIndex((panel) => panel.key === key);
    }

    // Network calls until a frame.
    calls(index) {
      return this.at(index)?.numbers?.calls ?? 0;
    }

    // A run may pass a place twice: then the visit closest in time wins.
    nearest(pos, near) {
      const cost = (frame) => Math.abs(frame.pos - pos) + 1e-6 * Math.abs(frame.i - near);
      return this.frames.reduce((best, frame) => (cost(frame) < cost(best) ? frame : best)).i;
    }

    // Takes a message; answers what changed: { fresh, stay }, or null if it says nothing new.
    take(message, now) {
      if (message.status === "waiting") return this.wait(message, now);
      const fresh = message.run !== this.id;
      if (fresh && this.isLate(message)) return null;
      const stay = fresh && this.staysWith(message);
      if (!this.isBefore(message)) this.waiting = null;
      if (fresh) this.begin(message);
      if (message.panels) this.head = message;
      for (const frame of message.frames || []) this.put(frame, message.refined);
      this.settle(message.status, now);
      return { fresh, stay };
    }

    // What was on screen stays until the first frame comes: the run may still be refused.
    wait(message, now) {
      const begun = [this.id, this.stopped.run].includes(message.run ?? {});
      if (begun || now - this.stopped.at < GRACE) return null;
      const say = message.say ?? ["player.waiting"];
      this.waiting = { run: message.run, say, since: -Infinity, before: this.id };
      return { fresh: false, stay: false };
    }

    // A run was asked for, and the server has not answered yet.
    press(now) {
      this.stopped.at = -Infinity; // what comes now belongs to the new run
      this.waiting = { run: null, say: ["player.waiting"], since: now, before: this.id };
    }

    // While the next run is awaited, the one on screen may still get frames and pictures.
    isBefore({ run, status, refined }) {
      return refined || (status === "running" && run === this.waiting?.before);
    }

    // A late picture, or a frame of a run that another one has replaced.
    isLate(message) {
      return message.refined || (message.status === "running" && this.past.has(message.run));
    }

    staysWith({ keep }) {
      return Boolean(keep && this.count && (!this.head.keep || this.head.keep === keep));
    }

    begin(message) {
      if (this.id !== null) this.past.add(this.id);
      this.id = message.run;
      this.frames = [];
      if (!message.panels) this.head = NO_HEAD; // the first messages were missed: wait for all
    }

    // A picture that is null is that of the frame before; in a refined frame it stays.
    put(frame, refined) {
      const before = this.frames[refined ? frame.i : frame.i - 1]?.pictures ?? [];
      const pictures = frame.pictures.map((picture, k) => picture ?? before[k]);
      this.frames[frame.i] = { ...frame, pictures };
    }

    // A frame may still be in flight when Stop was pressed: it is kept, the status is not.
    settle(status, now) {
      const late = this.id === this.stopped.run || now - this.stopped.at < GRACE;
      this.status = status === "running" && late ? "stopped" : status;
    }

    stop(now) {
      this.stopped = { run: this.waiting?.run ?? this.stopped.run, at: now };
      this.waiting = null;
      if (this.status !== "running") return;
      this.stopped.run = this.id;
      this.status = "stopped";
    }

    // The visits of the timeline one after another, each of them in one direction.
    passes() {
      const passes = [];
      let direction = 0, before = null;
      for (const frame of this.frames.filter(Boolean)) {
        const way = before ? Math.sign(frame.pos - before.pos) : 0;
        const turns = way && direction && way !== direction;
        if (!before || turns || frame.thumb !== before.thumb) {
          passes.push([]);
          direction = 0;
        } else {
          direction = way || direction;
        }
        passes.at(-1).push(frame);
        before = frame;
      }
      return passes;
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Run });
})();
