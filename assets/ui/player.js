// The frame player. Runs once per player as the body of gr.HTML's js_on_load, with `element`,
// `props`, `watch` and `options` in scope. Text enters the page through textContent only; the one
// exception is the chart, an SVG that our server makes from numbers.
const root = element.querySelector(".player");
const $ = (selector) => root.querySelector(selector);
const SVG = "http://www.w3.org/2000/svg";
const PACE = 100, LONGEST = 20000; // milliseconds: one frame at 1x, a whole run at 1x
const LATEST = 200; // milliseconds that a running stage may lie behind what has arrived
const SPEEDS = [1, 2, 4, 0.5], THUMBS = 60;
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

const NO_HEAD = { panels: [] };
let head = NO_HEAD;         // what describes the run: panels, total, ticks, ...
let frames = [], index = 0; // `index` is where the learner wants to be
let status = "empty", run = null, stoppedRun = null, stoppedAt = -Infinity;
let follow = true, speed = 1, drawn = 0, panelsKey = "";
let autoplay = false, seen = false; // a tape plays once, when it is first in view
let heard = 0, stride = 0; // when the last message came; milliseconds of a step in it
let motion = null, next = null; // the way to the last frame, as played or as it arrives; its timer

// ---------------------------------------------------------------- messages
function ingest() {
  if (!props.value) return;
  const message = JSON.parse(props.value);
  const fresh = message.run !== run;
  if (fresh && message.refined) return; // a late answer: another run is on screen
  if (fresh) begin(message);
  if (message.panels) describe(message);
  let before = [];
  for (const frame of message.frames || []) {
    before = frame.pictures.map((picture, k) => picture ?? before[k]); // null: as in the last one
    frames[frame.i] = { ...frame, pictures: before };
  }
  settle(message.status);
  if (follow && !motion?.played && frames.length) {
    if (head.start == null) catchUp(fresh);
    else index = head.start;
  }
  autoplay ||= fresh && follow && status === "tape" && head.start == null && !calm.matches;
  startWhenSeen();
  syncStrip();
  drawTicks();
  wake();
}

function begin(message) {
  const stay = message.keep && frames.length && (!head.keep || head.keep === message.keep);
  run = message.run;
  frames = [];
  autoplay = false;
  delete root.dataset.stale;
  $(".stale-badge").textContent = "";
  if (!message.panels) head = NO_HEAD; // the first messages were missed: wait for the whole run
  follow = !stay;
  if (stay) return;
  const behavior = calm.matches ? "auto" : "smooth"; // many buttons stand far below the stage
  if (message.status !== "tape") $(".stage").scrollIntoView({ block: "nearest", behavior });
  pause();
  index = 0;
}

// A message brings the steps since the last one. They are shown one after another, in the time
// that they took: so every step is seen, and the picture moves evenly.
function catchUp(fresh) {
  const since = performance.now(), took = since - heard, behind = frames.length - 1 - index;
  heard = since;
  motion = null;
  if (fresh || calm.matches || behind < 2) {
    index = frames.length - 1;
    return;
  }
  if (status === "running") stride = took / behind; // the last steps keep the pace of the others
  const pace = Math.max(1, Math.min(stride, LATEST / behind));
  motion = { since, from: index + 1, pace: () => pace };
}

function settle(next) {
  // A frame may still be in flight when Stop was pressed: it is kept, the status is not.
  const late = run === stoppedRun || performance.now() - stoppedAt < 400;
  status = next === "running" && late ? "stopped" : next;
  if (status !== "running" && index >= frames.length) index = Math.max(0, frames.length - 1);
}

function describe(message) {
  head = message;
  $(".player-title").textContent = message.title || "";
  const [left, right] = $(".ends").querySelectorAll(".end");
  [left.textContent, right.textContent] = message.ends || ["", ""];
  buildPanels(message.panels);
  drawCurves(message.curve || []);
}

// ---------------------------------------------------------------- building
function make(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children); // strings become text
  return node;
}

function buildPanels(panels) {
  const key = JSON.stringify(panels);
  if (key === panelsKey) return; // the same panels stay in place: no flicker between runs
  panelsKey = key;
  root.style.setProperty("--panels", panels.length || 1);
  const small = panels.filter((p) => p.phone).length;
  root.style.setProperty("--panels-phone", small > 4 ? 3 : small > 1 ? 2 : 1);
  $(".panels").replaceChildren(...panels.map(buildPanel));
}

