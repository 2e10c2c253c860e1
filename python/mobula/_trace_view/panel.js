// SPDX-License-Identifier: Apache-2.0
// The panel on the right: what happened, the chosen event with the state of its process, help.

const ROWS_MAX = 150;

// How each table of the trace is shown: its title, what to say of it, its columns (a title and the
// HTML of a record).
const TABLES = [
  ["executions", "Tasks pushed to this process", "", [
    ["task", (r, n, key) => n.object(key)],
    ["attempt", (r) => (r.attempt ?? 0) + 1],
    ["state", (r) => chip(r.state, r.state === "running" ? "good" : "")],
    ["waits for", (r) => [r.missing_arguments ? `${r.missing_arguments} arguments` : "",
                          r.acknowledgements_missing ? `${r.acknowledgements_missing} borrowers to be noted` : ""].filter(Boolean).join(", ")],
    ["sent by", (r, n, key, self) => n.address(r.sender || "gcs", self)],
  ]],
  ["objects", "Objects", "What this process knows of each object: as its owner, or as a borrower.", [
    ["object", (r, n, key) => n.object(key)],
    ["owner", (r, n, key, self) => (r.owned ? '<span class="self">this process</span>' : n.address(r.owner, self))],
    ["value", (r, n) => valueOf(r, n)],
    ["needed by", (r, n, key, self) => countsOf(r, n, self)],
    ["lineage", (r) => (r.has_lineage ? chip("task kept", "good") : r.lineage_evicted ? chip("evicted", "bad") : "")],
  ]],
  ["tasks", "Tasks it submitted", "With the finished ones that are kept as lineage, to make lost objects again.", [
    ["task", (r, n, key) => n.object(key)],
    ["state", (r) => chip(r.state, r.state === "kept as lineage" ? "good" : "")],
    ["attempt", (r) => (r.attempt ?? 0) + 1 + (r.cancelled ? " (cancelled)" : "")],
    ["retries left", (r) => (r.retries_left === -1 ? "no limit" : r.retries_left ?? 0)],
    ["where", (r, n, key, self) => n.address(r.worker, self)],
    ["needs", (r, n) => (r.arguments ?? []).slice(0, 4).map((id) => n.object(id)).join(" ") + ((r.arguments?.length ?? 0) > 4 ? " \u2026" : "")],
    ["lineage", (r) => (r.lineage_bytes ? formatBytes(r.lineage_bytes) : "")],
  ]],
  ["leases", "Leases it holds", "Workers that a raylet granted to this owner.", [
    ["lease", (r, n, key) => id(key)],
    ["worker", (r, n, key, self) => n.address(r.worker, self)],
    ["from", (r, n) => escapeHtml(n.node(r.raylet ?? ""))],
    ["state", (r) => chip(r.state, r.state === "open" ? "good" : "")],
    ["in flight", (r, n) => (r.in_flight ?? []).map((task) => n.object(task)).join(" ")],
  ]],
  ["requests", "Lease requests under way", "", [
    ["for", (r) => escapeHtml(r.name ?? "")],
    ["asked", (r, n) => escapeHtml(n.node(r.raylet ?? ""))],
    ["tasks waiting", (r) => r.backlog ?? 0],
  ]],
  ["actors", "Actors it calls", "", [
    ["actor", (r, n, key) => `${escapeHtml(r.class_name ?? "")} ${id(key)}`],
    ["state", (r) => chip(r.unreachable ? "unreachable" : r.state, r.state === "alive" && !r.unreachable ? "good" : "")],
    ["restarts", (r) => r.incarnation ?? 0],
    ["where", (r, n, key, self) => n.address(r.worker, self)],
    ["calls", (r) => `${r.waiting ?? 0} waiting, ${r.in_flight?.length ?? 0} in flight`],
  ]],
  ["resources", "Free resources of the node", "", [["available", (r) => resources(r.available)]]],
  ["granted", "Leases granted", "Workers of this node that are in an owner's hands.", [
    ["for", (r) => escapeHtml(r.name ?? "")],
    ["worker", (r, n, key, self) => n.address(`w${r.worker}`, self)],
    ["owner", (r, n, key, self) => n.address(r.owner || "gcs", self)],
    ["holds", (r) => resources(r.resources)],
    ["state", (r) => [r.blocked && "blocked: CPU lent", r.reclaimed && "reclaimed", r.ending && "ending"].filter(Boolean).map((s) => chip(s)).join(" ")],
  ]],
  ["queued", "Lease requests that wait", "", [
    ["for", (r) => escapeHtml(r.name ?? "")],
    ["owner", (r, n, key, self) => n.address(r.owner || "gcs", self)],
    ["needs", (r) => resources(r.resources)],
    ["waits for", (r) => (r.waits_for_worker ? "a process" : "resources")],
  ]],
  ["workers", "Processes of the node", "", [
    ["process", (r, n, key) => n.address(`w${key}`)],
    ["pid", (r) => r.pid ?? ""],
    ["state", (r) => chip(r.state)],
    ["runs", (r) => escapeHtml(r.running ?? "") + (r.blocked ? " (blocked)" : "")],
  ]],
  ["store", "Object store of the node", "", [
    ["object", (r, n, key) => n.object(key)],
    ["size", (r) => formatBytes(r.size ?? 0)],
    ["state", (r) => chip(r.sealed ? (r.primary ? "primary copy" : "copy") : "being written", r.sealed ? "good" : "")],
    ["pins", (r) => r.pins ?? 0],
    ["owner", (r, n) => n.address(r.object?.owner)],
  ]],
  ["links", "Links to other nodes", "Envelopes that were sent and received; those not acknowledged are repeated.", [
    ["to", (r, n, key) => escapeHtml(n.node(key))],
    ["sent", (r) => r.sent ?? 0],
    ["not acknowledged", (r) => (r.unacknowledged ? chip(r.unacknowledged, "warn") : 0)],
    ["received", (r) => r.delivered ?? 0],
    ["early", (r) => r.early ?? 0],
    ["state", (r) => (r.dead ? chip("dead", "bad") : chip("open", "good"))],
  ]],
  ["gcs_nodes", "GCS: nodes", "The GCS runs in this daemon. Only it declares a node dead.", [
    ["node", (r, n, key) => escapeHtml(n.node(key))],
    ["state", (r) => (r.alive ? chip("alive", "good") : chip("dead", "bad"))],
    ["free", (r) => resources(r.available)],
    ["why", (r) => escapeHtml(r.death_reason ?? "")],
  ]],
  ["gcs_actors", "GCS: actors", "", [
    ["actor", (r, n, key) => `${escapeHtml(r.class_name ?? "")} ${id(key)}`],
    ["state", (r) => chip(r.state, r.state === "alive" ? "good" : r.state === "dead" ? "bad" : "")],
    ["restarts", (r) => r.incarnation ?? 0],
    ["where", (r, n) => n.address(r.worker)],
    ["owner", (r, n) => n.address(r.owner)],
  ]],
  ["gcs_jobs", "GCS: jobs", "", [
    ["job", (r, n, key) => id(key)],
    ["driver", (r, n) => n.address(r.driver)],
    ["state", (r) => chip(r.finished ? "finished" : "running", r.finished ? "" : "good")],
  ]],
];
const COUNTS = [
  ["local", "references of the program in this process"],
  ["submitted", "arguments of tasks that this process submitted"],
  ["contained", "values of this process that contain the reference"],
  ["held", "steps of the borrowing protocol"],
  ["executing", "tasks that were pushed to this process"],
  ["lineage", "finished tasks that would need it to run again"],
];

