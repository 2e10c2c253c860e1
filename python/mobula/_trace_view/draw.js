// SPDX-License-Identifier: Apache-2.0
// Draws the part of the run that is in view, and finds what is under the pointer.

const ARROWS_MAX = 1800;
// News that is always on its way; shown on demand.
const QUIET = new Set(["(ack)", "NodeReport", "ClusterChanged"]);
const REMOTE = 1;
const REPEATED = 2;
const DUPLICATE = 4;

class Drawing {
  constructor(view, canvas) {
    this.view = view;
    this.run = view.run;
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.quiet = this.run.words.map((word) => QUIET.has(word));
    this.arrows = [];
    this.flags = [];
    this.readColors();
  }

  readColors() {
    const style = getComputedStyle(document.documentElement);
    this.colors = new Proxy({}, {get: (known, name) => (known[name] ??= style.getPropertyValue(`--${name}`).trim())});
  }

  resize(canvas = this.canvas) {
    const ratio = devicePixelRatio || 1;
    const {width, height} = canvas.getBoundingClientRect();
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    return {width, height};
  }

  x(t) {
    return GUTTER + ((t - this.view.from) / (this.view.to - this.view.from)) * (this.width - GUTTER);
  }
  t(x) {
    return this.view.from + ((x - GUTTER) / (this.width - GUTTER)) * (this.view.to - this.view.from);
  }
  y(y) {
    return AXIS + y - this.view.scroll;
  }
  middle(lane) {
    return this.y(this.view.layout.rows[lane].middle);
  }

  draw() {
    Object.assign(this, this.resize());
    const c = this.context;
    c.fillStyle = this.colors.background;
    c.fillRect(0, 0, this.width, this.height);
    this.drawNodes();
    c.save();
    c.beginPath();
    c.rect(GUTTER, AXIS, this.width - GUTTER, this.height - AXIS);
    c.clip();
    this.drawGrid();
    this.visibleLanes((lane, row) => this.drawLane(lane, row));
    this.drawMarkLines();
    this.drawArrows();
    this.drawSelection();
    c.restore();
    this.drawAxis();
    this.drawLabels();
  }

  visibleLanes(each) {
    this.view.layout.rows.forEach((row, lane) => {
      if (this.y(row.top + row.height) > AXIS && this.y(row.top) < this.height) each(lane, row);
    });
  }

  drawNodes() {
    const c = this.context;
    for (const node of this.view.layout.nodes) {
      c.fillStyle = this.colors.band;
      c.fillRect(0, this.y(node.top), this.width, node.bottom - node.top);
    }
  }

  // Steps of 1, 2 or 5 times a power of ten.
  step() {
    const rough = ((this.view.to - this.view.from) * 110) / Math.max(1, this.width - GUTTER);
    const power = 10 ** Math.floor(Math.log10(rough));
    return power * (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10);
  }

  drawGrid() {
    const c = this.context;
    const step = this.step();
    c.strokeStyle = this.colors.grid;
    c.lineWidth = 1;
    c.beginPath();
    for (let t = Math.ceil(this.view.from / step) * step; t <= this.view.to; t += step) {
      const x = Math.round(this.x(t)) + 0.5;
      c.moveTo(x, AXIS);
      c.lineTo(x, this.height);
    }
    c.stroke();
  }

  drawAxis() {
    const c = this.context;
    c.fillStyle = this.colors.panel;
    c.fillRect(0, 0, this.width, AXIS);
    c.fillStyle = this.colors.line;
    c.fillRect(0, AXIS - 1, this.width, 1);
    c.fillStyle = this.colors.faint;
    c.font = "11px system-ui, sans-serif";
    c.textBaseline = "middle";
    c.textAlign = "center";
    const step = this.step();
    for (let t = Math.ceil(this.view.from / step) * step; t <= this.view.to; t += step) {
      const x = this.x(t);
      if (x < GUTTER + 20) continue;
      c.fillText(formatTime(t, step), x, 11);
    }
    c.textAlign = "left";
    c.fillText(`${formatSpan(this.view.to - this.view.from)} in view`, 10, 11);
    this.drawFlags();
  }

  // ---- Lanes