function buildPanel(panel) {
  const picture = new Image();
  picture.decoding = "sync"; // the old picture stays until the new one is ready
  picture.hidden = true;
  picture.addEventListener("load", () => {
    picture.classList.toggle("smooth", picture.naturalWidth > 128);
  });
  const figure = make("figure", "panel",
    make("div", "panel-box", picture, make("span", "panel-empty", options.empty)),
    make("figcaption", "", make("span", "symbol", panel.symbol), " ",
      make("span", "words", panel.title)));
  figure.dataset.tone = panel.tone || "";
  figure.dataset.phone = panel.phone;
  return figure;
}

function drawCurves(curve) {
  const curves = curve.length && Array.isArray(curve[0][0]) ? curve : curve.length ? [curve] : [];
  $(".curves").replaceChildren(...curves.map((points) => {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", "M" + points.map(([x, y]) => `${x * 1000},${92 - 84 * y}`).join("L"));
    return path;
  }));
}

function drawTicks() {
  const marks = (places) => places.map((x) => `M${x * 1000},100v-22`).join("");
  $(".ticks").setAttribute("d", marks(head.ticks || []));
  $(".ticks-visited").setAttribute("d", marks(frames.map((frame) => frame.pos)));
  $(".rail-drawing").style.setProperty("--tick", Math.min(1, 200 / (head.total || 1)));
}

// The strip lies along the timeline, so a run from noise to clean fills it from the right.
function syncStrip() {
  const strip = $(".filmstrip"), count = Math.max(head.total || 0, frames.length);
  const stride = Math.ceil(count / THUMBS) || 1, last = frames.length - 1;
  const kept = frames.filter((f, i) => i % stride === 0 || (i === last && status !== "running"));
  kept.forEach((frame, k) => {
    const thumb = strip.children[k] || strip.appendChild(buildThumb());
    const picture = frame.pictures[frame.thumb ?? head.strip ?? 0];
    thumb.frame = frame.i;
    if (thumb.picture !== picture) thumb.firstChild.src = thumb.picture = picture;
  });
  while (strip.children.length > kept.length) strip.lastChild.remove();
  const [first, second] = frames;
  if (first) strip.classList.toggle("reversed", second ? second.pos < first.pos : first.pos > 0.5);
}

function buildThumb() {
  const thumb = make("button", "thumb", make("img", ""));
  thumb.firstChild.alt = "";
  thumb.type = "button";
  thumb.tabIndex = -1; // the track is the one tab stop for frames
  thumb.addEventListener("click", () => scrub(thumb.frame));
  return thumb;
}

// ---------------------------------------------------------------- drawing, newest state only
function wake() {
  if (!drawn) drawn = requestAnimationFrame(draw);
}

function draw(now) {
  drawn = 0;
  if (motion) advance(now);
  drawStatus();
  drawChart();
  const frame = frames[index];
  if (frame && head.panels.length) drawFrame(frame); // else the last picture stays
  clearTimeout(next);
  if (motion && element.isConnected) next = setTimeout(wake, untilNext(now));
}

function drawFrame(frame) {
  $(".panels").querySelectorAll("img").forEach((picture, k) => {
    const label = `${head.panels[k].title}. ${frame.text}`;
    if (picture.src !== frame.pictures[k]) picture.src = frame.pictures[k];
    if (picture.alt !== label) picture.alt = label;
    picture.hidden = false;
    picture.nextSibling.hidden = true;
  });
  $(".sentence-text").textContent = frame.text;
  $(".sentence-warn").textContent = frame.warn || "";
  $(".panels").querySelectorAll(".panel").forEach((panel, k) => {
    panel.dataset.approx = (frame.approx || []).includes(k);
  });
  drawFacts(frame.facts || []);
  drawTrack(frame);
  drawThumb();
  announce(frame.text);
  window.stepwise?.shows(options.name, frame.i);
  rest(frame);
}

// Approximate previews are decoded in full when the learner rests on their frame.
let resting = null;
function rest(frame) {
  clearTimeout(resting);
  if (!frame.approx?.length || frame.asked || motion || status !== "done") return;
  resting = setTimeout(() => {
    frame.asked = true;
    stepwise.refine(options.name);
  }, 200);
}

