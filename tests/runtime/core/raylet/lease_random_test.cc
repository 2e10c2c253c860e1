// SPDX-License-Identifier: Apache-2.0
// Goal: whatever requests, returns, blocks, exits and deaths come in whatever order, resources are
// conserved, no worker has two leases, and at the end everything is free. Method: a random cluster
// around one raylet.
#include <set>

#include "runtime/base/rng.h"
#include "tests/runtime/core/raylet/raylet_fixture.h"

namespace mobula::raylet {
namespace {

class LeaseRandom : public RayletFixture {
 protected:
  LeaseRandom() : RayletFixture(ResourceSet::Of({{"CPU", 3}, {"GPU", 1}})) {}

  /// Plays one event and takes note of what the raylet says.
  void Play(const Event& event) {
    for (const Effect& effect : Do(event)) {
      if (const auto* start = std::get_if<StartProcess>(&effect))
        starting_.push_back(start->worker);
      if (const auto* kill = std::get_if<KillProcess>(&effect)) killed_.insert(kill->worker);
      if (const auto* send = std::get_if<Send>(&effect)) Note(*send);
    }
  }
  void PlayMessage(const Address& source, Message message) {
    Play(MessageReceived{source, std::move(message)});
  }
  void Note(const Send& send) {
    const auto* granted = std::get_if<LeaseGranted>(&send.message);
    if (granted != nullptr) leases_.push_back({send.target, *granted});
  }

  void Step(Rng& rng) {
    now_ = now_ + Milliseconds(static_cast<std::int64_t>(rng.Below(50)));
    switch (rng.Below(10)) {
      case 0:
      case 1:
      case 2:
        return RequestSomething(rng);
      case 3:
        return ReturnSomething(rng);
      case 4:
      case 5:
        return RegisterSomething(rng);
      case 6:
        return Block(rng);
      case 7:
        return PlayMessage(Owner(rng), CancelLeaseRequest{rng.Below(next_request_), Owner(rng)});
      case 8:
        return Play(TimerFired{{static_cast<std::uint32_t>(TimerKind::kReport), 0}});
      default:
        return Die(rng);
    }
  }

  void RequestSomething(Rng& rng) {
    const ResourceSet needs[] = {{},
                                 Cpus(0.5),
                                 Cpus(1),
                                 Cpus(3),
                                 Cpus(9),
                                 ResourceSet::Of({{"CPU", 1}, {"GPU", 0.25}}),
                                 ResourceSet::Of({{"GPU", 0.6}}),
                                 ResourceSet::Of({{"GPU", 1}})};
    RequestLease request = Request(next_request_++, needs[rng.Below(8)], Owner(rng));
    request.runtime_env = rng.Below(3) == 0 ? "env" : "";
    if (request.owner.IsGcs()) request.actor = ActorId{0, request.request};
    PlayMessage(request.owner, request);
  }
  Address Owner(Rng& rng) {
    if (rng.Below(4) == 0) return Address::Gcs();
    return rng.Below(2) == 0 ? kDriver : Remote(1 + rng.Below(5));
  }
  void ReturnSomething(Rng& rng) {
    if (leases_.empty()) return;
    const auto [owner, granted] = leases_[rng.Below(leases_.size())];
    PlayMessage(owner, ReturnLease{granted.lease});
  }
  void RegisterSomething(Rng& rng) {
    if (starting_.empty()) return;
    const std::size_t index = rng.Below(starting_.size());
    const WorkerId worker = starting_[index];
    starting_.erase(starting_.begin() + static_cast<std::ptrdiff_t>(index));
    if (rng.Below(5) == 0) return Play(ProcessExited{worker, "could not start"});
    RegisterWorker message;
    message.worker = worker;
    PlayMessage({kSelf, worker}, message);
  }
  void Block(Rng& rng) {
    if (leases_.empty()) return;
    const Address worker = leases_[rng.Below(leases_.size())].second.worker;
    if (rng.Below(2) == 0) {
      PlayMessage(worker, TaskBlocked{worker.worker});
    } else {
      PlayMessage(worker, TaskUnblocked{worker.worker});
    }
  }
  void Die(Rng& rng) {
    if (!killed_.empty()) {
      const WorkerId worker = *killed_.begin();
      killed_.erase(killed_.begin());
      return Play(ProcessExited{worker, "killed"});
    }
    if (rng.Below(3) == 0) {
      const Address owner = Remote(1 + rng.Below(5));
      return PlayMessage(Address::Daemon(Node(2)), WorkerDied{owner, "killed", false});
    }
    if (!leases_.empty() && rng.Below(3) == 0) {
      Play(ProcessExited{leases_[rng.Below(leases_.size())].second.worker.worker, "crashed"});
    }
  }

  /// Every owner is gone and every process ends.
  void Finish() {
    PlayMessage(Address::Gcs(), ClusterChanged{{Dead(2)}});
    Play(ProcessExited{kDriver.worker, "exit"});
    for (std::uint64_t request = 0; request < next_request_; ++request) {
      PlayMessage(Address::Gcs(), CancelLeaseRequest{request, Address::Gcs()});
    }
    while (raylet_.Workers().size() > 0) {
      for (const WorkerView& worker : raylet_.Workers()) Play(ProcessExited{worker.worker, "end"});
    }
  }

  std::uint64_t next_request_ = 1;
  std::vector<WorkerId> starting_;
  std::vector<std::pair<Address, LeaseGranted>> leases_;
  std::set<WorkerId> killed_;
};

class LeaseRandomSeeds : public LeaseRandom, public testing::WithParamInterface<std::uint64_t> {};

TEST_P(LeaseRandomSeeds, AllResourcesComeBackAtTheEnd) {
  Rng rng(GetParam());
  JoinWithDriver({Told(2, Cpus(4), {})});
  for (int step = 0; step < 400; ++step) Step(rng);
  EXPECT_GT(leases_.size(), 10u) << "the test did too little";
  Finish();
  EXPECT_EQ(raylet_.Available(), ResourceSet::Of({{"CPU", 3}, {"GPU", 1}}));
}

INSTANTIATE_TEST_SUITE_P(Seeds, LeaseRandomSeeds, testing::Range<std::uint64_t>(1, 41));

}  // namespace
}  // namespace mobula::raylet