  drawLane(index, row) {
    const lane = this.run.lanes[index];
    const c = this.context;
    const y = this.y(row.top);
    const middle = this.middle(index);
    for (const [begin, over] of lane.lives) {
      const start = Math.max(GUTTER, this.x(begin));
      const end = Math.min(this.width, this.x(over ?? this.run.end));
      c.fillStyle = this.colors.life;
      if (end > start) c.fillRect(start, middle - 0.5, end - start, 1);
      if (this.view.endsEarly(over) && end >= GUTTER && end < this.width) this.drawCross(end, middle, 4, this.colors.fault);
    }
    if (lane.kind !== "daemon") this.drawRuns(lane, y + 3);
    this.drawTicks(lane, y + row.height);
  }

  drawTicks(lane, bottom) {
    const c = this.context;
    const times = lane.times;
    const last = lowerBound(times, this.view.to);
    const pixel = (this.view.to - this.view.from) / (this.width - GUTTER);
    c.fillStyle = this.colors.tick;
    // At most one for each pixel: the search jumps over the others.
    for (let i = lowerBound(times, this.view.from); i < last;) {
      const x = this.x(times[i]);
      c.fillRect(x - 0.5, bottom - 5, 1, 4);
      i = lowerBound(times, times[i] + pixel, i + 1, last);
    }
  }

  drawRuns(lane, top) {
    const runs = this.run.runs;
    const last = lowerBound(lane.runStarts, this.view.to);
    // Of executions that lie within one pixel, one is enough.
    const drawn = new Float64Array(lane.levels).fill(-1);
    for (let i = lowerBound(lane.runEnds, this.view.from); i < last; ++i) {
      const run = lane.runs[i];
      const x = Math.max(GUTTER - 4, this.x(runs.start[run]));
      const end = Math.min(this.width + 4, this.x(runs.end[run]));
      const level = runs.level[run];
      if (end < drawn[level] + 0.7) continue;
      drawn[level] = Math.max(end, x + 1);
      this.drawRun(run, x, top + level * LEVEL_HEIGHT, Math.max(1.5, end - x));
    }
  }

  colorOfRun(run) {
    const runs = this.run.runs;
    if (runs.attempt[run] > 0) return "again";
    return this.run.word(runs.kind[run]) === "normal" ? "task" : "actor";
  }

  drawRun(run, x, y, width) {
    const c = this.context;
    const runs = this.run.runs;
    const color = this.colorOfRun(run);
    const height = LEVEL_HEIGHT - 5;
    c.fillStyle = this.colors[color];
    c.fillRect(x, y, width, height);
    const outcome = this.run.word(runs.outcome[run]);
    if (outcome !== "") {
      c.fillStyle = this.colors.fault;
      c.fillRect(x, y + height - 3, width, 3);
      if (outcome === "lost" && width > 8) this.drawCross(x + width - 1, y + height / 2, 4, this.colors.fault);
    }
    if (width < 26) return;
    let label = this.run.word(runs.name[run]);
    if (runs.attempt[run] > 0) label += ` (attempt ${runs.attempt[run] + 1})`;
    c.font = "11px system-ui, sans-serif";
    c.textAlign = "left";
    c.textBaseline = "middle";
    c.fillStyle = this.colors[`${color}-text`];
    const left = Math.max(x, GUTTER) + 5;
    const room = x + width - left - 4;
    if (room < 14) return;
    c.fillText(this.fit(label, room), left, y + height / 2 + 0.5);
  }

  // As much of a text as there is room for.
  fit(text, room) {
    const width = this.context.measureText(text).width;
    if (width <= room) return text;
    const count = Math.floor((text.length * room) / width) - 1;
    return count < 1 ? "" : `${text.slice(0, count)}\u2026`;
  }

  drawCross(x, y, size, color) {
    const c = this.context;
    c.strokeStyle = color;
    c.lineWidth = 1.6;
    c.beginPath();
    c.moveTo(x - size, y - size);
    c.lineTo(x + size, y + size);
    c.moveTo(x + size, y - size);
    c.lineTo(x - size, y + size);
    c.stroke();
  }

