// A clock: which frame is shown, while a learner steps or plays and while frames arrive. No DOM;
// the time is passed in. One clock leads by one run; another run is shown at the same place.
(() => {
  const SPEEDS = [1 / 8, 1 / 4, 1 / 2, 1, 2, 4];
  const PACE = 100, LONGEST = 20000; // milliseconds: one frame at 1x, a whole run at 1x
  const LATEST = 200; // milliseconds that a running stage may lie behind what has arrived
  const REST = 900;   // milliseconds that the last frame stays before a loop begins again

  // The frame of a run that belongs to a frame of the leading one.
  const ALIGNED = {
    level: (run, frame, leading) => {
      const near = (frame.i / Math.max(1, leading.last)) * run.last;
      return run.at(run.nearest(frame.pos, near));
    },
    step: (run, frame) => run.at(frame.i),
    calls: (run, frame, leading) => { // the last one that costs no more
      const paid = leading.calls(frame.i);
      return run.frames.findLast((each) => each && run.calls(each.i) <= paid) ?? run.at(0);
    },
  };

  class Clock {
    constructor(run) {
      this.run = run;
      this.align = "level"; // what another run is shown by: its noise level, step or calls
      this.index = 0;       // where the learner wants to be
      this.follow = true;   // the last frame is shown as frames arrive
      this.speed = 1;
      this.loop = false;
      this.motion = null;   // the way to the last frame, as played or as it arrives
      this.heard = 0;       // when the last message came,
      this.stride = 0;      // and the milliseconds of one step in it
    }

    get playing() {
      return Boolean(this.motion?.played);
    }

    get frame() {
      return this.run.at(this.index);
    }

    // The frame of any run: of the leading one by its index, of another one as they are aligned.
    frameOf(run) {
      return run === this.run || !this.frame ? run.at(this.index) : this.beside(run, this.frame);
    }

    // The frame of another run beside a frame of the leading one.
    beside(run, frame) {
      if (run === this.run || !run.count) return frame;
      return ALIGNED[this.align](run, frame, this.run);
    }

    // The index of the leading run at which a frame of another run is shown.
    indexOf(run, index) {
      if (run === this.run) return index;
      const near = (index / Math.max(1, run.last)) * this.run.last;
      if (this.align === "level") return this.run.nearest(run.at(index).pos, near);
      const shown = this.run.frames.findIndex((each) => each && this.beside(run, each).i >= index);
      return shown < 0 ? this.run.last : shown;
    }

    // The leading run becomes another one, and the clock stays where it is.
    lead(run) {
      if (run === this.run) return;
      const frame = this.frame && this.beside(run, this.frame);
      this.run = run;
      this.motion = null;
      this.index = Math.min(frame?.i ?? 0, run.last);
    }

    // A message was taken: its frames are shown one after another, in the time that they took.
    // So every step is seen, and the picture moves evenly. `calm`: all at once.
    arrive({ fresh, stay }, now, calm) {
      if (fresh) this.restart(stay);
      if (this.run.status !== "running") this.index = Math.min(this.index, this.run.last);
      if (!this.follow || this.playing || !this.run.count) return;
      if (this.run.head.start != null) this.index = Math.min(this.run.head.start, this.run.last);
      else this.catchUp(fresh, now, calm);
    }

    restart(stay) {
      this.follow = !stay;
      if (stay) return;
      this.motion = null;
      this.index = 0;
    }

    catchUp(fresh, now, calm) {
      const took = now - this.heard, behind = this.run.last - this.index;
      this.heard = now;
      this.motion = null;
      if (fresh || calm || behind < 2) {
        this.index = this.run.last;
        return;
      }
      // The last steps keep the pace of the others.
      if (this.run.status === "running") this.stride = took / behind;
      const pace = Math.max(1, Math.min(this.stride, LATEST / behind));
      this.motion = { since: now, from: this.index + 1, pace: () => pace };
    }

    tick(now) {
      if (!this.motion || !this.run.count) return;
      const { last } = this.run, { since, from } = this.motion, pace = this.motion.pace();
      const passed = Math.max(0, Math.floor((now - since) / pace));
      this.index = Math.min(last, from + passed);
      if (this.index < last) return;
      if (this.loops()) this.turn(now, since + (last - from) * pace);
      else this.finish();
    }

    loops() {
      return this.loop && this.playing && this.run.status !== "running" && this.run.last > 0;
    }

    turn(now, arrived) {
      if (now - arrived >= Math.max(REST, this.motion.pace())) this.begin(now, 0);
    }

    finish() {
      this.follow = true;
      this.motion = null;
    }

    // Milliseconds until the frame changes; null while it stands.
    untilNext(now) {
      if (!this.motion) return null;
      const pace = this.motion.pace();
      return pace - ((now - this.motion.since) % pace);
    }

    play(now) {
      if (!this.run.count) return;
      this.begin(now, this.index >= this.run.last ? 0 : this.index);
    }

    begin(now, from) {
      this.index = from;
      this.motion = { since: now, from, pace: () => this.tempo(), played: true };
    }

    pause() {
      this.motion = null;
    }

    toggle(now) {
      if (this.playing) this.pause();
      else this.play(now);
    }

    seek(index) {
      if (!this.run.count) return;
      this.pause();
      this.index = Math.max(0, Math.min(this.run.last, index));
      this.follow = this.index === this.run.last;
    }

    step(by) {
      this.seek(this.index + by);
    }

    tempo() {
      return Math.min(PACE, LONGEST / this.run.count) / this.speed;
    }

    setSpeed(speed, now) {
      if (!SPEEDS.includes(speed)) throw new Error(`speed must be one of ${SPEEDS}, got ${speed}`);
      this.speed = speed;
      if (this.playing) this.begin(now, this.index);
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, {
    Clock, SPEEDS, ALIGNS: Object.keys(ALIGNED),
  });
})();