function chip(text, kind = "") {
  return `<span class="chip ${kind}">${escapeHtml(text)}</span>`;
}
function id(text) {
  return `<a class="id" data-search="${escapeHtml(text)}" title="search for it"><i>${escapeHtml(text.slice(0, 8))}</i></a>`;
}
// "{CPU: 2, memory: 8e+09}" without what every node has and nobody looks for.
function resources(text) {
  const shown = (text ?? "").replace(/[{}]/g, "").split(", ").filter((one) => one && !/^(object_store_)?memory:/.test(one));
  return `<span title="${escapeHtml(text ?? "")}">${escapeHtml(shown.join(", ").replaceAll(":", "")) || "nothing"}</span>`;
}
function valueOf(record, names) {
  const what = record.kind === "value" ? "" : ` ${record.kind}`;
  if (record.phase === "pending") return chip("pending");
  if (record.phase === "inline") return `${chip(`here${what}`, what ? "bad" : "good")} ${formatBytes(record.size ?? 0)}`;
  if (record.lost) return `${chip("every copy lost", "bad")} ${formatBytes(record.size ?? 0)}`;
  const places = (record.locations ?? []).map((node) => names.node(node)).join(", ");
  return `${chip(`stored${what}`, "good")} ${formatBytes(record.size ?? 0)}${places ? ` on ${escapeHtml(places)}` : ""}`;
}
function countsOf(record, names, self) {
  const counts = COUNTS.filter(([name]) => record[name])
    .map(([name, meaning]) => `<span class="count" title="${record[name]} ${meaning}">${name} <b>${record[name]}</b></span>`);
  for (const borrower of record.borrowers ?? []) {
    const times = borrower.registrations > 1 ? ` \u00d7${borrower.registrations}` : "";
    counts.push(`<span class="count" title="registrations of this borrower that it has not given back">borrower ${names.address(borrower.borrower, self)}${times}</span>`);
  }
  if (record.waiters) counts.push(`<span class="count wait" title="wait for the value in this process">waiting <b>${record.waiters}</b></span>`);
  if (record.askers) counts.push(`<span class="count wait" title="borrowers that asked for the value">asked by <b>${record.askers}</b></span>`);
  return counts.join(" ") || '<span class="faint">nobody</span>';
}