  drawLabels() {
    const c = this.context;
    c.save();
    c.beginPath();
    c.rect(0, AXIS, GUTTER, this.height - AXIS);
    c.clip();
    c.fillStyle = this.colors.background;
    c.fillRect(0, AXIS, GUTTER, this.height - AXIS);
    c.textAlign = "left";
    c.textBaseline = "middle";
    for (const node of this.view.layout.nodes) {
      c.fillStyle = this.colors.band;
      c.fillRect(0, this.y(node.top), GUTTER, node.bottom - node.top);
      c.fillStyle = this.colors.text;
      c.font = "600 12px system-ui, sans-serif";
      c.fillText(this.fit(node.name, GUTTER - 20), 10, this.y(node.top) + NODE_HEAD / 2 + 1);
    }
    const selected = this.view.selectedLane();
    this.visibleLanes((index, row) => {
      const lane = this.run.lanes[index];
      if (index === selected) {
        c.fillStyle = this.colors.chosen;
        c.fillRect(0, this.y(row.top), GUTTER, row.height);
      }
      const over = lane.lives.at(-1)?.[1] ?? null;
      c.fillStyle = over === null || over > this.view.from ? this.colors.text : this.colors.faint;
      c.font = "11px system-ui, sans-serif";
      const name = this.view.names.inNode(index);
      c.fillText(this.fit(`${name}${this.view.endsEarly(over) ? " (ended)" : ""}`, GUTTER - 32), 22, this.middle(index));
    });
    c.fillStyle = this.colors.line;
    c.fillRect(GUTTER - 1, AXIS, 1, this.height - AXIS);
    c.restore();
  }

  // ---- Faults and the like

  drawMarkLines() {
    const c = this.context;
    for (const mark of this.run.marks) {
      if (mark.kind === "note" || mark.t < this.view.from || mark.t > this.view.to) continue;
      const x = Math.round(this.x(mark.t)) + 0.5;
      c.strokeStyle = this.colors[mark.kind];
      c.lineWidth = 1;
      c.setLineDash(mark.kind === "fault" || mark.kind === "death" ? [5, 3] : [1, 4]);
      c.beginPath();
      if (mark.kind === "fault" || mark.kind === "death") {
        c.moveTo(x, AXIS);
        c.lineTo(x, this.height);
      } else {
        c.moveTo(x, AXIS);
        c.lineTo(x, this.middle(mark.lane));
      }
      c.stroke();
    }
    c.setLineDash([]);
  }

  // Labels of the marks, where there is room for them; a triangle where there is none.
  drawFlags() {
    const c = this.context;
    this.flags = [];
    let free = GUTTER;
    c.font = "11px system-ui, sans-serif";
    c.textBaseline = "middle";
    c.textAlign = "left";
    const order = {fault: 0, death: 1, loss: 2, retry: 3};
    const inView = this.run.marks
      .map((mark, index) => ({mark, index, x: this.x(mark.t)}))
      .filter(({mark, x}) => mark.kind !== "note" && x >= GUTTER && x <= this.width);
    for (const {mark, index, x} of inView) {
      c.fillStyle = this.colors[mark.kind];
      c.beginPath();
      c.moveTo(x - 4, AXIS - 8);
      c.lineTo(x + 4, AXIS - 8);
      c.lineTo(x, AXIS - 1);
      c.fill();
      this.flags.push({index, left: x - 5, right: x + 5});
    }
    inView.sort((a, b) => order[a.mark.kind] - order[b.mark.kind] || a.x - b.x);
    const taken = [];
    for (const {mark, index, x} of inView) {
      const text = this.fit(`${{loss: "lost: ", retry: "again: "}[mark.kind] ?? ""}${mark.text.split(/[:;(]/)[0].trim()}`, 150);
      const width = c.measureText(text).width + 10;
      const left = Math.min(x + 1, this.width - width);
      if (taken.some((other) => left < other.right + 4 && left + width > other.left - 4)) continue;
      taken.push({left, right: left + width});
      c.fillStyle = this.colors[mark.kind];
      c.fillRect(left, 19, width, 13);
      c.fillStyle = this.colors["flag-text"];
      c.fillText(text, left + 5, 26);
      this.flags.push({index, left, right: left + width});
    }
  }

  // ---- Messages

  isShown(index) {
    const {sent} = this.run;
    const show = this.view.show;
    if (sent.to[index] < 0 || sent.from[index] === sent.to[index]) return false;
    if (sent.lost[index] >= 0) return true;
    if (this.quiet[sent.message[index]] && !show.quiet) return false;
    return sent.flags[index] & REMOTE ? show.remote : show.local;
  }

