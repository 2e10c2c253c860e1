// SPDX-License-Identifier: Apache-2.0
// What a daemon or process knew after an event: the changes of its events, applied in order.

const CHECKPOINT = 500;

class States {
  constructor(run) {
    this.run = run;
    // For each lane: [the number of its events that are applied, the tables after them].
    this.checkpoints = run.lanes.map(() => [[0, new Map()]]);
  }

  // {tables, changes} after an event, which must be unpacked. `tables`: table -> key -> record;
  // `changes`: table -> key -> the record before it, or null.
  after(event) {
    const lane = this.run.lanes[this.run.events.lane[event]];
    const place = lowerBound(lane.events, event);
    const checkpoints = this.checkpoints[this.run.events.lane[event]];
    const [done, known] = checkpoints.findLast(([count]) => count <= place);
    const tables = copy(known);
    for (let i = done; i < place; ++i) {
      this.apply(lane.events[i], tables);
      if ((i + 1) % CHECKPOINT === 0 && i + 1 > checkpoints.at(-1)[0]) checkpoints.push([i + 1, copy(tables)]);
    }
    const changes = this.apply(event, tables);
    return {tables, changes};
  }

  apply(event, tables) {
    // Another incarnation of the daemon knows nothing of the last one's.
    if (this.run.word(this.run.events.name[event]) === "NodeStart") tables.clear();
    const changes = new Map();
    for (const [name, records] of Object.entries(this.run.detail(event).state ?? {})) {
      if (!tables.has(name)) tables.set(name, new Map());
      const table = tables.get(name);
      const changed = new Map();
      changes.set(name, changed);
      for (const [key, record] of Object.entries(records)) {
        changed.set(key, table.get(key) ?? null);
        if (record === null) table.delete(key);
        else table.set(key, record);
      }
    }
    return changes;
  }
}

function copy(tables) {
  return new Map([...tables].map(([name, table]) => [name, new Map(table)]));
}
