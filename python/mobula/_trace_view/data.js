// SPDX-License-Identifier: Apache-2.0
// The run: an index of columns, and the details of events, which come in packed blocks.

async function unpack(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

// The first place in a sorted column that is not below a value.
function lowerBound(column, value, from = 0, to = column.length) {
  while (from < to) {
    const middle = (from + to) >> 1;
    if (column[middle] < value) from = middle + 1;
    else to = middle;
  }
  return from;
}

// Transmissions that took longer are looked at one by one.
const LONG_NS = 50e6;

class Run {
  static async load() {
    const run = new Run(await unpack(document.getElementById("index").textContent));
    run.blocks = [...document.getElementsByClassName("block")];
    run.details = new Array(run.blocks.length);
    return run;
  }

  constructor(index) {
    Object.assign(this, index);
    this.count = this.events.t.length;
    this.events.t = Float64Array.from(this.events.t);
    this.events.lane = Int32Array.from(this.events.lane);
    this.indexLanes();
    this.indexSent();
    this.indexRuns();
  }

  // For each lane: the numbers and times of its events, in order.
  indexLanes() {
    for (const lane of this.lanes) lane.events = [];
    for (let i = 0; i < this.count; ++i) this.lanes[this.events.lane[i]].events.push(i);
    for (const lane of this.lanes) {
      lane.times = Float64Array.from(lane.events, (event) => this.events.t[event]);
      lane.runs = [];
    }
  }

  // When each transmission left and where, when it arrived and where; what each event sent.
  indexSent() {
    const sent = this.sent;
    const count = sent.source.length;
    sent.start = new Float64Array(count);
    sent.end = new Float64Array(count);
    sent.from = new Int32Array(count);
    sent.to = new Int32Array(count);
    sent.long = [];
    this.sentBy = new Map();
    for (let i = 0; i < count; ++i) {
      const source = sent.source[i];
      const target = sent.target[i];
      sent.start[i] = this.events.t[source];
      sent.from[i] = this.events.lane[source];
      if (target >= 0) {
        sent.end[i] = this.events.t[target];
        sent.to[i] = this.events.lane[target];
      } else if (sent.lost[i] >= 0) {
        sent.end[i] = sent.lost_t[i];
        sent.to[i] = sent.lost_lane[i];
      } else {
        sent.end[i] = sent.start[i];
        sent.to[i] = -1;
      }
      if (sent.end[i] - sent.start[i] > LONG_NS) sent.long.push(i);
      if (this.sentBy.has(source)) this.sentBy.get(source).push(i);
      else this.sentBy.set(source, [i]);
    }
    this.receivedBy = new Map();
    for (let i = 0; i < count; ++i) {
      if (sent.target[i] >= 0) this.receivedBy.set(sent.target[i], i);
    }
  }

  indexRuns() {
    const runs = this.runs;
    for (let i = 0; i < runs.lane.length; ++i) this.lanes[runs.lane[i]].runs.push(i);
    for (const lane of this.lanes) {
      lane.runStarts = Float64Array.from(lane.runs, (run) => runs.start[run]);
      // The latest end so far: where a search for what is still running may begin.
      let latest = 0;
      lane.runEnds = Float64Array.from(lane.runs, (run) => (latest = Math.max(latest, runs.end[run])));
    }
  }

  word(number) {
    return number < 0 ? "" : this.words[number];
  }

  // What is known of an event, or undefined while its block is packed.
  detail(event) {
    return this.details[Math.floor(event / this.block)]?.[event % this.block];
  }

  // Unpacks the blocks up to that of an event.
  async unpackUpTo(event) {
    const last = Math.min(Math.floor(event / this.block), this.blocks.length - 1);
    for (let block = 0; block <= last; ++block) {
      if (this.details[block] === undefined) await this.unpackBlock(block);
    }
  }

  async unpackBlock(block) {
    const details = await unpack(this.blocks[block].textContent);
    this.details[block] ??= details;
    this.blocks[block].textContent = "";
  }
}
