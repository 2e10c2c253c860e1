// SPDX-License-Identifier: Apache-2.0
// The view: what is in sight, what is chosen, and what the reader does.

const LEGEND = [
  ["task", "task", "bar"],
  ["actor", "actor's task", "bar"],
  ["again", "executed again", "bar"],
  ["fault", "raised, or lost with its process", "foot"],
  ["local", "message inside a node", "arrow"],
  ["remote", "between nodes", "arrow"],
  ["repeat", "sent or delivered again", "arrow"],
  ["loss", "lost", "cross"],
  ["tick", "event", "tick"],
  ["fault", "fault", "line"],
  ["death", "declared dead", "line"],
];
const SPAN_MIN = 500;

class View {
  constructor(run) {
    this.run = run;
    this.names = new Names(run);
    this.layout = new Layout(run);
    this.show = {local: true, remote: true, quiet: false};
    this.selected = -1;
    this.scroll = 0;
    this.picture = document.getElementById("picture");
    this.overview = document.getElementById("overview");
    this.drawing = new Drawing(this, this.picture);
    this.search = new Search(this);
    this.panel = new Panel(this);
    this.fit();
    this.describe();
    this.listen();
    this.drawNow();
  }

  describe() {
    document.getElementById("title").textContent = this.run.title;
    const nodes = this.layout.nodes.length;
    const where = this.run.world === "simulation" ? "simulated" : "real";
    document.getElementById("summary").textContent =
      `${formatCount(nodes, `${where} node`)} \u00b7 ${formatSpan(this.run.end)} \u00b7 ${formatCount(this.run.count, "event")}`;
    const legend = LEGEND.map(([color, text, shape]) => `<span class="key"><i class="${shape}" style="--color: var(--${color})"></i>${text}</span>`).join("");
    const boxes = [["local", "inside nodes"], ["remote", "between nodes"], ["quiet", "reports and acknowledgements"]]
      .map(([name, text]) => `<label><input type="checkbox" data-show="${name}" ${this.show[name] ? "checked" : ""}>${text}</label>`).join("");
    document.getElementById("legend").innerHTML = `<div>${legend}</div><div class="boxes">Messages: ${boxes}</div>`;
  }

  // ---- Drawing

  drawSoon() {
    this.pending ??= requestAnimationFrame(() => this.drawNow());
  }
  drawNow() {
    this.pending = undefined;
    const start = performance.now();
    this.drawing.draw();
    this.drawing.drawOverview(this.overview);
    this.frameMs = performance.now() - start;
  }
  notice(text) {
    const element = document.getElementById("notice");
    element.hidden = text === "";
    element.textContent = text;
  }

  // ---- Moving

  fit() {
    const margin = Math.max(this.run.end * 0.01, SPAN_MIN);
    this.look(-margin, this.run.end + margin);
  }
  look(from, to) {
    const margin = Math.max(this.run.end * 0.05, SPAN_MIN);
    const most = this.run.end + 2 * margin;
    const span = Math.min(most, Math.max(SPAN_MIN, to - from));
    const middle = (from + to) / 2;
    this.from = Math.min(this.run.end + margin - span, Math.max(-margin, middle - span / 2));
    this.to = this.from + span;
    this.drawSoon();
  }
  zoom(factor, t = (this.from + this.to) / 2) {
    this.look(t - (t - this.from) * factor, t + (this.to - t) * factor);
  }
  pan(share) {
    const span = (this.to - this.from) * share;
    this.look(this.from + span, this.to + span);
  }
  scrollTo(y) {
    const room = this.picture.clientHeight - AXIS;
    this.scroll = Math.max(0, Math.min(y, this.layout.height - room));
    this.drawSoon();
  }
  scrollToLane(lane) {
    const row = this.layout.rows[lane];
    const room = this.picture.clientHeight - AXIS;
    if (row.top < this.scroll || row.top + row.height > this.scroll + room) this.scrollTo(row.middle - room / 2);
  }

  // Whether an end is not simply that of the run.
  endsEarly(end) {
    return end !== null && end < this.run.end * 0.999;
  }

  // ---- Choosing

