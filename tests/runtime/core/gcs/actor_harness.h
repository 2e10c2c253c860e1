// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/runtime/core/gcs/gcs_harness.h"

namespace mobula::gcs {

/// A cluster of three nodes, a driver on node 1, and short ways to take an actor through its life.
class ActorTest : public GcsTest {
 protected:
  ActorTest() {
    for (std::uint64_t node = 1; node <= 3; ++node) Join(node);
    Say(Daemon(1), RegisterJob{1, kDriver, {}});
    job = SentTo<JobRegistered>(Daemon(1)).at(0).job;
  }

  TaskSpec Creation(std::uint64_t number = 1) const {
    TaskSpec spec;
    spec.task = ChildTask(TaskId{1, 1}, 0, number);
    TaskHeader& header = spec.header.Edit();
    header.kind = TaskKind::kActorCreation;
    header.job = job;
    header.owner = kDriver;
    header.function.name = "Counter";
    header.name = "Counter.__init__";
    header.resources = ResourceSet::Of({{"CPU", 1}});
    header.actor = ActorOf(spec.task);
    header.actor_options.emplace();
    return spec;
  }
  void Register(const TaskSpec& spec) { Say(spec.header->owner, RegisterActor{++requests, spec}); }
  /// The last lease request, which must have gone to that node.
  RequestLease LeaseAt(std::uint64_t node) const {
    const auto requests = SentTo<RequestLease>(Daemon(node));
    EXPECT_EQ(requests.size(), 1u) << "at node " << node;
    return requests.empty() ? RequestLease{} : requests.back();
  }
  void Grant(std::uint64_t request, const Address& worker) {
    Say(Address::Daemon(worker.node),
        LeaseGranted{request, LeaseId{worker.worker.high, 1}, worker, 4711});
  }
  void FinishConstructor(const TaskSpec& spec, const Address& worker,
                         std::uint32_t incarnation = 0) {
    Say(worker,
        TaskDone{spec.task, incarnation, {{spec.Return(0), {}, false, 0, {}}}, false, {}, {}});
  }
  /// From registration to life in `worker`.
  void Create(const TaskSpec& spec, const Address& worker) {
    Register(spec);
    for (const Send& send : sent) {
      if (const auto* lease = std::get_if<RequestLease>(&send.message)) {
        Grant(lease->request, worker);
        break;
      }
    }
    FinishConstructor(spec, worker);
    ASSERT_EQ(View(spec).state, ActorState::kAlive);
  }
  ActorView View(const TaskSpec& spec) const {
    for (const ActorView& view : gcs.Actors()) {
      if (view.actor == spec.header->actor) return view;
    }
    ADD_FAILURE() << "no actor " << spec.header->actor;
    return {};
  }
  void Die(const Address& worker, bool intended = false) {
    Say(Address::Daemon(worker.node), ReportWorkerDied{worker, "exit code 9", intended});
  }
  void DieNode(std::uint64_t node) {
    Say(Daemon(node), UnregisterNode{NodeNumber(node), "unplugged"});
  }
  ErrorInfo Cause(const TaskSpec& spec) const {
    EXPECT_EQ(View(spec).state, ActorState::kDead);
    return View(spec).death_cause;
  }

  const Address kDriver = Worker(1, 1);
  JobId job;
  std::uint64_t requests = 0;
};

}  // namespace mobula::gcs
