// SPDX-License-Identifier: Apache-2.0
#include "tests/bugs/bug_programs.h"

#include <stdexcept>
#include <variant>

#include "absl/strings/str_cat.h"
#include "faults/plan.h"
#include "runtime/core/raylet/raylet.h"
#include "tests/bugs/stage.h"

namespace mobula::bugs {
namespace {

class Counter {
 public:
  int Count() { return ++count_; }

 private:
  int count_ = 0;
};
/// Slow, and a success only the first time.
Counter* MakeOneCounter() {
  static int made = 0;
  Sleep(Milliseconds(400));
  if (made++ > 0) throw std::runtime_error("there is one already");
  return new Counter;
}

std::string WhereAfter(int milliseconds) {
  Sleep(Milliseconds(milliseconds));
  return api::Context::Current().Process().Identity().node.name;
}

MOBULA_REMOTE(MakeOneCounter, &Counter::Count, WhereAfter)

}  // namespace

// The first constructor, on n2, has returned, and the news of it is on its way when the actor is
// killed; the second is under way when the news come, and fails.
std::vector<std::string> KillAnActorWhoseBirthIsNotKnownYet(Bugs bugs) {
  sim::Options options = OneCpuEach(2);
  faults::LinkFault late;
  late.from = {"n2"};
  late.to = {"n1"};
  late.delay = Milliseconds(300);
  options.faults.Add(faults::At(Milliseconds(500), late));
  Stage stage(options, bugs);
  stage.Run([&] {
    const auto busy = Task(WhereAfter).Remote(500);
    Sleep(Milliseconds(200));
    const auto counter = Actor(MakeOneCounter)
                             .SetResource("CPU", 1)
                             .SetMaxRestarts(1)
                             .SetMaxTaskRetries(1)
                             .Remote();
    Sleep(Milliseconds(500));
    counter.Kill(/*no_restart=*/false);
    try {
      Get(counter.Task(&Counter::Count).Remote());
      stage.Expect(false, "the actor is dead");
    } catch (const ActorDiedError&) {
    }
  });
  return stage.Wrong();
}

std::vector<std::string> RunATaskOverANarrowLink(Bugs bugs) {
  sim::Options options = OneCpuEach(2);
  options.link.window = 1;
  Stage stage(options, bugs);
  stage.Run([&] {
    const auto here = Task(WhereAfter).Remote(100);
    stage.Expect(Get(Task(WhereAfter).Remote(100)) == "n2", "the second task runs on n2");
  });
  return stage.Wrong();
}

std::vector<std::string> RepeatALeaseRequest(Bugs bugs) {
  constexpr NodeId kNode{0, 1};
  const Address driver{kNode, WorkerId{0, 2}};
  raylet::Options options;
  options.info.node = kNode;
  options.info.total = ResourceSet::Of({{"CPU", 2}});
  options.bugs = bugs;
  raylet::Raylet raylet(options);
  std::size_t grants = 0;
  // Each process that is started registers at once.
  const std::function<void(const raylet::Event&)> handle = [&](const raylet::Event& event) {
    raylet::Effects effects;
    raylet.Handle({}, event, effects);
    raylet.CheckInvariants();
    for (const raylet::Effect& effect : effects) {
      if (const auto* start = std::get_if<raylet::StartProcess>(&effect)) {
        RegisterWorker message;
        message.worker = start->worker;
        handle(MessageReceived{{kNode, start->worker}, message});
      } else if (const auto* send = std::get_if<Send>(&effect)) {
        grants += std::holds_alternative<LeaseGranted>(send->message) ? 1 : 0;
      }
    }
  };
  handle(raylet::NodeStarted{});
  handle(MessageReceived{Address::Gcs(), NodeRegistered{}});
  RegisterWorker registration;
  registration.worker = driver.worker;
  registration.is_driver = true;
  handle(MessageReceived{driver, registration});
  handle(MessageReceived{Address::Gcs(), JobRegistered{1, JobId{0, 3}, driver}});
  RequestLease request;
  request.request = 1;
  request.owner = driver;
  request.job = JobId{0, 3};
  request.resources = ResourceSet::Of({{"CPU", 1}});
  handle(MessageReceived{driver, request});
  handle(MessageReceived{driver, request});
  if (grants == 2) return {};
  return {absl::StrCat("two requests were granted ", grants, " times")};
}

}  // namespace mobula::bugs