  selectedLane() {
    return this.selected < 0 ? -1 : this.run.events.lane[this.selected];
  }
  select(event) {
    this.selected = event;
    if (event >= 0) this.panel.show("event");
    this.panel.showEvent(event);
    this.drawSoon();
  }
  // Chooses an event and brings it into view.
  goTo(event) {
    const t = this.run.events.t[event];
    const span = this.to - this.from;
    if (t < this.from + span * 0.05 || t > this.to - span * 0.05) this.look(t - span / 2, t + span / 2);
    this.scrollToLane(this.run.events.lane[event]);
    this.select(event);
  }
  goToMark(index) {
    const mark = this.run.marks[index];
    const span = Math.min(this.to - this.from, Math.max(this.run.end / 20, 1e6));
    this.look(mark.t - span / 2, mark.t + span / 2);
    this.scrollToLane(mark.lane);
    this.select(mark.event);
  }
  // The last event of a lane up to the middle of the view, or of the chosen moment.
  showLane(lane) {
    const {events, times} = this.run.lanes[lane];
    if (events.length === 0) return;
    const t = this.selected >= 0 ? this.run.events.t[this.selected] : (this.from + this.to) / 2;
    this.goTo(events[Math.max(0, lowerBound(times, t + 1) - 1)]);
  }
  step(step, same) {
    if (this.selected < 0) {
      const first = lowerBound(this.run.events.t, Math.max(0, this.from));
      this.goTo(Math.min(first, this.run.count - 1));
      return;
    }
    if (!same) {
      this.goTo(Math.max(0, Math.min(this.run.count - 1, this.selected + step)));
      return;
    }
    const {events} = this.run.lanes[this.selectedLane()];
    const place = lowerBound(events, this.selected) + step;
    this.goTo(events[Math.max(0, Math.min(events.length - 1, place))]);
  }
  choose(found) {
    if (found === null) this.select(-1);
    else if ("mark" in found) this.goToMark(found.mark);
    else if ("event" in found) this.select(found.event);
    else if ("run" in found) this.select(this.run.runs.first[found.run]);
    else if ("lane" in found) this.showLane(found.lane);
    else if ("arrow" in found) {
      const target = this.run.sent.target[found.arrow];
      this.select(target >= 0 ? target : this.run.sent.source[found.arrow]);
    }
  }

  // ---- The pointer

  listen() {
    const {picture} = this;
    picture.addEventListener("wheel", (wheel) => this.wheel(wheel), {passive: false});
    picture.addEventListener("pointerdown", (down) => this.drag(down));
    picture.addEventListener("pointermove", (move) => this.hover(move));
    picture.addEventListener("pointerleave", () => this.tip(null));
    this.overview.addEventListener("pointerdown", (down) => this.dragOverview(down));
    document.addEventListener("keydown", (key) => this.key(key));
    new ResizeObserver(() => this.drawNow()).observe(picture);
    document.getElementById("zoom-in").addEventListener("click", () => this.zoom(0.5));
    document.getElementById("zoom-out").addEventListener("click", () => this.zoom(2));
    document.getElementById("fit").addEventListener("click", () => this.fit());
    document.getElementById("theme").addEventListener("click", () => this.switchTheme());
    systemIsDark.addEventListener("change", () => this.setTheme(systemIsDark.matches));
    document.getElementById("legend").addEventListener("change", ({target}) => {
      this.show[target.dataset.show] = target.checked;
      this.drawSoon();
    });
    document.getElementById("divider").addEventListener("pointerdown", (down) => {
      follow(down, (move) => {
        const width = Math.max(300, Math.min(innerWidth - 420, innerWidth - move.clientX));
        document.documentElement.style.setProperty("--panel-width", `${width}px`);
      });
    });
  }

  wheel(wheel) {
    wheel.preventDefault();
    const x = wheel.offsetX;
    const lines = wheel.deltaMode === 1 ? 16 : 1;
    if (wheel.shiftKey || x < GUTTER) {
      this.scrollTo(this.scroll + (wheel.deltaY || wheel.deltaX) * lines);
    } else if (Math.abs(wheel.deltaX) > Math.abs(wheel.deltaY)) {
      this.pan((wheel.deltaX * lines) / (this.picture.clientWidth - GUTTER));
    } else {
      this.zoom(Math.exp(Math.max(-120, Math.min(120, wheel.deltaY * lines)) * 0.004), this.drawing.t(x));
    }
  }

  drag(down) {
    this.picture.focus();
    let moved = false;
    let {clientX, clientY} = down;
    follow(down, (move) => {
      if (!moved && Math.hypot(move.clientX - clientX, move.clientY - clientY) < 4) return;
      moved = true;
      this.tip(null);
      this.pan((clientX - move.clientX) / (this.picture.clientWidth - GUTTER));
      this.scrollTo(this.scroll + clientY - move.clientY);
      ({clientX, clientY} = move);
    }, () => {
      if (!moved) this.choose(this.drawing.find(down.offsetX, down.offsetY));
    });
  }

  dragOverview(down) {
    const {left, width} = this.overview.getBoundingClientRect();
    const move = ({clientX}) => {
      const t = ((clientX - left) / width) * this.run.end;
      const half = (this.to - this.from) / 2;
      this.look(t - half, t + half);
    };
    move(down);
    follow(down, move);
  }

  hover(move) {
    if (move.buttons !== 0) return;
    const found = this.drawing.find(move.offsetX, move.offsetY);
    this.picture.style.cursor = found === null ? "grab" : "pointer";
    this.tip(found, move.clientX, move.clientY);
  }

  tip(found, x, y) {
    const element = document.getElementById("tip");
    element.hidden = found === null;
    if (found === null) return;
    element.innerHTML = this.describeFound(found);
    const {width, height} = element.getBoundingClientRect();
    element.style.left = `${Math.min(x + 14, innerWidth - width - 8)}px`;
    element.style.top = `${y + height + 24 > innerHeight ? y - height - 10 : y + 18}px`;
  }