class Panel {
  constructor(view) {
    this.view = view;
    this.run = view.run;
    this.states = new States(view.run);
    this.tab = "story";
    // Which tables the reader has closed or opened.
    this.closed = new Set(["links", "gcs_jobs", "workers"]);
    this.element = document.querySelector("aside");
    this.element.addEventListener("click", (click) => this.click(click));
    this.element.addEventListener("toggle", (toggle) => {
      const table = toggle.target.dataset.table;
      if (table) this.closed[toggle.target.open ? "delete" : "add"](table);
    }, true);
    document.getElementById("story").innerHTML = this.story();
    document.getElementById("help").innerHTML = this.help();
    this.show("story");
    this.showEvent(-1);
  }

  show(tab) {
    this.tab = tab;
    for (const button of this.element.querySelectorAll("nav button")) {
      button.setAttribute("aria-selected", String(button.dataset.tab === tab));
    }
    for (const element of this.element.querySelectorAll(".tab")) element.hidden = element.id !== tab;
  }

  click(click) {
    const target = click.target.closest("[data-tab],[data-event],[data-mark],[data-lane],[data-search],[data-step]");
    if (target === null) return;
    const {tab, event, mark, lane, search, step} = target.dataset;
    if (tab) this.show(tab);
    else if (event !== undefined) this.view.goTo(Number(event));
    else if (mark !== undefined) this.view.goToMark(Number(mark));
    else if (lane !== undefined) this.view.showLane(Number(lane));
    else if (search !== undefined) this.view.search.start(search);
    else if (step !== undefined) this.view.step(Number(step), target.dataset.same === "1");
  }

  // ---- What happened

