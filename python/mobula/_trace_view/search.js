// SPDX-License-Identifier: Apache-2.0
// Finds events by what is written in them.

const SLICE_MS = 12;

class Search {
  constructor(view) {
    this.view = view;
    this.run = view.run;
    this.hits = [];
    this.current = -1;
    this.turn = 0;
    this.input = document.getElementById("search");
    this.label = document.getElementById("hits");
    let timer = 0;
    this.input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.start(this.input.value), 180);
    });
    this.input.addEventListener("keydown", (key) => {
      if (key.key === "Enter") this.next(key.shiftKey ? -1 : 1);
      if (key.key === "Escape") this.start("");
      key.stopPropagation();
    });
    document.getElementById("hit-next").addEventListener("click", () => this.next(1));
    document.getElementById("hit-previous").addEventListener("click", () => this.next(-1));
  }

  // Looks through all events, a slice at a time; a newer search ends an older one.
  async start(text) {
    const turn = ++this.turn;
    if (this.input.value !== text) this.input.value = text;
    this.hits = [];
    this.current = -1;
    if (text.trim() === "") {
      if (text === "") this.input.blur();
      this.report("");
      return;
    }
    const pattern = new RegExp(text.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");
    const inWords = this.run.words.map((word) => pattern.test(word));
    const inLanes = this.run.lanes.map((lane, index) => pattern.test(this.view.names.lane(index)) || lane.process === text);
    let pause = performance.now() + SLICE_MS;
    for (let event = 0; event < this.run.count; ++event) {
      if (this.run.detail(event) === undefined) await this.run.unpackBlock(Math.floor(event / this.run.block));
      if (this.matches(event, pattern, inWords, inLanes)) this.hits.push(event);
      if (performance.now() > pause) {
        this.report("searching \u2026");
        await new Promise((resolve) => setTimeout(resolve));
        if (turn !== this.turn) return;
        pause = performance.now() + SLICE_MS;
      }
    }
    this.report();
    if (this.hits.length > 0) this.view.drawSoon();
  }

  matches(event, pattern, inWords, inLanes) {
    const {events} = this.run;
    if (inWords[events.name[event]] || inWords[events.message[event]] || inLanes[events.lane[event]]) return true;
    const detail = this.run.detail(event);
    if (detail.text !== undefined && pattern.test(detail.text)) return true;
    for (const effect of detail.effects ?? []) {
      if (pattern.test(effect.effect) || pattern.test(effect.message ?? "") || pattern.test(effect.text ?? "")) return true;
    }
    return false;
  }

  next(step) {
    if (this.hits.length === 0) return;
    if (this.current < 0) {
      // From where the reader is.
      const here = this.view.selected >= 0 ? this.view.selected : lowerBound(this.run.events.t, this.view.from) - 1;
      this.current = lowerBound(this.hits, step > 0 ? here + 1 : here) - (step > 0 ? 1 : 0);
    }
    this.current = (this.current + step + this.hits.length) % this.hits.length;
    this.report();
    this.view.goTo(this.hits[this.current]);
  }

  report(text) {
    const count = this.hits.length;
    this.label.textContent = text ?? (count === 0 ? "no hit" : this.current < 0 ? formatCount(count, "hit") : `${this.current + 1} of ${count.toLocaleString("en")}`);
    this.view.drawSoon();
  }

  // So many of the hits as there are places to draw them.
  sample(places) {
    const stride = Math.max(1, Math.ceil(this.hits.length / places));
    return stride === 1 ? this.hits : this.hits.filter((hit, place) => place % stride === 0);
  }
}