function drawFacts(facts) {
  const list = $(".facts");
  while (list.children.length > facts.length) list.lastChild.remove();
  facts.forEach(([name, value], k) => {
    const fact = list.children[k]
      || list.appendChild(make("div", "fact", make("dt", ""), make("dd", "")));
    fact.firstChild.textContent = name;
    fact.lastChild.textContent = value;
  });
}

function drawTrack(frame) {
  const track = $(".track"), start = frames[0] ? frames[0].pos : frame.pos;
  $(".playhead").style.left = `${frame.pos * 100}%`;
  $(".visited").style.left = `${Math.min(start, frame.pos) * 100}%`;
  $(".visited").style.width = `${Math.abs(start - frame.pos) * 100}%`;
  track.setAttribute("aria-valuemax", frames.length);
  track.setAttribute("aria-valuenow", index + 1);
  track.setAttribute("aria-valuetext", frame.text);
  $(".frame-count").textContent = `frame ${index + 1} of ${frames.length}`;
}

function drawThumb() {
  const strip = $(".filmstrip"), before = strip.querySelector("[aria-current]");
  const current = [...strip.children].findLast((thumb) => thumb.frame <= index);
  if (!current) return;
  if (before !== current) {
    before?.removeAttribute("aria-current");
    current.setAttribute("aria-current", "true");
  }
  const box = strip.getBoundingClientRect(), thumb = current.getBoundingClientRect();
  const ahead = Math.min(110, box.width / 3); // the neighbours stay in view
  const over = Math.max(0, thumb.right + ahead - box.right)
    + Math.min(0, thumb.left - ahead - box.left);
  if (over) strip.scrollLeft += over; // scrollIntoView would move the page as well
}

function drawChart() {
  const box = $(".chart-box"), chart = head.chart || "";
  if (box.source !== chart) box.innerHTML = box.source = chart;
  box.hidden = !chart;
  const svg = box.querySelector("svg"), line = box.querySelector(".chart-playhead");
  const place = frames[index]?.chart_x;
  if (!line || place == null) return;
  const x = +svg.dataset.x0 + place * (svg.dataset.x1 - svg.dataset.x0);
  line.setAttribute("x1", x);
  line.setAttribute("x2", x);
}

function drawStatus() {
  const count = frames.length, total = Math.max(head.total || 0, count);
  const tab = root.closest("[role=tabpanel]");
  const words = { tape: "recorded example", done: "done", empty: "" };
  const keys = matchMedia("(hover: hover)").matches && tab?.querySelector(".stop-button");
  words.running = `running ${count}/${total}${keys ? ", Esc stops" : ""}`;
  words.stopped = `Stopped at frame ${count} of ${total}: the frames stay.`;
  $(".player-status").textContent = words[status];
  root.dataset.status = status;
  root.dataset.playing = Boolean(motion?.played);
  $(".play").setAttribute("aria-label", motion?.played ? "Pause" : "Play");
  $(".play").disabled = $(".save").disabled = !count;
  $(".copy").disabled = !head.settings;
}

let spoken = 0, timer = null;
function announce(text) { // at most once a second, or a screen reader never catches up
  if (timer || $(".announcer").textContent === text) return;
  timer = setTimeout(() => {
    timer = null;
    spoken = performance.now();
    $(".announcer").textContent = frames[index] ? frames[index].text : "";
  }, Math.max(0, 1000 - (performance.now() - spoken)));
}

// ---------------------------------------------------------------- moving and playing
function scrub(place) {
  if (!frames.length) return;
  pause();
  autoplay = false;
  index = Math.max(0, Math.min(frames.length - 1, place));
  follow = index === frames.length - 1;
  wake();
}

function nearest(pos) { // a run may pass a place twice: then the visit closest in time wins
  const cost = (frame) => Math.abs(frame.pos - pos) + 1e-6 * Math.abs(frame.i - index);
  return frames.reduce((best, frame) => (cost(frame) < cost(best) ? frame : best)).i;
}

function dragTo(event) {
  if (!frames.length) return;
  const box = $(".rail").getBoundingClientRect();
  const place = nearest((event.clientX - box.left) / box.width);
  if (place !== index) scrub(place);
}

function play() {
  if (!frames.length) return;
  if (index >= frames.length - 1) index = 0;
  motion = { since: performance.now(), from: index, pace: tempo, played: true };
  wake();
}

function startWhenSeen() {
  if (!autoplay || !seen) return;
  autoplay = false;
  index = 0;
  play();
}

function pause() {
  motion = null;
  wake();
}