  story() {
    const {run} = this;
    const counts = {fault: 0, death: 0, loss: 0, retry: 0};
    for (const mark of run.marks) if (mark.kind in counts) ++counts[mark.kind];
    const lost = run.sent.lost.filter((reason) => reason >= 0).length;
    const again = run.runs.attempt.filter((attempt) => attempt > 0).length;
    const facts = [
      [formatSpan(run.end), run.world === "simulation" ? "virtual time" : "from first to last event"],
      [run.nodes ? new Set(run.lanes.map((lane) => lane.node)).size : 0, "nodes"],
      [run.lanes.filter((lane) => lane.kind !== "daemon").length, "processes"],
      [run.runs.lane.length.toLocaleString("en"), "task executions"],
      [again.toLocaleString("en"), "re-executions"],
      [run.sent.source.length.toLocaleString("en"), "messages"],
      [lost.toLocaleString("en"), "lost"],
      [run.count.toLocaleString("en"), "events"],
    ];
    const tiles = facts.map(([value, name]) => `<div><b>${value}</b>${name}</div>`).join("");
    const items = run.marks.map((mark, index) => `
      <li class="${mark.kind}" data-mark="${index}" tabindex="0">
        <time>${formatSpan(mark.t)}</time>
        <span class="kind">${{fault: "fault", death: "death", loss: "lost", retry: "again", note: "note"}[mark.kind]}</span>
        <span>${escapeHtml(mark.text.replace(/ with \{.*\}$/, ""))}<em>${escapeHtml(this.view.names.lane(mark.lane))}</em></span>
      </li>`).join("");
    const wrong = counts.fault + counts.death + counts.loss + counts.retry;
    const notes = run.marks.length - wrong;
    const calm = `<p class="empty">Nothing went wrong in this run: no fault, no lost message, nothing
      executed again.</p>`;
    return `<div class="facts">${tiles}</div>
      ${wrong === 0 ? calm : ""}
      ${run.marks.length > 0 ? `<h2>In order of time <small>click to go there</small>
        ${notes > 0 ? `<label class="notes"><input type="checkbox" id="notes" ${wrong === 0 ? "checked" : ""}>with ${formatCount(notes, "note")}</label>` : ""}</h2>
        <ol class="marks">${items}</ol>` : ""}`;
  }

  // ---- One event

  async showEvent(event) {
    const element = document.getElementById("event");
    if (event < 0) {
      element.innerHTML = `<div class="empty"><p>Nothing is chosen.</p>
        <p>Click a <b>task</b> (a bar), a <b>message</b> (an arrow) or an <b>event</b> (a small tick
        below a line) in the picture. Here you will then see what it was, what followed from it,
        and what that process knew at that moment: its objects and their reference counts, the
        lineage it keeps, its leases.</p></div>`;
      return;
    }
    if (this.run.detail(event) === undefined) {
      element.innerHTML = '<p class="empty">Unpacking &hellip;</p>';
      await this.run.unpackUpTo(event);
      if (this.view.selected !== event) return;
    }
    // All earlier events of the process are needed for its state.
    await this.run.unpackUpTo(event);
    if (this.view.selected !== event) return;
    const scroll = element.scrollTop;
    const {tables, changes} = this.states.after(event);
    element.innerHTML = this.head(event) + this.effects(event) + this.changed(event, tables, changes) + this.state(event, tables, changes);
    element.scrollTop = this.shown === this.run.events.lane[event] ? scroll : 0;
    this.shown = this.run.events.lane[event];
  }

  head(event) {
    const {run} = this;
    const {names} = this.view;
    const lane = run.events.lane[event];
    const name = run.word(run.events.name[event]);
    const message = run.word(run.events.message[event]);
    const detail = run.detail(event);
    const explanation = EXPLANATIONS[message] ?? EXPLANATIONS[name] ?? "";
    const from = detail.from ? ` from ${names.address(detail.from)}` : "";
    const target = detail.to ? ` to ${names.address(detail.to)}` : "";
    return `<div class="head">
      <div class="steps">
        <span title="Previous and next event of any process"><button data-step="-1" title="Previous event (Left)">&#9664;</button><b>any</b><button data-step="1" title="Next event (Right)">&#9654;</button></span>
        <span title="Previous and next event of this process"><button data-step="-1" data-same="1" title="Previous event of this process (Shift+Left)">&#9664;</button><b>this process</b><button data-step="1" data-same="1" title="Next event of this process (Shift+Right)">&#9654;</button></span>
        <span class="faint">${(event + 1).toLocaleString("en")} of ${run.count.toLocaleString("en")}</span>
      </div>
      <h2>${escapeHtml(message || name)}</h2>
      <p class="where"><b>${formatSpan(run.events.t[event])}</b> in <a data-lane="${lane}">${escapeHtml(names.lane(lane))}</a>${run.lanes[lane].pid ? ` <span class="faint">pid ${run.lanes[lane].pid}</span>` : ""}<br>
        <span class="faint">${message ? `${escapeHtml(name)}${from}${target}` : ""}</span></p>
      ${explanation ? `<p class="why">${escapeHtml(explanation)}</p>` : ""}
      ${this.cause(event)}
      ${this.text(detail.text)}
    </div>`;
  }

