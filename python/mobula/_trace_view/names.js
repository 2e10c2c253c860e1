// SPDX-License-Identifier: Apache-2.0
// Names and numbers as people read them.

function escapeHtml(text) {
  return String(text).replace(/[&<>"]/g, (c) => ({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}[c]));
}

// A span of time with three or four digits that matter.
function formatSpan(ns) {
  const size = Math.abs(ns);
  if (size < 1e3) return `${Math.round(ns)} ns`;
  if (size < 1e6) return `${trim(ns / 1e3)} \u00b5s`;
  if (size < 1e9) return `${trim(ns / 1e6)} ms`;
  return `${trim(ns / 1e9)} s`;
}
function trim(value) {
  return value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0).replace(/\.0+$|(\.\d*[1-9])0+$/, "$1");
}
// A point in time, in one unit for a whole axis whose marks are `step` apart.
function formatTime(ns, step) {
  if (step >= 1e8) return `${(ns / 1e9).toFixed(step >= 1e9 ? 0 : 1)} s`;
  if (step >= 1e3) return `${(ns / 1e6).toFixed(step >= 1e6 ? 0 : step >= 1e5 ? 1 : step >= 1e4 ? 2 : 3)} ms`;
  return `${(ns / 1e3).toFixed(step >= 1e3 ? 0 : 3)} \u00b5s`;
}
function formatBytes(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${trim(bytes / 1e3)} kB`;
  return `${trim(bytes / 1e6)} MB`;
}
function formatCount(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

class Names {
  constructor(run) {
    this.run = run;
    this.byProcess = new Map(run.lanes.map((lane, index) => [lane.process, index]));
    this.daemons = new Map(
      run.lanes.map((lane, index) => [lane.node, index]).filter(([, index]) => run.lanes[index].kind === "daemon"));
  }

  lane(index) {
    const lane = this.run.lanes[index];
    return `${this.inNode(index)} on ${lane.node}`;
  }
  inNode(index) {
    const lane = this.run.lanes[index];
    if (lane.kind === "daemon") return "daemon";
    return `${lane.actor ? `actor ${lane.actor}` : lane.kind} ${lane.process.slice(0, 4)}`;
  }

  // HTML of an address of the trace: "w1f3a0000", "n77e1c0de" or "gcs".
  address(text, self = -1) {
    if (!text) return "";
    if (text === "gcs") return "the GCS";
    const index = text[0] === "w" ? this.byProcess.get(text.slice(1)) : this.daemons.get(this.node(text));
    if (index === undefined) return escapeHtml(text[0] === "n" ? this.node(text) : text);
    if (index === self) return '<span class="self">this process</span>';
    return `<a data-lane="${index}">${escapeHtml(this.lane(index))}</a>`;
  }
  node(text) {
    return this.run.nodes[text.replace(/^n/, "")] ?? text;
  }

  // HTML of an object's or task's id, with the name of its task.
  object(text) {
    const [task, index] = text.split("/");
    const name = this.run.tasks[task];
    const label = name ? `${escapeHtml(name)}<i>\u00b7${task.slice(0, 4)}${index === undefined || index === "0" ? "" : `/${index}`}</i>`
                       : `<i>${escapeHtml(index?.startsWith("put") ? `put \u00b7${task.slice(0, 4)}/${index.slice(3)}` : text)}</i>`;
    return `<a class="id" data-search="${escapeHtml(text)}" title="${escapeHtml(text)}: search for it">${label}</a>`;
  }

  // Text of the trace with its ids made into links.
  link(text) {
    return escapeHtml(text).replace(/\b[0-9a-f]{8}(\/(put)?\d+)?\b/g, (id) => {
      const digits = id.slice(0, 8);
      if (this.byProcess.has(digits)) {
        const lane = this.byProcess.get(digits);
        return `<a data-lane="${lane}" title="${escapeHtml(this.lane(lane))}">${id}</a>`;
      }
      const title = this.run.nodes[digits] ?? this.run.tasks[digits];
      return title ? `<a data-search="${id}" title="${escapeHtml(title)}: search for it">${id}</a>` : id;
    });
  }

  event(index) {
    const events = this.run.events;
    const name = this.run.word(events.name[index]);
    const message = this.run.word(events.message[index]);
    return message ? `${message}` : name;
  }
}

// What the events and messages are, in a sentence for somebody who sees them for the first time.
const EXPLANATIONS = {
  // Events.
  Started: "The process starts and registers with the daemon of its node.",
  TaskSubmitted: "The program called a remote function. This process owns the results from now on.",
  ObjectPut: "The program called put with a small value, which stays in this process.",
  BufferRequested: "A large value needs room in the node's object store.",
  BufferSealed: "A large put is written; the copy in the store is complete.",
  GetRequested: "The program called get and waits.",
  WaitRequested: "The program called wait.",
  RequestAbandoned: "The caller of a get or wait went away.",
  ReferenceAdded: "The program holds one more reference to an object.",
  ReferenceRemoved: "One reference of the program is gone. When nobody needs the object, it is freed.",
  BufferReleased: "The program no longer uses the memory of a stored object.",
  GcsRequested: "The process asks the GCS something.",
  TaskExecuted: "The code of a task has ended in this process.",
  TimerFired: "A timer that this machine had started ran out.",
  ActorKillRequested: "The program kills an actor.",
  CancelRequested: "The program cancels a task.",
  FreeRequested: "The program frees objects although there may be references.",
  EnvelopeSent: "A process of this node handed the daemon a message to pass on.",
  FrameReceived: "A frame arrived from another node's daemon.",
  LinkBroken: "The connection to another node broke. A suspicion: only the GCS declares a node dead.",
  NodeStarted: "The daemon starts and registers its node with the GCS.",
  ProcessExited: "A process of this node is gone.",
  ProcessOutput: "A process printed something.",
  ChunkReceived: "Bytes of an object arrived from another node.",
  NodeStart: "A daemon starts: a new incarnation of the node.",
  ProcessStart: "A process starts.",
  ProcessEnd: "The process is gone.",
  // Messages.
  RegisterWorker: "A new process tells its daemon that it is there.",
  WorkerRegistered: "The daemon welcomes the process.",
  TaskBlocked: "A worker waits in get: its CPU can be lent to another task.",
  TaskUnblocked: "The worker goes on, and takes its CPU back.",
  WatchWorker: "Tell me when this process dies.",
  WorkerDied: "A process is gone for ever.",
  NodeDied: "A node is gone for ever, with all its workers and copies.",
  LogLines: "Lines that a worker printed, on their way to the driver.",
  RequestLease: "An owner asks a raylet for a worker.",
  LeaseGranted: "The owner may use this worker for its tasks.",
  LeaseSpilled: "Ask that other node instead.",
  LeaseRefused: "There will never be a worker for this here.",
  CancelLeaseRequest: "The owner needs that worker no more.",
  ReturnLease: "The owner gives the worker back.",
  ReclaimLease: "Others wait: finish what you have and give the worker back.",
  KillWorker: "End this process.",
  PushTask: "A task, sent straight to the worker that is to run it.",
  TaskDone: "The answer: small results are inside, large ones stay in the node's store.",
  TaskReturned: "The worker gives a task back that it had not started.",
  CancelTask: "Stop this task.",
  GetObjectStatus: "A borrower asks the owner for the value, or where it is.",
  ObjectStatusReply: "The owner says where the value is, or sends it.",
  AddBorrower: "A process tells the owner that it holds a reference.",
  BorrowerAdded: "The owner has noted the borrower.",
  RemoveBorrower: "The borrower holds no reference any more.",
  ObjectLocationChanged: "A node gained or lost a copy; its owner is told.",
  CreateObject: "A process asks for room in the store.",
  ObjectCreated: "There is room: write here.",
  SealObject: "The object is complete and will not change.",
  FetchObject: "Bring this object to this node.",
  ObjectAvailable: "The object is here, and pinned for you.",
  ObjectUnavailable: "No location had it.",
  ReleaseObject: "The pin is not needed any more.",
  FreeObject: "The owner says: nobody needs this object, drop the copy.",
  RequestChunk: "Send me these bytes of an object.",
  ChunkUnavailable: "I have no such copy.",
  RegisterNode: "A node wants to join.",
  NodeRegistered: "The node is a member.",
  NodeReport: "A node says what it has free. Also the sign that it lives.",
  ClusterChanged: "The GCS tells the nodes what changed.",
  NodeSuspected: "A connection broke: perhaps that node is dead. The GCS checks.",
  RegisterJob: "A driver starts a job.",
  JobRegistered: "The job has an id.",
  JobFinished: "The driver has ended: its workers may go.",
  ReportWorkerDied: "A raylet tells the GCS of a dead process.",
  RegisterActor: "An owner asks the GCS to create an actor.",
  ActorRegistered: "The GCS knows the actor.",
  SubscribeActor: "Tell me where this actor is.",
  ActorUpdate: "The GCS says where an actor is, or that it is dead.",
  KillActor: "End this actor.",
  ActorOutOfScope: "No handle to the actor is left.",
  KvRequest: "A question to the key-value store of the GCS.",
  KvReply: "Its answer.",
};
