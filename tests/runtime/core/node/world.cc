// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/core/node/world.h"

#include "runtime/base/check.h"

namespace mobula::node {
namespace {

std::string NameOfNode(std::size_t index) { return "n" + std::to_string(index); }

Options OptionsOf(const World::Options& world, std::size_t index) {
  Options options;
  NodeInfo& info = options.raylet.info;
  info.node = World::NodeNumber(index);
  info.name = info.address = NameOfNode(index);
  info.total = ResourceSet::Of({{"CPU", world.cpus}, {info.name, 1}});
  info.is_head = index == 0;
  options.raylet.store_capacity = 1u << 20;
  options.has_gcs = index == 0;
  options.has_raylet = index != 0 || !world.lone_gcs;
  options.gcs_node = World::NodeNumber(0);
  options.gcs_address = NameOfNode(0);
  return options;
}

}  // namespace

World::World(Options options)
    : options_(options), rng_(options.seed), now_{Seconds(1).nanoseconds} {
  effects_.resize(options_.nodes);
  for (std::size_t i = 0; i < options_.nodes; ++i) {
    nodes_.push_back(std::make_unique<Node>(OptionsOf(options_, i)));
    At(Milliseconds(static_cast<std::int64_t>(rng_.Below(50))), i, raylet::NodeStarted{});
  }
}

void World::At(Duration delay, std::size_t index, Event event) {
  queue_.emplace(std::tuple(now_ + delay, ++counter_), std::pair(index, std::move(event)));
}

void World::Run(Duration span) {
  const Instant end = now_ + span;
  while (!queue_.empty() && std::get<0>(queue_.begin()->first) <= end) {
    const auto entry = queue_.extract(queue_.begin());
    now_ = std::get<0>(entry.key());
    Handle(entry.mapped().first, entry.mapped().second);
  }
  now_ = end;
}

void World::Handle(std::size_t index, const Event& event) {
  if (!nodes_[index]) return;
  Effects effects;
  nodes_[index]->Handle(now_, event, effects);
  nodes_[index]->CheckInvariants();
  for (const Effect& effect : effects) {
    trace_.Mix(effect);
    effects_[index].push_back(effect);
    Do(index, effect);
  }
}

void World::Do(std::size_t index, const Effect& effect) {
  if (const auto* deliver = std::get_if<DeliverLocal>(&effect)) return Deliver(index, *deliver);
  if (const auto* frame = std::get_if<SendFrame>(&effect)) return Transport(index, *frame);
  if (const auto* timer = std::get_if<StartTimer>(&effect)) {
    return At(timer->delay, index, TimerFired{timer->timer});
  }
  if (const auto* start = std::get_if<raylet::StartProcess>(&effect)) {
    return Register({NodeNumber(index), start->worker}, false);
  }
  if (const auto* kill = std::get_if<raylet::KillProcess>(&effect)) {
    return KillProcess({NodeNumber(index), kill->worker});
  }
}

void World::Transport(std::size_t source, const SendFrame& effect) {
  const auto target = static_cast<std::size_t>(std::stoul(effect.address.substr(1)));
  CHECK(NodeNumber(target) == effect.frame.target) << effect.address;
  if (cut_off_.contains(source) || cut_off_.contains(target)) return;
  if (!nodes_[target]) {
    At(Milliseconds(1), source, LinkBroken{effect.frame.target, "connection refused", true});
    return;
  }
  if (rng_.Uniform() < options_.loss) return;
  At(Microseconds(static_cast<std::int64_t>(100 + rng_.Below(5000))), target,
     FrameReceived{effect.frame});
}

void World::Register(const Address& process, bool is_driver) {
  processes_.insert(process);
  RegisterWorker message;
  message.worker = process.worker;
  message.pid = 1;
  message.is_driver = is_driver;
  At(Milliseconds(5), static_cast<std::size_t>(process.node.high - 1),
     EnvelopeSent{{process, Address::Daemon(process.node), message}});
}

/// A worker runs what it is given at once: everything it is pushed returns one inline value.
void World::Deliver(std::size_t index, const DeliverLocal& effect) {
  const Address process{NodeNumber(index), effect.worker};
  if (!processes_.contains(process)) return;
  CHECK(effect.envelope.target == process) << ToString(effect);
  received_[process].push_back(effect.envelope);
  const auto* push = std::get_if<PushTask>(&effect.envelope.message);
  if (push == nullptr) return;
  TaskDone done;
  done.task = push->spec.task;
  done.attempt = push->spec.attempt;
  done.results.push_back({push->spec.Return(0), {}, false, 0, {}});
  Say(process, effect.envelope.source, done);
}

Address World::StartDriver(std::size_t index) {
  const Address driver{NodeNumber(index), WorkerId{0xD, ++counter_}};
  Register(driver, true);
  return driver;
}

void World::Say(const Address& process, const Address& target, Message message) {
  At(Microseconds(10), static_cast<std::size_t>(process.node.high - 1),
     EnvelopeSent{{process, target, std::move(message)}});
}

void World::KillProcess(const Address& process) {
  if (processes_.erase(process) == 0) return;
  At(Microseconds(10), static_cast<std::size_t>(process.node.high - 1),
     raylet::ProcessExited{process.worker, "signal 9"});
}

void World::CrashNode(std::size_t index) {
  nodes_[index].reset();
  std::erase_if(processes_,
                [&](const Address& process) { return process.node == NodeNumber(index); });
}

void World::SetCutOff(std::size_t index, bool cut_off) {
  if (cut_off) {
    cut_off_.insert(index);
  } else {
    cut_off_.erase(index);
  }
}

void World::StopNode(std::size_t index) { At(Duration{}, index, raylet::StopRequested{"stopped"}); }

}  // namespace mobula::node