  cause(event) {
    const {events} = this.run;
    const cause = events.cause[event];
    if (cause < 0) return "";
    const span = formatSpan(events.t[event] - events.t[cause]);
    return `<p class="cause">Came of <a data-event="${cause}">${escapeHtml(this.view.names.event(cause))}</a>
      in ${escapeHtml(this.view.names.lane(events.lane[cause]))}, ${span} before</p>`;
  }

  text(text) {
    if (!text) return "";
    const body = `<code>${this.view.names.link(text)}</code>`;
    return text.length < 160 ? `<div class="text">${body}</div>`
      : `<details class="text"><summary><code>${escapeHtml(text.slice(0, 110))}&hellip;</code></summary>${body}</details>`;
  }

  effects(event) {
    const effects = this.run.detail(event).effects ?? [];
    if (effects.length === 0) return "<h3>Nothing followed at once</h3>";
    const sent = new Map((this.run.sentBy.get(event) ?? []).map((index) => [this.run.sent.effect[index], index]));
    const items = effects.map((effect, place) => {
      const to = effect.to ? ` to ${this.view.names.address(effect.to)}` : "";
      const what = effect.message ? `${effect.effect === "SendFrame" ? "frame " : ""}<b>${escapeHtml(effect.message)}</b>${to}` : `<b>${escapeHtml(effect.effect)}</b>`;
      return `<li>${what} ${sent.has(place) ? this.fate(sent.get(place)) : ""}${this.text(effect.text)}</li>`;
    });
    return `<h3>What followed <small>${formatCount(effects.length, "effect")}</small></h3><ol class="effects">${items.slice(0, 60).join("")}</ol>
      ${items.length > 60 ? `<p class="faint">and ${items.length - 60} more</p>` : ""}`;
  }

  fate(index) {
    const {sent, events} = this.run;
    if (sent.target[index] >= 0) {
      const target = sent.target[index];
      return `<a data-event="${target}">received after ${formatSpan(events.t[target] - sent.start[index])}</a>`;
    }
    if (sent.lost[index] >= 0) return chip(this.run.word(sent.lost[index]), "bad");
    return '<span class="faint">not received before the end</span>';
  }

  // ---- State

  changed(event, tables, changes) {
    const parts = [];
    for (const [name, title] of TABLES) {
      for (const [key, before] of changes.get(name) ?? []) {
        const after = tables.get(name).get(key) ?? null;
        parts.push(`<li><span class="faint">${escapeHtml(title)}:</span> ${this.difference(name, key, before, after)}</li>`);
      }
    }
    if (parts.length === 0) return "";
    return `<h3>What it changed <small>${formatCount(parts.length, "record")}</small></h3><ul class="changes">${parts.slice(0, 40).join("")}</ul>
      ${parts.length > 40 ? `<p class="faint">and ${parts.length - 40} more</p>` : ""}`;
  }

