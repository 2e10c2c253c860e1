// SPDX-License-Identifier: Apache-2.0
// Where each lane lies: nodes below one another, in each its daemon and then its processes.

const GUTTER = 188;
const AXIS = 40;
const NODE_HEAD = 20;
const DAEMON_HEIGHT = 22;
const LEVEL_HEIGHT = 22;
const NODE_GAP = 10;

class Layout {
  constructor(run) {
    this.rows = new Array(run.lanes.length);
    this.nodes = [];
    let y = 4;
    let node = null;
    run.lanes.forEach((lane, index) => {
      if (lane.node !== node) {
        if (node !== null) y += NODE_GAP;
        node = lane.node;
        this.nodes.push({name: node, top: y, bottom: y});
        y += NODE_HEAD;
      }
      const height = lane.kind === "daemon" ? DAEMON_HEIGHT : LEVEL_HEIGHT * lane.levels + 6;
      this.rows[index] = {top: y, height, middle: y + height / 2};
      y += height;
      this.nodes.at(-1).bottom = y + 4;
    });
    this.height = y + 12;
  }

  // The lane at a height, or -1.
  laneAt(y) {
    return this.rows.findIndex((row) => y >= row.top && y < row.top + row.height);
  }
}
