// One player of the page: a run, a clock, a stage and a timeline, and what moves them. Each
// `stepwise.mount` makes one; it is all that js_on_load of gr.HTML calls.
(() => {
  const { words, write, sentence, Run, Clock, Pulse, Stage, Timeline, Controls } = stepwise;
  const { Comparison, Differences, Pins } = stepwise;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const mouse = window.matchMedia("(hover: hover) and (min-width: 641px)"); // and room to say so
  const NEWS = ["running", "done", "stopped", "opened"]; // of which a learner is told
  const HASTE = 300; // milliseconds in which an answer needs no word about waiting
  const REST = 200; // milliseconds on a frame after which its previews are decoded in full

  class Player {
    constructor(element, options) {
      this.element = element;
      this.options = options;
      this.root = element.querySelector(".player");
      this.run = new Run();
      this.clock = new Clock(this.run);
      this.stage = new Stage(this.root, options);
      this.timeline = new Timeline(this.root, { seek: (run, index) => this.seekIn(run, index) });
      this.controls = new Controls(this.root, this);
      this.comparison = new Comparison(words, new Differences(() => this.wake()));
      this.pins = new Pins(this.root, this);
      this.announcer = new stepwise.Announcer(this.find(".announcer"));
      this.pulse = new Pulse(() => this.wake());
      this.autoplay = false; // a recorded run plays once, when it is first in view
      this.seen = false;
      this.stale = false;
      this.moved = false;    // the learner moves the frames: then they are announced
      this.told = "";        // the run and its status that were announced last
      this.drawing = 0;
      this.listen();
      this.wake();
    }

    find(selector) {
      return this.root.querySelector(selector);
    }

    // -------------------------------------------------------- messages
    take(text) {
      if (!text) return;
      const message = JSON.parse(text);
      for (const each of message.beside ?? []) this.takeRun(each); // from one file
      this.takeRun(message);
      const { status, settings } = message;
      if (status === "opened" && settings) stepwise.follow(this.options.name, settings);
    }

    takeRun(message) {
      const now = performance.now();
      const compares = this.comparison.prepare(message, this.run);
      if (compares) this.clock.align = message.compare.align;
      const change = this.run.take(message, now);
      if (!change) return;
      if (change.fresh) this.begin(message, change);
      this.lead();
      this.clock.arrive(change, now, calm.matches);
      this.autoplay ||= change.fresh && this.opens(message);
      this.redraw();
      this.startWhenSeen();
      this.listenFor();
      this.wake();
    }

    begin(message, { stay }) {
      this.autoplay = this.stale = this.moved = false;
      if (!stay && message.status !== "tape") this.comeIntoView();
    }

    // The longest of the runs that are compared counts the frames; while one runs, it does.
    lead() {
      this.clock.lead(this.comparison.leading(this.run, this.clock.align));
    }

    redraw() {
      this.timeline.update(this.clock.run, this.comparison.rows(this.run));
    }

    comeIntoView() { // many buttons stand far below the stage
      const options = { block: "nearest", behavior: calm.matches ? "auto" : "smooth" };
      this.find(".stage").scrollIntoView(options);
    }

    // A button was pressed: until its first frame comes, the stage says that it waits.
    wait() {
      this.run.press(performance.now());
      this.comeIntoView();
      this.listenFor();
      this.wake();
      setTimeout(() => this.wake(), HASTE); // then it is said aloud, too
    }

    listenFor() {
      this.pulse.watch(this.run.waiting || this.run.status === "running");
    }

    get awaited() {
      const { lost, ahead } = this.pulse, { waiting } = this.run;
      if (lost) return ["player.unreachable"];
      return waiting && ahead !== null ? ["player.line", { ahead }] : waiting?.say ?? null;
    }

    opens({ status }) {
      const whole = status === "tape" && this.run.head.start == null;
      return whole && this.clock.follow && !calm.matches;
    }

    startWhenSeen() {
      if (!this.autoplay || !this.seen) return;
      this.autoplay = false;
      this.clock.index = 0;
      this.clock.play(performance.now());
      this.wake();
    }

    // -------------------------------------------------------- drawing, newest state only
    wake() {
      if (!this.drawing) this.drawing = requestAnimationFrame((now) => this.draw(now));
    }

    draw(now) {
      this.drawing = 0;
      this.clock.tick(now);
      const { run, clock } = this, own = clock.frameOf(run);
      this.shown = this.comparison.view(run, clock);
      this.stage.draw(this.shown.run, this.shown.frame, this.awaited);
      this.timeline.draw(clock);
      this.controls.draw(clock);
      this.pins.draw(run, clock);
      this.drawStatus();
      this.announce(this.shown.frame, performance.now());
      if (own) this.rest(own);
      stepwise.address.note(this);
      clearTimeout(this.timer);
      if (!clock.motion || !this.element.isConnected) return;
      this.timer = setTimeout(() => this.wake(), clock.untilNext(now));
    }

    drawStatus() {
      const { root } = this;
      root.dataset.status = this.run.state;
      root.toggleAttribute("data-stale", this.stale);
      if (this.stale) root.dataset.stale = "true";
      write(this.find(".stale-badge"), this.stale ? words.say(["player.stale"]) : "");
      write(this.find(".player-status"), words.say(this.statusSaid()));
    }

    statusSaid() {
      const { state: status, count, total } = this.run;
      if (status === "empty" || status === "waiting") return ""; // the stage says it
      const part = status === "opened" && count < total ? ".part" : "", { file } = this.run.head;
      if (status !== "running") return [`player.${status}${part}`, { count, total, file }];
      const tab = this.root.closest("[role=tabpanel]");
      const esc = mouse.matches && tab?.querySelector(".stop-button");
      return [`player.running${esc ? ".esc" : ""}`, { count, total }];
    }

    // Running, done, stopped and opened are announced, and the frames to which the learner moves.
    announce(frame, now) {
      const { run, awaited } = this, told = `${run.id} ${run.status}`;
      if (awaited) {
        const early = run.waiting && now - run.waiting.since < HASTE;
        return early || this.announcer.say(words.say(awaited));
      }
      const news = told !== this.told && NEWS.includes(run.status);
      this.told = told;
      if (news) return this.announcer.say(this.news(frame));
      if (this.moved && frame) this.announcer.say(sentence(frame));
    }

    news(frame) {
      if (this.run.status === "running") return words.say(["player.begun"]);
      return words.join([words.say(this.statusSaid()), frame ? sentence(frame) : ""]);
    }

    // Approximate previews are decoded in full when the learner rests on their frame.
    rest(frame) {
      stepwise.shows(this.options.name, frame.i);
      clearTimeout(this.resting);
      const approximate = frame.approx?.length && !frame.asked;
      if (!approximate || this.clock.motion || this.run.status !== "done") return;
      this.resting = setTimeout(() => {
        frame.asked = true;
        stepwise.refine(this.options.name);
      }, REST);
    }

    // -------------------------------------------------------- what the learner does
    move(act) {
      if (!this.clock.run.count) return;
      this.autoplay = false;
      this.moved = true;
      act();
      this.wake();
    }

    seek(index) {
      this.move(() => this.clock.seek(index));
    }

    seekIn(run, index) { // a thumbnail of another run than the leading one
      this.seek(this.clock.indexOf(run, index));
    }

    step(by) {
      this.move(() => this.clock.step(by));
    }

    toggle() {
      this.move(() => this.clock.toggle(performance.now()));
    }

    loop() {
      this.clock.loop = !this.clock.loop;
      this.wake();
    }

    setSpeed(speed) {
      this.clock.setSpeed(speed, performance.now());
      this.wake();
    }

    save() {
      const pictures = [...this.root.querySelectorAll(".panel img")];
      stepwise.saveFrame(this.shown.run, this.shown.frame, pictures, this.options.name);
    }

    // -------------------------------------------------------- comparing
    compare(act) {
      act(this.comparison);
      this.lead();
      this.redraw();
      this.wake();
    }

    pin() {
      this.compare((comparison) => comparison.pinByHand(this.run));
    }

    compareAs({ align, panel, look }) { // what is pinned already
      Object.assign(this.comparison, { panel, look, made: Boolean(look) });
      this.setAlign(align);
    }

    get taken() { // what is saved, exported and copied
      return this.comparison.chosen(this.run);
    }

    setAlign(align) {
      this.clock.align = align;
      this.compare(() => {});
    }

    showAlone(place) { // again: all of them
      this.compare((comparison) => comparison.show(place, this.run));
    }

    stop() {
      this.run.stop(performance.now());
      this.listenFor();
      this.lead();
      this.redraw();
      this.wake();
    }

    markStale() {
      this.stale = this.run.count > 0;
      this.wake();
    }

    refresh() { // the language changed
      this.redraw();
      this.wake();
    }

    press(event) { // keys.js hears the keys: they work wherever the focus is
      event.preventDefault();
      KEYS[event.key](this);
    }

    listen() {
      const requests = { // what page.js asks for
        key: ({ event }) => this.press(event),
        alone: ({ place }) => this.showAlone(place),
        stale: () => this.markStale(),
        waiting: () => this.wait(),
        stopped: () => this.stop(),
      };
      this.root.addEventListener("stepwise", ({ detail }) => requests[detail.kind](detail));
      document.addEventListener("stepwise:language", () => this.refresh());
      new IntersectionObserver(([entry]) => {
        this.seen = entry.isIntersecting;
        this.startWhenSeen();
        this.wake(); // its tab may have been opened
      }).observe(this.root);
    }
  }

  const KEYS = {
    " ": (player) => player.toggle(),
    ArrowRight: (player) => player.step(1),
    ArrowLeft: (player) => player.step(-1),
    Home: (player) => player.seek(0),
    End: (player) => player.seek(player.clock.run.last),
    PageUp: (player) => player.step(-1),
    PageDown: (player) => player.step(1),
  };

  const mounted = []; // all players of the page
  const players = () => mounted.filter(({ element }) => element.isConnected);

  function mount(element, props, watch, options) {
    const player = new Player(element, options);
    mounted.push(player);
    watch("value", () => player.take(props.value));
    player.take(props.value);
    return player;
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, {
    mount,
    players,
    player: (name) => players().find(({ options }) => options.name === name),
  });
})();