const tempo = () => Math.min(PACE, LONGEST / frames.length) / speed;

function advance(now) {
  const last = frames.length - 1, passed = Math.floor((now - motion.since) / motion.pace());
  index = Math.min(last, motion.from + Math.max(0, passed));
  if (index < last) return;
  follow = true;
  motion = null;
}

function untilNext(now) {
  const pace = motion.pace();
  return pace - ((now - motion.since) % pace);
}

function changeSpeed() {
  speed = SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length];
  $(".speed").textContent = `${speed}×`;
  $(".speed").setAttribute("aria-label", `Speed ${speed}×`);
  if (motion?.played) play();
}

const KEYS = {
  " ": () => (motion?.played ? pause() : play()),
  ArrowRight: () => scrub(index + 1),
  ArrowLeft: () => scrub(index - 1),
  Home: () => scrub(0),
  End: () => scrub(frames.length - 1),
};

function press(event) { // page.js hears the keys: they work wherever the focus is
  event.preventDefault();
  autoplay = false;
  KEYS[event.key]();
}

// ---------------------------------------------------------------- taking things away
function saveFrame() {
  const frame = frames[index], pictures = [...$(".panels").querySelectorAll("img")];
  const sizes = pictures.map(({ naturalWidth: w }) => (w > 128 ? w : 8 * w));
  const size = Math.max(256, ...sizes);
  const gap = 16, line = 28, width = pictures.length * (size + gap) + gap;
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  pen.font = "16px sans-serif";
  const lines = wrap(pen, `${frame.text} ${frame.warn || ""}`, width - 2 * gap);
  canvas.width = width;
  canvas.height = size + 2 * gap + line * (1 + lines.length);
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "black";
  pen.font = "16px sans-serif"; // resizing a canvas resets its pen
  pen.imageSmoothingEnabled = false;
  pictures.forEach((picture, k) => {
    const left = gap + k * (size + gap), panel = head.panels[k];
    const height = Math.min(size, (size * picture.naturalHeight) / picture.naturalWidth);
    pen.drawImage(picture, left, gap, size, height);
    pen.fillText(`${panel.symbol}  ${panel.title}`, left, size + gap + 22, size);
  });
  lines.forEach((text, k) => pen.fillText(text, gap, size + gap + line * (k + 2) - 4));
  canvas.toBlob((blob) => download(blob, `stepwise-${options.name}-${index + 1}.png`));
}

function wrap(pen, text, width) {
  const lines = [""];
  for (const word of text.trim().split(/\s+/)) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (pen.measureText(longer).width > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

function download(blob, name) {
  const link = make("a", "");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

async function copySettings() {
  const text = JSON.stringify(head.settings, null, 2), button = $(".copy");
  try {
    await navigator.clipboard.writeText(text);
  } catch { // no permission, or a page without TLS, where there is no clipboard object
    copyByHand(text);
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy settings"; }, 1500);
}

function copyByHand(text) {
  const area = make("textarea", "announcer");
  area.value = text;
  root.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("the browser refused to copy the settings");
}

// ---------------------------------------------------------------- wiring
const REQUESTS = { // what page.js asks for
  key: (detail) => press(detail.event),
  stale: () => {
    if (!frames.length) return;
    root.dataset.stale = "true";
    $(".stale-badge").textContent = "Settings changed: run again to see them.";
  },
  stopped: () => {
    stoppedAt = performance.now();
    if (status !== "running") return;
    stoppedRun = run;
    settle("stopped");
    syncStrip();
    wake();
  },
};

root.addEventListener("stepwise", (event) => REQUESTS[event.detail.kind](event.detail));
$(".play").addEventListener("click", KEYS[" "]);
$(".speed").addEventListener("click", changeSpeed);
$(".save").addEventListener("click", saveFrame);
$(".copy").addEventListener("click", copySettings);
$(".track").addEventListener("pointerdown", (event) => {
  $(".track").setPointerCapture(event.pointerId);
  dragTo(event);
});
$(".track").addEventListener("pointermove", (event) => {
  if ($(".track").hasPointerCapture(event.pointerId)) dragTo(event);
});
new IntersectionObserver(([entry]) => {
  seen = entry.isIntersecting;
  startWhenSeen();
}).observe(root);

buildPanels(options.panels.length ? options.panels : [{ symbol: "", title: "", phone: true }]);
watch("value", ingest);
ingest();
wake();
