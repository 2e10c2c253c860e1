// SPDX-License-Identifier: Apache-2.0
/// A cluster in miniature for the Worker machine: real machines, fake raylets with stores, a fake
/// GCS for actors, and random programs in the place of the language layer. Messages of one pair
/// stay in order, pairs are interleaved at random. Everything follows from the seed.
#pragma once

#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/rng.h"
#include "runtime/core/worker/worker.h"

namespace mobula::worker {

class World {
 public:
  struct Limits {
    std::uint32_t nodes = 3;
    std::uint32_t actions = 400;
    std::uint32_t tasks = 60;
    std::uint32_t actors = 4;
    /// Processes and nodes that are killed on the way.
    std::uint32_t worker_deaths = 0;
    std::uint32_t node_deaths = 0;
  };

  World(std::uint64_t seed, Limits limits);
  ~World();

  /// Runs the random programs, lets every process drop what it holds, and runs until nothing moves.
  void Run();

  /// What is left though nobody holds anything; empty after a correct run.
  [[nodiscard]] std::vector<std::string> Leftovers() const;
  /// Programs and tasks that never end.
  [[nodiscard]] std::vector<std::string> Hanging() const;
  /// Gets that ended with an error, as "kind".
  [[nodiscard]] const std::map<std::string, int>& Errors() const { return errors_; }
  [[nodiscard]] std::uint64_t Messages() const { return messages_; }
  [[nodiscard]] std::uint64_t Values() const { return values_; }

 private:
  struct Context;
  struct Process;
  struct Store;

  // The programs.
  void Act(Process& process, Context& context);
  void PutSmall(Process& process, Context& context);
  void PutLarge(Process& process, Context& context);
  void Submit(Process& process, Context& context);
  void CreateActor(Process& process, Context& context);
  void CallActor(Process& process, Context& context);
  void Get(Process& process, Context& context);
  void Wait(Process& process, Context& context);
  void Begin(Process& process, const RunTask& run);
  void Finish(Process& process, Context& context);
  void Answer(Process& process, Context& context);
  void DropAll(Process& process, std::vector<ObjectRef>& held);
  std::vector<ObjectRef> Pick(const std::vector<ObjectRef>& from, std::uint64_t most);
  TaskSpec NewTask(Process& process, Context& context, TaskKind kind);
  void Open(Process& process, Context& context, const FetchedValue& value);
  void Unpickle(Process& process, Context& context, const std::vector<ObjectRef>& inner,
                const ObjectId& container, bool container_is_task);
  static Bytes Pickle(const std::vector<ObjectRef>& inner);
  static std::vector<ObjectRef> InnerOf(const Bytes& data);

  // The machinery.
  Process& Spawn(NodeId node, bool is_driver);
  void Post(Process& process, const Event& event);
  void Perform(Process& process, const Effect& effect);
  void Send(const Address& source, const Address& target, Message message);
  bool DeliverOne();
  void Deliver(const Address& source, const Address& target, const Message& message);
  void AtRaylet(NodeId node, const Address& source, const Message& message);
  void AtGcs(const Address& source, const Message& message);
  void PlaceActor(ActorId actor);
  void TellSubscribers(ActorId actor);
  void KillWorker(const Address& worker, const std::string& reason);
  void KillNode(NodeId node);
  bool FireTimers();
  void CauseTrouble();
  NodeId AnyNode();
  bool ActOnce();

  struct Actor {
    TaskSpec creation;
    ActorView view;
    std::set<Address> subscribers;
  };

  Rng rng_;
  Limits limits_;
  Instant now_;
  std::vector<NodeId> nodes_;
  std::set<NodeId> dead_nodes_;
  bool programs_ended_ = false;
  /// A worker was killed.
  bool trouble_ = false;
  /// MOBULA_WORLD_TRACE is set: every delivery is printed.
  bool trace_ = std::getenv("MOBULA_WORLD_TRACE") != nullptr;
  std::map<Address, std::unique_ptr<Process>> processes_;
  std::set<Address> dead_;
  std::map<NodeId, std::unique_ptr<Store>> stores_;
  std::map<ActorId, Actor> actors_;
  std::map<std::pair<Address, Address>, std::deque<Message>> channels_;
  std::map<Address, std::set<Address>> watchers_;
  std::map<std::string, int> errors_;
  std::uint64_t counter_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t values_ = 0;
  std::uint32_t actions_left_ = 0;
  std::uint32_t tasks_left_ = 0;
  std::uint32_t actors_left_ = 0;
};

}  // namespace mobula::worker