  describeFound(found) {
    const {run, names} = this;
    if ("mark" in found) return `<b>${formatSpan(run.marks[found.mark].t)}</b> ${escapeHtml(run.marks[found.mark].text)}`;
    if ("event" in found) {
      const detail = run.detail(found.event);
      const name = run.word(run.events.name[found.event]);
      return `<b>${escapeHtml(names.event(found.event))}</b> at ${formatSpan(run.events.t[found.event])}
        <small>${escapeHtml(name)}</small>${detail?.text ? `<p>${escapeHtml(detail.text.slice(0, 160))}</p>` : ""}`;
    }
    if ("lane" in found) {
      const lane = run.lanes[found.lane];
      return `<b>${escapeHtml(names.lane(found.lane))}</b><p>${lane.pid ? `pid ${lane.pid}, ` : ""}${formatCount(lane.events.length, "event")}, ${formatCount(lane.runs.length, "task")} executed</p>
        ${lane.lives.filter(([, end]) => end !== null).map(([, end, reason]) => `<p>ended at ${formatSpan(end)}: ${escapeHtml(reason)}</p>`).join("")}`;
    }
    return "run" in found ? this.describeRun(found.run) : this.describeArrow(found.arrow);
  }

  describeRun(index) {
    const {runs} = this.run;
    const outcome = this.run.word(runs.outcome[index]);
    const end = {"": "", error: "It raised an exception.", lost: "Its process ended first."}[outcome];
    return `<b>${escapeHtml(this.run.word(runs.name[index]))}</b> <small>task ${this.run.word(runs.task[index])}, attempt ${runs.attempt[index] + 1}</small>
      <p>${formatSpan(runs.start[index])} to ${formatSpan(runs.end[index])} (${formatSpan(runs.end[index] - runs.start[index])})</p>
      ${runs.attempt[index] > 0 ? "<p>Executed again.</p>" : ""}${end ? `<p>${end}</p>` : ""}`;
  }

  describeArrow(index) {
    const {sent} = this.run;
    const flags = sent.flags[index];
    const fate = sent.lost[index] >= 0 ? `<p class="bad">lost: ${escapeHtml(this.run.word(sent.lost[index]))}</p>` : `<p>${formatSpan(sent.end[index] - sent.start[index])} on its way</p>`;
    return `<b>${escapeHtml(this.run.word(sent.message[index]))}</b>
      <p>${escapeHtml(this.names.lane(sent.from[index]))} &rarr; ${escapeHtml(this.names.lane(sent.to[index]))}</p>
      ${fate}${flags & REPEATED ? "<p>The link sent it once more.</p>" : ""}${flags & DUPLICATE ? "<p>The network delivered it once more.</p>" : ""}`;
  }

  // ---- Keys and colours

  key(key) {
    if (key.ctrlKey || key.metaKey || key.altKey || key.target.tagName === "INPUT") return;
    const actions = {
      w: () => this.zoom(0.6), "+": () => this.zoom(0.6), "=": () => this.zoom(0.6),
      s: () => this.zoom(1 / 0.6), "-": () => this.zoom(1 / 0.6),
      a: () => this.pan(-0.2), d: () => this.pan(0.2), f: () => this.fit(),
      arrowup: () => this.scrollTo(this.scroll - 60), arrowdown: () => this.scrollTo(this.scroll + 60),
      arrowleft: () => this.step(-1, key.shiftKey), arrowright: () => this.step(1, key.shiftKey),
      escape: () => this.select(-1), "?": () => this.panel.show("help"),
      "/": () => { this.search.input.focus(); this.search.input.select(); },
      enter: () => key.target.dataset?.mark !== undefined ? this.goToMark(Number(key.target.dataset.mark)) : this.search.next(key.shiftKey ? -1 : 1),
    };
    const action = actions[key.key.toLowerCase()];
    if (action === undefined || (key.key === "Enter" && key.target.tagName === "BUTTON")) return;
    key.preventDefault();
    action();
  }

  switchTheme() {
    this.setTheme(document.documentElement.dataset.theme !== "dark");
  }
  setTheme(dark) {
    showTheme(dark);
    this.drawing.readColors();
    this.drawSoon();
  }
}

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

function showTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

// Before anything is drawn.
showTheme(systemIsDark.matches);

// Calls `move` while the pointer is held, then `end`.
function follow(down, move, end = () => {}) {
  const target = down.target;
  target.setPointerCapture(down.pointerId);
  target.addEventListener("pointermove", move);
  target.addEventListener("pointerup", () => {
    target.removeEventListener("pointermove", move);
    end();
  }, {once: true});
}

async function start() {
  const run = await Run.load();
  window.view = new View(run);
  window.drawnAfterMs = performance.now();
  document.getElementById("loading").remove();
  document.body.classList.add("ready");
  // The details, while the reader looks at the picture.
  for (let block = 0; block < run.blocks.length; ++block) {
    if (run.details[block] === undefined) await run.unpackBlock(block);
    await new Promise((resolve) => setTimeout(resolve));
  }
  document.body.classList.add("complete");
}

start().catch((error) => {
  document.getElementById("loading").textContent = `This page could not be shown: ${error.message}. It needs a current browser.`;
  throw error;
});
