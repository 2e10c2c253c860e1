// SPDX-License-Identifier: Apache-2.0
// Goal: however often and whenever the GCS crashes, with or without its last write, no worker is
// used twice or left behind, and what may live comes to life. Method: a model of the raylets driven
// from a seed; their messages are lost while the GCS is down, its own wait for its disk.
#include <deque>
#include <set>

#include "runtime/base/rng.h"
#include "tests/runtime/core/gcs/actor_harness.h"

namespace mobula::gcs {
namespace {

class RestartRandomTest : public ActorTest {
 protected:
  struct Process {
    RequestLease lease;
    std::optional<TaskSpec> creation;
    bool created = false;
  };

  RestartRandomTest() {
    sent.clear();
    syncs_at_once = false;
  }

  void Write(const Address& source, Message message) {
    outgoing.push_back({source, std::move(message)});
  }
  TaskDone Answer(const TaskSpec& spec) const {
    return {spec.task, spec.attempt, {{spec.Return(0), {}, false, 0, {}}}, false, {}, {}};
  }

  // What the raylets, workers and the driver do with a message of the GCS.
  void Hear(const Address& target, const RequestLease& request) {
    for (const auto& [worker, process] : processes) {
      if (process.lease.request != request.request || worker.node != target.node) continue;
      return Write(target, LeaseGranted{request.request, LeaseId{1, 1}, worker, 1});
    }
    queued[target.node][request.request] = request;
  }
  void Hear(const Address& target, const CancelLeaseRequest& cancel) {
    queued[target.node].erase(cancel.request);
  }
  void Hear(const Address& target, const KillWorker& kill) {
    const Address worker{target.node, kill.worker};
    if (processes.erase(worker) > 0) Report({worker, kill.reason, false});
  }
  void Hear(const Address& target, const PushTask& push) {
    const auto process = processes.find(target);
    if (process == processes.end())
      return Write(Address::Daemon(target.node), WorkerDied{target, "gone", false});
    std::optional<TaskSpec>& creation = process->second.creation;
    EXPECT_TRUE(!creation || *creation == push.spec) << "one worker, two actors";
    creation = push.spec;
    if (process->second.created) Write(target, Answer(push.spec));
  }
  void Hear(const Address&, const WorkerDeathRecorded& recorded) {
    unrecorded.erase(recorded.worker);
  }
  void Hear(const Address&, const ActorRegistered& answer) { questions.erase(answer.request); }
  void Hear(const Address& target, const GcsRestarted&) {
    for (const auto& [worker, report] : unrecorded) {
      if (report.worker.node == target.node) Write(target, report);
    }
    RegisterNode message = Registration(target.node.high);
    message.returning = true;
    if (target.node == kDriver.node) message.processes.push_back(kDriver.worker);
    for (const auto& [worker, process] : processes) {
      if (worker.node != target.node) continue;
      message.processes.push_back(worker.worker);
      message.actor_leases.push_back({process.lease.request, process.lease.actor, worker.worker});
    }
    for (const auto& [number, request] : queued[target.node])
      message.actor_leases.push_back({number, request.actor, WorkerId{}});
    Write(target, message);
    if (target.node != kDriver.node) return;
    for (const auto& [number, question] : questions) Write(kDriver, question);
  }
  template <class T>
  void Hear(const Address&, const T&) {}

  void TakeIn() {
    for (const Send& send : std::exchange(sent, {})) {
      std::visit([&](const auto& message) { Hear(send.target, message); }, send.message);
    }
  }
  void Report(const ReportWorkerDied& report) {
    unrecorded[report.worker.worker] = report;
    Write(Address::Daemon(report.worker.node), report);
  }

