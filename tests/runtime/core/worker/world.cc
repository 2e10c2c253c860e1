// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/core/worker/world.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "runtime/base/check.h"

namespace mobula::worker {

/// A driver's program, or a task that runs.
struct World::Context {
  TaskSpec spec;
  std::vector<ObjectRef> held;
  std::uint64_t children = 0;
  std::uint32_t puts = 0;
  std::uint32_t actions_left = 0;
  /// The request it waits for; 0 for none.
  RequestId waiting = 0;
  bool finishing = false;
  std::vector<TaskResult> results;
  std::uint32_t buffers_missing = 0;
  std::vector<ObjectId> mapped;
};

struct World::Process {
  Process(Address a, bool driver)
      : address(a), is_driver(driver), machine(a.worker, MakeOptions()) {}
  static Options MakeOptions() { return Options{}; }

  Address address;
  bool is_driver;
  Worker machine;
  std::map<TaskId, Context> contexts;
  std::vector<ObjectRef> globals;
  std::map<RequestId, TaskId> requests;
  std::map<RequestId, ObjectId> buffers;
  RequestId last_request = 0;
  std::multimap<Instant, TimerId> timers;
  LeaseId lease;
  Address lease_owner;
  bool idle = false;
  ActorId actor;
};

struct World::Store {
  struct Object {
    ObjectRef reference;
    Address writer;
    std::vector<ObjectRef> inner;
    bool sealed = false;
    bool freed = false;
    std::map<Address, int> pins;
  };
  std::map<ObjectId, Object> objects;
};

World::World(std::uint64_t seed, Limits limits)
    : rng_(seed),
      limits_(limits),
      actions_left_(limits.actions),
      tasks_left_(limits.tasks),
      actors_left_(limits.actors) {
  for (std::uint32_t i = 1; i <= limits.nodes; ++i) {
    nodes_.push_back(NodeId{std::uint64_t{i} << 32, 1});
    stores_[nodes_.back()] = std::make_unique<Store>();
  }
  for (int i = 0; i < 2; ++i) {
    Process& driver = Spawn(nodes_[0], true);
    Context& context = driver.contexts[TaskId{++counter_ << 32, 7}];
    context.spec.task = TaskId{counter_ << 32, 7};
  }
}

World::~World() = default;

// Programs

Bytes World::Pickle(const std::vector<ObjectRef>& inner) {
  std::string text;
  for (const ObjectRef& reference : inner) {
    text += reference.id.Hex() + reference.owner.node.Hex() + reference.owner.worker.Hex();
  }
  return Bytes(text);
}

std::vector<ObjectRef> World::InnerOf(const Bytes& data) {
  std::vector<ObjectRef> inner;
  for (std::size_t at = 0; at + 104 <= data.Size(); at += 104) {
    const std::string_view text = data.View().substr(at, 104);
    inner.push_back(
        {ObjectId::FromHex(text.substr(0, 40)),
         {NodeId::FromHex(text.substr(40, 32)), WorkerId::FromHex(text.substr(72, 32))}});
  }
  return inner;
}

std::vector<ObjectRef> World::Pick(const std::vector<ObjectRef>& from, std::uint64_t most) {
  std::vector<ObjectRef> picked;
  if (from.empty()) return picked;
  for (std::uint64_t i = rng_.Below(most + 1); i > 0; --i)
    picked.push_back(from[rng_.Below(from.size())]);
  return picked;
}

bool World::ActOnce() {
  std::vector<std::pair<Process*, TaskId>> able;
  for (const auto& [address, process] : processes_) {
    for (const auto& [task, context] : process->contexts) {
      if (context.waiting == 0 && !context.finishing) able.emplace_back(process.get(), task);
    }
  }
  if (able.empty()) return false;
  const auto& [process, task] = able[rng_.Below(able.size())];
  Act(*process, process->contexts.at(task));
  return true;
}

void World::Act(Process& process, Context& context) {
  const bool over = process.is_driver ? actions_left_ == 0 : context.actions_left == 0;
  if (over) {
    if (!process.is_driver) return Finish(process, context);
    for (const ObjectId object : context.mapped) Post(process, BufferReleased{object});
    DropAll(process, context.held);
    process.contexts.erase(context.spec.task);
    return;
  }
  if (actions_left_ > 0) --actions_left_;
  if (context.actions_left > 0) --context.actions_left;
  // An actor that waited could wait for itself.
  const bool may_wait = context.spec.header->kind == TaskKind::kNormal;
  switch (rng_.Below(11)) {
    case 0:
      return PutSmall(process, context);
    case 1:
      return PutLarge(process, context);
    case 2:
    case 3:
      return Submit(process, context);
    case 4:
    case 5:
      return may_wait ? Get(process, context) : Submit(process, context);
    case 6:
      return may_wait ? Wait(process, context) : PutSmall(process, context);
    case 7:
      return CreateActor(process, context);
    case 8:
    case 9:
      return CallActor(process, context);
    default:
      break;
  }
  if (context.held.empty()) return;
  const std::size_t at = rng_.Below(context.held.size());
  const ObjectRef reference = context.held[at];
  if (rng_.Below(2) == 0) {
    context.held.push_back(reference);
    return Post(process, ReferenceAdded{reference, {}, false});
  }
  context.held.erase(context.held.begin() + static_cast<std::ptrdiff_t>(at));
  Post(process, ReferenceRemoved{reference.id});
}

void World::PutSmall(Process& process, Context& context) {
  const ObjectId id = PutObject(context.spec.task, context.spec.attempt, context.puts++);
  const auto inner = Pick(context.held, 2);
  context.held.push_back({id, process.address});
  Post(process, ObjectPut{id, Payload{PayloadKind::kValue, Pickle(inner), {}}, inner});
}

void World::PutLarge(Process& process, Context& context) {
  const ObjectId id = PutObject(context.spec.task, context.spec.attempt, context.puts++);
  context.waiting = ++process.last_request;
  process.requests[context.waiting] = context.spec.task;
  process.buffers[context.waiting] = id;
  Post(process, BufferRequested{context.waiting, {id, process.address}, 1 << 20});
}

TaskSpec World::NewTask(Process& process, Context& context, TaskKind kind) {
  TaskSpec spec;
  spec.task = ChildTask(context.spec.task, context.spec.attempt, context.children++);
  TaskHeader& header = spec.header.Edit();
  header.kind = kind;
  header.owner = process.address;
  spec.parent = context.spec.task;
  header.function.id = FunctionId{3, rng_.Below(3)};
  header.name = "f";
  header.num_returns =
      kind == TaskKind::kActorCreation ? 1 : 1 + static_cast<std::uint32_t>(rng_.Below(2));
  header.max_retries = -1;
  for (const ObjectRef& reference : Pick(context.held, 2)) {
    TaskArgument argument;
    argument.reference = reference;
    spec.arguments.emplace_back() = argument;
  }
  const auto inner = Pick(context.held, 2);
  if (!inner.empty()) {
    TaskArgument argument;
    argument.value.data = Pickle(inner);
    argument.contained = inner;
    spec.arguments.emplace_back() = argument;
  }
  return spec;
}

void World::Submit(Process& process, Context& context) {
  if (tasks_left_ == 0) return;
  --tasks_left_;
  const TaskSpec spec = NewTask(process, context, TaskKind::kNormal);
  for (std::uint32_t i = 0; i < spec.header->num_returns; ++i) {
    context.held.push_back({spec.Return(i), process.address});
  }
  Post(process, TaskSubmitted{spec});
}

void World::CreateActor(Process& process, Context& context) {
  if (actors_left_ == 0) return;
  --actors_left_;
  TaskSpec spec = NewTask(process, context, TaskKind::kActorCreation);
  TaskHeader& header = spec.header.Edit();
  header.actor = ActorOf(spec.task);
  header.actor_options.emplace();
  spec.header.Edit().actor_options->max_restarts = rng_.Below(2) == 0 ? -1 : 0;
  spec.header.Edit().actor_options->max_task_retries = rng_.Below(2) == 0 ? -1 : 0;
  context.held.push_back({spec.Return(0), process.address});
  actors_[spec.header->actor];
  Post(process, TaskSubmitted{spec});
}

void World::CallActor(Process& process, Context& context) {
  std::vector<ObjectRef> handles;
  for (const ObjectRef& reference : context.held) {
    if (reference.id.index == 0 && actors_.contains(ActorOf(reference.id.task)))
      handles.push_back(reference);
  }
  if (handles.empty() || tasks_left_ == 0) return;
  --tasks_left_;
  TaskSpec spec = NewTask(process, context, TaskKind::kActorCall);
  spec.header.Edit().actor = ActorOf(handles[rng_.Below(handles.size())].id.task);
  for (std::uint32_t i = 0; i < spec.header->num_returns; ++i) {
    context.held.push_back({spec.Return(i), process.address});
  }
  Post(process, TaskSubmitted{spec});
}

void World::Get(Process& process, Context& context) {
  const auto picked = Pick(context.held, 3);
  if (picked.empty()) return;
  GetRequested get;
  get.request = ++process.last_request;
  for (const ObjectRef& reference : picked) get.objects.push_back(reference.id);
  if (rng_.Below(5) == 0) get.timeout = Milliseconds(10);
  context.waiting = get.request;
  process.requests[get.request] = context.spec.task;
  Post(process, get);
}

void World::Wait(Process& process, Context& context) {
  const auto picked = Pick(context.held, 3);
  if (picked.empty()) return;
  WaitRequested wait;
  wait.request = ++process.last_request;
  for (const ObjectRef& reference : picked) wait.objects.push_back(reference.id);
  if (rng_.Below(3) == 0) wait.timeout = Milliseconds(10);
  wait.fetch_local = rng_.Below(2) == 0;
  context.waiting = wait.request;
  process.requests[wait.request] = context.spec.task;
  Post(process, wait);
}

void World::Unpickle(Process& process, Context& context, const std::vector<ObjectRef>& inner,
                     const ObjectId& container, bool container_is_task) {
  for (const ObjectRef& reference : inner) {
    if (rng_.Below(3) == 0) continue;  // The language layer may never look at it.
    context.held.push_back(reference);
    Post(process, ReferenceAdded{reference, container, container_is_task});
  }
}

void World::Open(Process& process, Context& context, const FetchedValue& value) {
  ++values_;
  if (!value.stored) {
    if (value.value.kind == PayloadKind::kError) {
      if (trace_) std::cerr << process.address.worker << " got " << ToString(value) << "\n";
      ++errors_[boost::describe::enum_to_string(value.value.Problem().kind, "?")];
    }
    return Unpickle(process, context, InnerOf(value.value.data), value.object, false);
  }
  const auto& objects = stores_.at(process.address.node)->objects;
  CHECK(objects.contains(value.object)) << "a pinned object is not in the store: " << value.object;
  Unpickle(process, context, objects.at(value.object).inner, value.object, false);
  if (rng_.Below(3) == 0) {
    context.mapped.push_back(value.object);
  } else {
    Post(process, BufferReleased{value.object});
  }
}

void World::Begin(Process& process, const RunTask& run) {
  Context& context = process.contexts[run.spec.task];
  context.spec = run.spec;
  context.actions_left = static_cast<std::uint32_t>(rng_.Below(6));
  const ObjectId task{run.spec.task, 0};
  for (std::size_t i = 0; i < run.arguments.size(); ++i) {
    const FetchedValue& argument = run.arguments[i];
    if (!argument.stored) {
      CHECK(argument.value.kind == PayloadKind::kValue);
      Unpickle(process, context, InnerOf(argument.value.data), task, true);
      continue;
    }
    const bool by_task = rng_.Below(2) == 0;
    const auto& objects = stores_.at(process.address.node)->objects;
    CHECK(objects.contains(argument.object))
        << "an argument is not in the store: " << argument.object;
    Unpickle(process, context, objects.at(argument.object).inner, by_task ? task : argument.object,
             by_task);
    context.mapped.push_back(argument.object);
  }
}

void World::Finish(Process& process, Context& context) {
  context.finishing = true;
  const TaskSpec& spec = context.spec;
  for (std::uint32_t i = 0;
       i < spec.header->num_returns && spec.header->kind != TaskKind::kActorCreation; ++i) {
    TaskResult result;
    result.object = spec.Return(i);
    result.contained = Pick(context.held, 2);
    result.value.data = Pickle(result.contained);
    result.in_store = rng_.Below(2) == 0;
    result.size = 1 << 20;
    context.results.push_back(result);
  }
  const auto results = context.results;
  for (const TaskResult& result : results) context.buffers_missing += result.in_store ? 1 : 0;
  for (const TaskResult& result : results) {
    if (!result.in_store) continue;
    const RequestId request = ++process.last_request;
    process.requests[request] = spec.task;
    Post(process, BufferRequested{request, {result.object, spec.header->owner}, result.size});
  }
  if (context.buffers_missing == 0) Answer(process, context);
}

void World::Answer(Process& process, Context& context) {
  const TaskId task = context.spec.task;
  for (const ObjectId object : std::exchange(context.mapped, {}))
    Post(process, BufferReleased{object});
  Store& store = *stores_.at(process.address.node);
  for (TaskResult& result : context.results) {
    if (!result.in_store) continue;
    const auto created = store.objects.find(result.object);
    if (created == store.objects.end() || created->second.sealed) {
      result.in_store = false;  // There was no room: another attempt's copy is in the way.
    } else {
      created->second.inner = result.contained;
      result.value.data = Bytes();
    }
  }
  // Some references stay behind in the process; most go, before or after the answer.
  for (const ObjectRef& reference : Pick(context.held, 2)) {
    process.globals.push_back(reference);
    Post(process, ReferenceAdded{reference, {}, false});
  }
  const bool drop_first = rng_.Below(2) == 0 && context.results.empty();
  if (drop_first) DropAll(process, context.held);
  const TaskExecuted executed{task, context.spec.attempt, context.results, false, false};
  auto held = std::move(context.held);
  process.contexts.erase(task);
  Post(process, executed);
  DropAll(process, held);
  if (process.globals.size() > 5) DropAll(process, process.globals);
}

void World::DropAll(Process& process, std::vector<ObjectRef>& held) {
  for (const ObjectRef& reference : std::exchange(held, {}))
    Post(process, ReferenceRemoved{reference.id});
}

// Processes

World::Process& World::Spawn(NodeId node, bool is_driver) {
  const Address address{node, WorkerId{++counter_ << 32, 2}};
  auto& process = processes_[address];
  process = std::make_unique<Process>(address, is_driver);
  WorkerRegistered registered;
  registered.address = address;
  Post(*process, MessageReceived{Address::Daemon(node), registered});
  return *process;
}

void World::Post(Process& process, const Event& event) {
  Effects effects;
  process.machine.Handle(now_, event, effects);
  process.machine.CheckInvariants();
  const Address address = process.address;
  for (const Effect& effect : effects) {
    if (!processes_.contains(address)) return;
    Perform(process, effect);
  }
}

void World::Perform(Process& process, const Effect& effect) {
  if (const auto* send = std::get_if<mobula::Send>(&effect)) {
    Send(process.address, send->target, send->message);
  } else if (const auto* timer = std::get_if<StartTimer>(&effect)) {
    process.timers.emplace(now_ + timer->delay, timer->timer);
  } else if (const auto* run = std::get_if<RunTask>(&effect)) {
    Begin(process, *run);
  } else if (const auto* get = std::get_if<FulfilGet>(&effect)) {
    const auto request = process.requests.extract(get->request);
    Context& context = process.contexts.at(request.mapped());
    context.waiting = 0;
    for (const FetchedValue& value : get->values) Open(process, context, value);
  } else if (const auto* wait = std::get_if<FulfilWait>(&effect)) {
    const auto request = process.requests.extract(wait->request);
    process.contexts.at(request.mapped()).waiting = 0;
  } else if (const auto* create = std::get_if<FulfilCreate>(&effect)) {
    const TaskId task = process.requests.extract(create->request).mapped();
    Context& context = process.contexts.at(task);
    const auto put = process.buffers.extract(create->request);
    if (put.empty()) {
      if (--context.buffers_missing == 0) Answer(process, context);
      return;
    }
    context.waiting = 0;
    const auto inner = Pick(context.held, 2);
    stores_.at(process.address.node)->objects.at(put.mapped()).inner = inner;
    context.held.push_back({put.mapped(), process.address});
    Post(process, BufferSealed{put.mapped(), PayloadKind::kValue, 1 << 20, inner});
  }
}

bool World::FireTimers() {
  Process* first = nullptr;
  for (const auto& [address, process] : processes_) {
    if (process->timers.empty()) continue;
    if (first == nullptr || process->timers.begin()->first < first->timers.begin()->first) {
      first = process.get();
    }
  }
  if (first == nullptr) return false;
  const auto timer = first->timers.extract(first->timers.begin());
  now_ = std::max(now_, timer.key());
  Post(*first, TimerFired{timer.mapped()});
  return true;
}

// Messages

void World::Send(const Address& source, const Address& target, Message message) {
  ++messages_;
  channels_[{source, target}].push_back(std::move(message));
}

bool World::DeliverOne() {
  if (channels_.empty()) return false;
  auto channel = channels_.begin();
  std::advance(channel, static_cast<std::ptrdiff_t>(rng_.Below(channels_.size())));
  const auto [source, target] = channel->first;
  const Message message = std::move(channel->second.front());
  channel->second.pop_front();
  if (channel->second.empty()) channels_.erase(channel);
  if (dead_nodes_.contains(source.node)) return true;
  if (trace_) {
    std::cerr << source.worker << " -> "
              << (target.IsDaemon() ? "raylet of " + target.node.Short() : target.worker.Short())
              << " " << ToString(message).substr(0, 700) << "\n";
  }
  Deliver(source, target, message);
  return true;
}

void World::Deliver(const Address& source, const Address& target, const Message& message) {
  now_ = now_ + Microseconds(10);
  if (target.IsGcs()) return AtGcs(source, message);
  if (dead_nodes_.contains(target.node)) {
    if (!source.worker.IsNil())
      Send(Address::Daemon(source.node), source, WorkerDied{target, "bounced", false});
    return;
  }
  if (target.IsDaemon()) return AtRaylet(target.node, source, message);
  const auto process = processes_.find(target);
  if (process != processes_.end()) return Post(*process->second, MessageReceived{source, message});
  if (source.worker.IsNil()) return;
  Send(Address::Daemon(source.node), source, WorkerDied{target, "bounced", false});
}

NodeId World::AnyNode() {
  for (;;) {
    const NodeId node = nodes_[rng_.Below(nodes_.size())];
    if (!dead_nodes_.contains(node)) return node;
  }
}

void World::AtRaylet(NodeId node, const Address& source, const Message& message) {
  const Address self = Address::Daemon(node);
  // A dead process has no more wishes.
  if (source.node == node && !source.worker.IsNil() && !processes_.contains(source)) return;
  auto& objects = stores_.at(node)->objects;
  const auto erase_if_unused = [&](ObjectId id) {
    const auto found = objects.find(id);
    if (found != objects.end() && found->second.freed && found->second.pins.empty())
      objects.erase(found);
  };
  if (const auto* lease = std::get_if<RequestLease>(&message)) {
    if (lease->spill_count == 0 && rng_.Below(4) == 0) {
      return Send(self, source, LeaseSpilled{lease->request, AnyNode()});
    }
    Process* worker = nullptr;
    for (const auto& [address, process] : processes_) {
      if (process->idle && address.node == node) worker = process.get();
    }
    if (worker == nullptr) worker = &Spawn(node, false);
    worker->idle = false;
    worker->lease = LeaseId{++counter_ << 32, 4};
    worker->lease_owner = lease->owner;
    Send(self, lease->owner, LeaseGranted{lease->request, worker->lease, worker->address, 1});
    if (rng_.Below(3) == 0) Send(self, lease->owner, ReclaimLease{worker->lease});
  } else if (const auto* returned = std::get_if<ReturnLease>(&message)) {
    for (const auto& [address, process] : processes_) {
      if (process->lease == returned->lease) process->idle = true;
    }
  } else if (const auto* watch = std::get_if<WatchWorker>(&message)) {
    const Address worker{node, watch->worker};
    if (processes_.contains(worker)) {
      watchers_[worker].insert(source);
    } else {
      Send(self, source, WorkerDied{worker, "dead", false});
    }
  } else if (const auto* create = std::get_if<CreateObject>(&message)) {
    const auto [entry, added] = objects.try_emplace(create->object.id);
    ObjectCreated created{create->request, create->object.id, 64, {}};
    if (added) {
      entry->second.reference = create->object;
      entry->second.writer = source;
    } else {
      created.error = {ErrorKind::kInvalid, "exists", create->object.id, {}, {}, {}};
    }
    Send(self, source, created);
  } else if (const auto* seal = std::get_if<SealObject>(&message)) {
    if (!objects.contains(seal->object)) return;  // The owner was faster: it is freed already.
    objects.at(seal->object).sealed = true;
    Send(self, objects.at(seal->object).reference.owner,
         ObjectLocationChanged{seal->object, node, true});
  } else if (const auto* fetch = std::get_if<FetchObject>(&message)) {
    const ObjectId id = fetch->object.id;
    auto here = objects.find(id);
    for (const NodeId other : fetch->locations) {
      if (here != objects.end() || dead_nodes_.contains(other)) continue;
      const auto& others = stores_.at(other)->objects;
      const auto copy = others.find(id);
      if (copy == others.end()) continue;
      if (!copy->second.sealed) return Send(source, self, *fetch);  // Its seal is on the way.
      here = objects.emplace(id, copy->second).first;
      here->second.pins.clear();
      here->second.freed = false;
      Send(self, here->second.reference.owner, ObjectLocationChanged{id, node, true});
    }
    if (here != objects.end() && !here->second.sealed) return Send(source, self, *fetch);
    if (here == objects.end()) {
      // Only with its owner, or with a node, may an object go that somebody still wants.
      const bool wanted = processes_.contains(source) &&
                          !processes_.at(source)->machine.FindReference(id).id.IsNil();
      CHECK(!wanted || !processes_.contains(fetch->object.owner) || !dead_nodes_.empty() ||
            trouble_)
          << "object " << id << " is gone too early";
      return Send(self, source, ObjectUnavailable{id, fetch->locations, {}});
    }
    ++here->second.pins[source];
    Send(self, source, ObjectAvailable{id, 64, 1 << 20});
  } else if (const auto* release = std::get_if<ReleaseObject>(&message)) {
    auto& object = objects.at(release->object);
    CHECK(object.pins[source] > 0);
    if (--object.pins[source] == 0) object.pins.erase(source);
    erase_if_unused(release->object);
  } else if (const auto* freed = std::get_if<FreeObject>(&message)) {
    const auto found = objects.find(freed->object);
    if (found != objects.end()) found->second.freed = true;
    erase_if_unused(freed->object);
  }
}

// Actors

void World::TellSubscribers(ActorId id) {
  for (const Address& subscriber : actors_.at(id).subscribers) {
    Send(Address::Gcs(), subscriber, ActorUpdate{actors_.at(id).view});
  }
}

void World::PlaceActor(ActorId id) {
  Actor& actor = actors_.at(id);
  Process& worker = Spawn(AnyNode(), false);
  worker.actor = id;
  actor.view.worker = worker.address;
  TaskSpec spec = actor.creation;
  spec.attempt = actor.view.incarnation;
  Send(Address::Gcs(), worker.address, PushTask{spec});
}

void World::AtGcs(const Address& source, const Message& message) {
  if (const auto* registered = std::get_if<RegisterActor>(&message)) {
    Actor& actor = actors_[registered->creation.header->actor];
    Send(Address::Gcs(), source, ActorRegistered{registered->request, {}});
    if (!actor.creation.task.IsNil()) return;
    actor.creation = registered->creation;
    actor.view.actor = registered->creation.header->actor;
    actor.view.class_name = "A";
    actor.view.max_task_retries = registered->creation.header->actor_options->max_task_retries;
    PlaceActor(registered->creation.header->actor);
  } else if (const auto* done = std::get_if<TaskDone>(&message)) {
    for (auto& [id, actor] : actors_) {
      if (actor.creation.task != done->task || actor.view.worker != source) continue;
      CHECK(done->retained.empty());
      if (actor.view.state == ActorState::kDead) continue;
      actor.view.state = ActorState::kAlive;
      TellSubscribers(id);
    }
  } else if (const auto* list = std::get_if<ListActors>(&message)) {
    ListActorsReply reply{list->request, {}};
    for (const auto& [id, actor] : actors_) {
      if (!actor.creation.task.IsNil()) reply.actors.push_back(actor.view);
    }
    Send(Address::Gcs(), source, reply);
  } else if (const auto* subscribe = std::get_if<SubscribeActor>(&message)) {
    actors_[subscribe->actor].subscribers.insert(source);
    if (!actors_.at(subscribe->actor).creation.task.IsNil()) {
      Send(Address::Gcs(), source, ActorUpdate{actors_.at(subscribe->actor).view});
    }
  } else if (const auto* ended = std::get_if<ActorOutOfScope>(&message)) {
    Actor& actor = actors_.at(ended->actor);
    if (actor.view.state == ActorState::kDead) return;
    actor.view.state = ActorState::kDead;
    actor.view.death_cause = {ErrorKind::kActorDied, "out of scope", {}, {}, ended->actor, {}};
    TellSubscribers(ended->actor);
    KillWorker(actor.view.worker, "out of scope");
  }
}

// Trouble

void World::KillWorker(const Address& worker, const std::string& reason) {
  // What it wrote to its daemon is read before its end is noticed.
  const auto written = channels_.extract({worker, Address::Daemon(worker.node)});
  if (!written.empty() && !dead_nodes_.contains(worker.node)) {
    for (const Message& message : written.mapped()) AtRaylet(worker.node, worker, message);
  }
  const auto found = processes_.find(worker);
  if (found == processes_.end()) return;
  const ActorId id = found->second->actor;
  processes_.erase(found);
  for (auto& [unused, store] : stores_) {
    for (auto entry = store->objects.begin(); entry != store->objects.end();) {
      entry->second.pins.erase(worker);
      // A raylet ends the objects of a dead owner, and what a dead writer had not sealed.
      const bool unowned = entry->second.reference.owner == worker;
      const bool broken = !entry->second.sealed && entry->second.writer == worker;
      const bool gone = (unowned || broken || entry->second.freed) && entry->second.pins.empty();
      entry->second.freed = entry->second.freed || unowned;
      entry = gone ? store->objects.erase(entry) : std::next(entry);
    }
  }
  for (const Address& watcher : watchers_[worker]) {
    Send(Address::Daemon(worker.node), watcher, WorkerDied{worker, reason, false});
  }
  std::vector<Address> leased;
  for (const auto& [address, process] : processes_) {
    if (process->lease_owner == worker && !process->idle) leased.push_back(address);
  }
  for (const Address& address : leased) KillWorker(address, "its owner died");
  for (auto& [actor, state] : actors_) {
    if (state.creation.header->owner == worker && state.view.state != ActorState::kDead) {
      state.view.state = ActorState::kDead;
      TellSubscribers(actor);
      KillWorker(state.view.worker, "its owner died");
    }
  }
  if (id.IsNil() || actors_.at(id).view.state == ActorState::kDead) return;
  Actor& actor = actors_.at(id);
  const bool again = actor.creation.header->actor_options->max_restarts != 0;
  actor.view.state = again ? ActorState::kRestarting : ActorState::kDead;
  if (again) ++actor.view.incarnation;
  TellSubscribers(id);
  if (again) PlaceActor(id);
}

void World::KillNode(NodeId node) {
  dead_nodes_.insert(node);
  std::vector<Address> gone;
  for (const auto& [address, process] : processes_) {
    if (address.node == node) gone.push_back(address);
  }
  stores_.at(node)->objects.clear();
  for (const Address& address : gone) KillWorker(address, "its node died");
  for (const auto& [address, process] : processes_) {
    Send(Address::Daemon(address.node), address, NodeDied{node, "killed"});
  }
}

void World::CauseTrouble() {
  if (limits_.worker_deaths > 0 && rng_.Below(60) == 0) {
    std::vector<Address> workers;
    for (const auto& [address, process] : processes_) {
      if (!process->is_driver) workers.push_back(address);
    }
    if (workers.empty()) return;
    --limits_.worker_deaths;
    trouble_ = true;
    KillWorker(workers[rng_.Below(workers.size())], "killed");
  }
  if (limits_.node_deaths > 0 && rng_.Below(300) == 0 && dead_nodes_.size() + 2 < nodes_.size()) {
    const NodeId node = nodes_[1 + rng_.Below(nodes_.size() - 1)];
    if (!dead_nodes_.contains(node)) KillNode(node);
  }
}

void World::Run() {
  for (;;) {
    CauseTrouble();
    const bool deliver = rng_.Below(10) < 7;
    if (deliver && DeliverOne()) continue;
    if (ActOnce() || DeliverOne() || FireTimers()) continue;
    if (std::exchange(programs_ended_, true)) return;
    for (const auto& [address, process] : processes_) DropAll(*process, process->globals);
  }
}

std::vector<std::string> World::Hanging() const {
  std::vector<std::string> hanging;
  for (const auto& [address, process] : processes_) {
    const std::string who = address.worker.Short() + ": ";
    for (const PendingTask& task : process->machine.PendingTasks())
      hanging.push_back(who + ToString(task));
    for (const auto& context : process->contexts) {
      hanging.push_back(who + "a program hangs in " + context.first.Short());
    }
  }
  return hanging;
}

std::vector<std::string> World::Leftovers() const {
  std::vector<std::string> left = Hanging();
  for (const auto& [address, process] : processes_) {
    for (const ReferenceView& view : process->machine.References()) {
      left.push_back(address.worker.Short() + ": " + ToString(view));
    }
  }
  for (const auto& [node, store] : stores_) {
    for (const auto& [id, object] : store->objects) {
      if (!processes_.contains(object.reference.owner)) continue;  // A raylet's to clear.
      left.push_back("in the store of " + node.Short() + ": " + ToString(object.reference));
    }
  }
  return left;
}

}  // namespace mobula::worker