  difference(table, key, before, after) {
    const {names} = this.view;
    const label = ["objects", "tasks", "store", "executions"].includes(table) ? names.object(key)
      : table === "workers" ? names.address(`w${key}`)
      : table === "links" || table === "gcs_nodes" ? escapeHtml(names.node(key)) : id(key);
    if (after === null) return `${label} ${chip("gone", "bad")}`;
    if (before === null) return `${label} ${chip("new", "good")}`;
    const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])]
      .filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]))
      .map((field) => `<span class="field">${escapeHtml(field.replaceAll("_", " "))} <s>${this.value(before[field])}</s> &rarr; <b>${this.value(after[field])}</b></span>`);
    return `${label} ${fields.join(" ")}`;
  }

  value(value) {
    if (value === undefined || value === false) return value === undefined ? "none" : "no";
    if (value === true) return "yes";
    if (typeof value === "string") {
      if (value.startsWith("{")) return resources(value);
      return value.length > 8 && /^[wn][0-9a-f]{8}$/.test(value) ? this.view.names.address(value) : this.view.names.link(value);
    }
    if (Array.isArray(value)) {
      if (value.length === 0) return "none";
      return value.slice(0, 4).map((one) => (typeof one === "string" ? this.value(this.view.names.node(one)) : this.value(one))).join(", ") + (value.length > 4 ? ", \u2026" : "");
    }
    if (value !== null && typeof value === "object") return Object.values(value).map((one) => this.value(one)).join(" \u00d7");
    return escapeHtml(value);
  }

  state(event, tables, changes) {
    const lane = this.run.events.lane[event];
    const parts = TABLES.filter(([name]) => tables.get(name)?.size > 0)
      .map(([name, title, note, columns]) => this.table(name, title, note, columns, tables.get(name), changes.get(name), lane));
    const where = escapeHtml(this.view.names.lane(lane));
    if (parts.length === 0) return `<h3>State</h3><p class="empty">After this event, ${where} knows of no object, task or lease.</p>`;
    return `<h3>State of ${where} <small>after this event</small></h3>${parts.join("")}`;
  }

  table(name, title, note, columns, records, changed, lane) {
    // What this event changed comes first.
    const keys = [...records.keys()].sort((a, b) => Number(changed?.has(b) ?? false) - Number(changed?.has(a) ?? false));
    const rows = keys.slice(0, ROWS_MAX).map((key) => {
      const cells = columns.map(([, cell]) => `<td>${cell(records.get(key), this.view.names, key, lane)}</td>`).join("");
      return `<tr${changed?.has(key) ? ' class="changed"' : ""}>${cells}</tr>`;
    });
    const more = keys.length > ROWS_MAX ? `<p class="faint">and ${(keys.length - ROWS_MAX).toLocaleString("en")} more</p>` : "";
    return `<details class="table" data-table="${name}" ${this.closed.has(name) ? "" : "open"}>
      <summary>${escapeHtml(title)} <small>${records.size.toLocaleString("en")}</small></summary>
      ${note ? `<p class="faint">${escapeHtml(note)}</p>` : ""}
      <div class="scroll"><table><thead><tr>${columns.map(([head]) => `<th>${head}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>${more}
    </details>`;
  }

  // ---- Help

  help() {
    const keys = [
      ["Wheel", "zoom at the pointer"], ["Shift + wheel, drag", "move"], ["W  S  or  +  -", "zoom in, out"],
      ["A  D", "move left, right"], ["&uarr;  &darr;", "move up, down"], ["F", "the whole run"],
      ["&larr;  &rarr;", "previous, next event"], ["Shift + &larr; &rarr;", "... of the same process"],
      ["/", "search"], ["Enter, Shift + Enter", "next, previous hit"], ["Esc", "choose nothing"],
    ];
    return `<div class="text-block">
      <h2>What you see</h2>
      <p>Time goes from left to right. Each node has a line for its <b>daemon</b> (scheduling, the
      object store, on the head node also the GCS), and below it one for each of its processes: the
      <b>driver</b> runs the program, <b>workers</b> run its tasks, an <b>actor</b> lives in a worker of its own.</p>
      <p>A <b>bar</b> is one execution of a task; a thin <b>arrow</b> is a message; the <b>ticks</b> under a line
      are its events. A message that was lost ends in a cross. Dashed lines are faults.</p>
      <h2>Finding out why</h2>
      <p>Choose an event, then follow the links: "came of" leads to what caused it, "received" to
      where a message went. The state of a process is shown as it was just after the chosen event;
      what that event changed is marked.</p>
      <h2>Words</h2>
      <dl>
        <dt>owner</dt><dd>the process that submitted the task or called put: it knows the value or where the copies are, counts references and keeps the lineage</dd>
        <dt>borrower</dt><dd>another process that holds a reference; the owner knows it and keeps the object</dd>
        <dt>lineage</dt><dd>what is needed to make an object again: its task, kept while a copy in a store can be lost</dd>
        <dt>lease</dt><dd>the right of an owner to run tasks on one worker, granted by a raylet</dd>
        <dt>attempt</dt><dd>one execution of a task; re-executions have another colour</dd>
      </dl>
      <h2>Keys</h2>
      <dl class="keys">${keys.map(([key, what]) => `<dt>${key}</dt><dd>${what}</dd>`).join("")}</dl>
    </div>`;
  }
}