  drawArrows() {
    const {sent} = this.run;
    const {from, to} = this.view;
    const wanted = [];
    for (const index of sent.long) {
      if (sent.start[index] < to && sent.end[index] > from && this.isShown(index)) wanted.push(index);
    }
    const last = lowerBound(sent.start, to);
    for (let i = lowerBound(sent.start, from - LONG_NS); i < last; ++i) {
      if (sent.end[i] >= from && sent.end[i] - sent.start[i] <= LONG_NS && this.isShown(i)) wanted.push(i);
    }
    const stride = Math.ceil(wanted.length / ARROWS_MAX);
    this.arrows = stride <= 1 ? wanted
      : wanted.filter((index, place) => place % stride === 0 || sent.lost[index] >= 0).slice(0, 2 * ARROWS_MAX);
    this.view.notice(stride <= 1 ? "" : `${formatCount(wanted.length, "message")} here: zoom in to see every one`);
    const heads = this.arrows.length < 400;
    this.context.globalAlpha = this.arrows.length > 600 ? 0.35 : 0.8;
    for (const kind of ["local", "remote", "repeat", "loss"]) {
      const chosen = this.arrows.filter((index) => this.kindOf(index) === kind);
      if (chosen.length > 0) this.strokeArrows(chosen, this.colors[kind], heads, kind === "remote" || kind === "loss" ? 1.2 : 1);
    }
    this.context.globalAlpha = 1;
  }

  kindOf(index) {
    const {sent} = this.run;
    if (sent.lost[index] >= 0) return "loss";
    if (sent.flags[index] & (REPEATED | DUPLICATE)) return "repeat";
    return sent.flags[index] & REMOTE ? "remote" : "local";
  }

  // Both ends of an arrow on the canvas. One that was lost on its way ends before its goal.
  ends(index) {
    const {sent} = this.run;
    const ends = {
      x0: this.x(sent.start[index]),
      y0: this.middle(sent.from[index]),
      x1: this.x(sent.end[index]),
      y1: this.middle(sent.to[index]),
    };
    if (sent.lost[index] >= 0 && sent.end[index] === sent.start[index]) {
      ends.x1 = ends.x0 + 14;
      ends.y1 = ends.y0 + (ends.y1 - ends.y0) * 0.55;
    }
    return ends;
  }

  strokeArrows(indexes, color, heads, width) {
    const c = this.context;
    c.strokeStyle = color;
    c.fillStyle = color;
    c.lineWidth = width;
    c.beginPath();
    for (const index of indexes) {
      const {x0, y0, x1, y1} = this.ends(index);
      c.moveTo(x0, y0);
      c.lineTo(x1, y1);
    }
    c.stroke();
    for (const index of indexes) {
      const {x0, y0, x1, y1} = this.ends(index);
      if (this.run.sent.lost[index] >= 0) this.drawCross(x1, y1, 4, color);
      else if (heads) this.drawHead(x0, y0, x1, y1);
    }
  }

  drawHead(x0, y0, x1, y1) {
    const length = Math.hypot(x1 - x0, y1 - y0);
    if (length < 6) return;
    const dx = (x1 - x0) / length;
    const dy = (y1 - y0) / length;
    const c = this.context;
    c.beginPath();
    c.moveTo(x1, y1);
    c.lineTo(x1 - 7 * dx - 3 * dy, y1 - 7 * dy + 3 * dx);
    c.lineTo(x1 - 7 * dx + 3 * dy, y1 - 7 * dy - 3 * dx);
    c.fill();
  }

  // ---- The selected event

  drawSelection() {
    const event = this.view.selected;
    if (event < 0) return;
    const c = this.context;
    const t = this.run.events.t[event];
    const x = this.x(t);
    const y = this.middle(this.run.events.lane[event]);
    c.strokeStyle = this.colors.accent;
    c.lineWidth = 1;
    c.beginPath();
    c.moveTo(x, AXIS);
    c.lineTo(x, this.height);
    c.stroke();
    const linked = [...(this.run.sentBy.get(event) ?? [])];
    if (this.run.receivedBy.has(event)) linked.push(this.run.receivedBy.get(event));
    const drawn = linked.filter((index) => this.run.sent.to[index] >= 0);
    this.strokeArrows(drawn, this.colors.accent, true, 2.2);
    c.fillStyle = this.colors.background;
    c.beginPath();
    c.arc(x, y, 5, 0, 2 * Math.PI);
    c.fill();
    c.lineWidth = 2.5;
    c.stroke();
  }