  // What can happen next.
  void DeliverOne() {
    if (outgoing.empty()) return;
    auto [source, message] = std::move(outgoing.front());
    outgoing.pop_front();
    if (down) return;
    Handle(MessageReceived{source, std::move(message)});
    TakeIn();
  }
  void SyncOne() {
    if (down || !under_way) return;
    Sync();
    TakeIn();
  }
  void GrantOne() {
    std::vector<std::pair<NodeId, std::uint64_t>> all;
    for (const auto& [node, requests] : queued) {
      for (const auto& [number, request] : requests) all.emplace_back(node, number);
    }
    if (all.empty()) return;
    const auto [node, number] = all[rng.Below(all.size())];
    const RequestLease request = queued[node].extract(number).mapped();
    if (rng.Below(5) == 0)
      return Write(Address::Daemon(node), LeaseSpilled{number, NodeNumber(1 + rng.Below(3))});
    const Address worker = Worker(node.high, ++workers);
    processes[worker].lease = request;
    Write(Address::Daemon(node), LeaseGranted{number, LeaseId{1, 1}, worker, 1});
  }
  void CreateOne() {
    for (auto& [worker, process] : processes) {
      if (!process.creation || process.created) continue;
      process.created = true;
      return Write(worker, Answer(*process.creation));
    }
  }
  void EndOne() {
    if (processes.empty()) return;
    auto victim = processes.begin();
    std::advance(victim, static_cast<std::ptrdiff_t>(rng.Below(processes.size())));
    const Address worker = victim->first;
    processes.erase(victim);
    Report({worker, "crash", rng.Below(5) == 0});
  }
  void Crash() {
    if (std::exchange(down, true)) return;
    // What was being written may have reached the disk.
    if (under_way && rng.Below(2) == 0) {
      for (const LogRecord& record : under_way->records) log.Apply(record);
    }
  }
  void ComeBack() {
    if (!std::exchange(down, false)) return;
    Restart();
    TakeIn();
  }
  void Ask() {
    TaskSpec spec = Creation(8 * round + 1 + rng.Below(8));
    spec.header.Edit().actor_options->max_restarts = static_cast<std::int32_t>(rng.Below(4)) - 1;
    spec.header.Edit().actor_options->name = rng.Below(2) == 0 ? "shared" : "";
    const RegisterActor question{++requests, spec};
    questions[question.request] = question;
    Write(kDriver, question);
  }
  void Step() {
    switch (rng.Below(14)) {
      case 0:
        return Ask();
      case 1:
        return EndOne();
      case 2:
        return rng.Below(4) == 0 ? Crash() : ComeBack();
      case 3:
        return Write(kDriver,
                     KillActor{Creation(8 * round + 1 + rng.Below(8)).header->actor, true, 0});
      case 4:
      case 5:
        return GrantOne();
      case 6:
      case 7:
        return CreateOne();
      case 8:
      case 9:
        return SyncOne();
      default:
        return DeliverOne();
    }
  }
  void Settle() {
    for (int i = 0; i < 2000; ++i) {
      ComeBack();
      DeliverOne();
      SyncOne();
      GrantOne();
      CreateOne();
    }
    EXPECT_TRUE(outgoing.empty() && !under_way);
    EXPECT_TRUE(questions.empty()) << "questions that were not answered";
    EXPECT_TRUE(unrecorded.empty()) << "deaths that the GCS has not taken note of";
  }

  Rng rng{1};
  std::uint64_t round = 0;
  std::uint64_t workers = 100;
  bool down = false;
  std::deque<std::pair<Address, Message>> outgoing;
  std::map<NodeId, std::map<std::uint64_t, RequestLease>> queued;
  std::map<Address, Process> processes;
  std::map<WorkerId, ReportWorkerDied> unrecorded;
  std::map<std::uint64_t, RegisterActor> questions;
};

TEST_F(RestartRandomTest, NoCrashOfTheGcsLeavesAnythingBehind) {
  std::size_t restarts = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    rng = Rng(seed);
    round = seed;
    for (int i = 0; i < 400; ++i) Step();
    Settle();
    restarts = log.gcs->incarnation;
    std::set<Address> used;
    for (const ActorView& view : gcs.Actors()) {
      ASSERT_TRUE(view.state == ActorState::kAlive || view.state == ActorState::kDead)
          << ToString(view);
      if (view.state == ActorState::kAlive) used.insert(view.worker);
    }
    std::set<Address> running;
    for (const auto& [worker, process] : processes) running.insert(worker);
    ASSERT_EQ(used, running);
    ASSERT_TRUE(log == gcs.LoggedRows());
    if (HasFailure()) return;
  }
  EXPECT_GT(restarts, 100u);
}

}  // namespace
}  // namespace mobula::gcs