  // ---- The whole run

  drawOverview(canvas) {
    const {width, height} = this.resize(canvas);
    const c = canvas.getContext("2d");
    c.fillStyle = this.colors.panel;
    c.fillRect(0, 0, width, height);
    const scale = width / Math.max(1, this.run.end);
    if (this.density?.length !== Math.ceil(width)) this.density = this.countEvents(Math.ceil(width), scale);
    const most = Math.log1p(Math.max(...this.density));
    c.fillStyle = this.colors.density;
    this.density.forEach((count, x) => {
      const size = most > 0 ? (Math.log1p(count) / most) * (height - 14) : 0;
      c.fillRect(x, height - size, 1, size);
    });
    const line = (t, color, top = 0) => {
      c.fillStyle = color;
      c.fillRect(t * scale - 1, top, 2, height - top);
    };
    for (const hit of this.view.search.sample(width)) line(this.run.events.t[hit], this.colors.hit, height - 10);
    for (const mark of this.run.marks) {
      if (mark.kind !== "note") line(mark.t, this.colors[mark.kind], mark.kind === "retry" ? height / 2 : 0);
    }
    if (this.view.selected >= 0) line(this.run.events.t[this.view.selected], this.colors.accent);
    const left = Math.max(0, this.view.from * scale);
    const right = Math.min(width, this.view.to * scale);
    c.fillStyle = this.colors.veil;
    c.fillRect(0, 0, left, height);
    c.fillRect(right, 0, width - right, height);
    c.strokeStyle = this.colors.accent;
    c.lineWidth = 1.5;
    c.strokeRect(left + 0.75, 0.75, Math.max(3, right - left - 1.5), height - 1.5);
  }

  countEvents(width, scale) {
    const density = new Array(width).fill(0);
    for (let i = 0; i < this.run.count; ++i) {
      ++density[Math.min(width - 1, Math.floor(this.run.events.t[i] * scale))];
    }
    return density;
  }

  // ---- What is under the pointer: {mark}, {event}, {arrow}, {run}, {lane} or null.

  find(x, y) {
    if (y < AXIS) {
      const flag = this.flags.findLast((one) => x >= one.left && x <= one.right);
      return flag === undefined || y < 16 ? null : {mark: flag.index};
    }
    const lane = this.view.layout.laneAt(y - AXIS + this.view.scroll);
    if (x < GUTTER) return lane < 0 ? null : {lane};
    const near = lane < 0 ? null : this.findEvent(lane, x, y);
    if (near !== null && near.distance < 4) return {event: near.event};
    const arrow = this.findArrow(x, y);
    if (arrow >= 0) return {arrow};
    const run = lane < 0 ? -1 : this.findRun(lane, x, y);
    if (run >= 0) return {run};
    return near !== null && near.distance < 8 ? {event: near.event} : null;
  }

  findEvent(lane, x) {
    const {times, events} = this.run.lanes[lane];
    const place = lowerBound(times, this.t(x));
    let best = null;
    for (const i of [place - 1, place]) {
      if (i < 0 || i >= times.length) continue;
      const distance = Math.abs(this.x(times[i]) - x);
      if (best === null || distance < best.distance) best = {event: events[i], distance};
    }
    return best;
  }

  findRun(lane, x, y) {
    const {runs} = this.run;
    const level = Math.floor((y - this.y(this.view.layout.rows[lane].top) - 3) / LEVEL_HEIGHT);
    return this.run.lanes[lane].runs.findLast((run) =>
      runs.level[run] === level && this.x(runs.start[run]) - 1 <= x && Math.max(this.x(runs.end[run]), this.x(runs.start[run]) + 2) >= x) ?? -1;
  }

  findArrow(x, y) {
    let best = -1;
    let distance = 5;
    for (const index of this.arrows) {
      const {x0, y0, x1, y1} = this.ends(index);
      const length = (x1 - x0) ** 2 + (y1 - y0) ** 2;
      const along = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length));
      const away = Math.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0));
      if (away < distance) [best, distance] = [index, away];
    }
    return best;
  }
}
