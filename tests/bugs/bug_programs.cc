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
Counter* MakeCounter() { return new Counter; }
/// Slow, and a success only the first time.
Counter* MakeOneCounter() {
  static int made = 0;
  Sleep(Milliseconds(400));
  if (made++ > 0) throw std::runtime_error("there is one already");
  return new Counter;
}

std::string Megabyte(char fill) { return std::string(1 << 20, fill); }
/// One node, whose store holds three megabytes and not four, and spills two at a time.
sim::Options SmallStore() {
  sim::Options options = OneCpuEach(1);
  options.nodes.front().store_capacity = 3'600'000;
  options.nodes.front().min_spilling_size = 2 << 20;
  return options;
}
std::string ThisNode() { return api::Context::Current().Process().Identity().node.name; }
KvReply Ask(KvOperation operation, const std::string& value) {
  KvRequest question;
  question.operation = operation;
  question.key = "key";
  question.value = Bytes(value);
  return std::get<KvReply>(api::Context::Current().AskGcs(question));
}
std::string WriteLater(int milliseconds) {
  Sleep(Milliseconds(milliseconds));
  Ask(KvOperation::kPut, "new");
  return ThisNode();
}
std::string WhereAfter(int milliseconds) {
  Sleep(Milliseconds(milliseconds));
  return ThisNode();
}

MOBULA_REMOTE(MakeCounter, MakeOneCounter, &Counter::Count, WriteLater, WhereAfter)

}  // namespace

std::vector<std::string> NameAnActorAfterADeadOne(Bugs bugs) {
  Stage stage(OneCpuEach(1), bugs);
  stage.Run([&] {
    Actor(MakeCounter).SetName("counter").Remote().Kill();
    Sleep(Seconds(1));
    const auto next = Actor(MakeCounter).SetName("counter").Remote();
    stage.Expect(Get(next.Task(&Counter::Count).Remote()) == 1,
                 "the second actor of the name lives");
  });
  return stage.Wrong();
}

std::vector<std::string> FindADetachedActorOfAnEarlierJob(Bugs bugs) {
  Stage stage(OneCpuEach(1), bugs);
  stage.Run([&] {
    const auto counter = Actor(MakeCounter).SetName("counter").SetDetached().Remote();
    Get(counter.Task(&Counter::Count).Remote());
  });
  stage.Run([&] {
    Sleep(Seconds(1));
    const auto counter = GetActor<Counter>("counter");
    stage.Expect(counter.has_value(), "the detached actor is there");
    if (counter) stage.Expect(Get(counter->Task(&Counter::Count).Remote()) == 2, "it is the same");
  });
  return stage.Wrong();
}

std::vector<std::string> CallAnActorThatWasKilled(Bugs bugs) {
  Stage stage(OneCpuEach(1), bugs);
  stage.Run([&] {
    const auto counter = Actor(MakeCounter).SetMaxRestarts(1).Remote();
    Get(counter.Task(&Counter::Count).Remote());
    counter.Kill(/*no_restart=*/false);
    stage.Expect(Get(counter.Task(&Counter::Count).Remote()) == 1, "the next incarnation answers");
  });
  return stage.Wrong();
}

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
    const auto counter = Actor(MakeOneCounter).SetResource("CPU", 1).SetMaxRestarts(1).Remote();
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

// What the driver on n2 is answered is late, so it asks again; meanwhile a task on n1 writes.
std::vector<std::string> WriteWhileAnAnswerIsLate(Bugs bugs) {
  sim::Options options = OneCpuEach(2);
  options.nodes.front().resources.SetUnits("head", ResourceSet::kUnit);
  faults::LinkFault late;
  late.from = {"n1"};
  late.to = {"n2"};
  late.delay = Milliseconds(800);
  late.lasts = Seconds(2);
  options.faults.Add(faults::At(Seconds(1), late));
  Stage stage(options, bugs);
  stage.Run(
      [&] {
        const auto writer = Task(WriteLater).SetResource("head", 1).Remote(1300);
        Sleep(Milliseconds(1100));
        Ask(KvOperation::kPut, "old");
        Sleep(Seconds(4));
        stage.Expect(Get(writer) == "n1", "the task writes on n1");
        stage.Expect(Ask(KvOperation::kGet, "").value == Bytes("new"), "the last write wins");
      },
      "n2");
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

// The file of the first two is full with them; the fourth takes the memory of the first of them,
// the fifth that of the second.
std::vector<std::string> FreeOneOfTwoObjectsInAFile(Bugs bugs) {
  Stage stage(SmallStore(), bugs);
  stage.Run([&] {
    auto first = Put(Megabyte('a'));
    const auto second = Put(Megabyte('b'));
    const std::vector<Ref<std::string>> others{Put(Megabyte('c')), Put(Megabyte('d')),
                                               Put(Megabyte('e'))};
    first = {};
    Sleep(Seconds(1));
    stage.Expect(Get(second) == Megabyte('b'), "what was spilled is read again");
  });
  return stage.Wrong();
}

std::vector<std::string> FreeAllThatWasSpilled(Bugs bugs) {
  Stage stage(SmallStore(), bugs);
  stage.Run([&] {
    {
      const std::vector<Ref<std::string>> refs{Put(Megabyte('a')), Put(Megabyte('b')),
                                               Put(Megabyte('c')), Put(Megabyte('d'))};
    }
    Sleep(Seconds(1));
    stage.Expect(stage.GetWorld().BytesSpilled("n1") == 0, "nothing is left on disk");
  });
  return stage.Wrong();
}

std::vector<std::string> SpillToADiskThatIsFullForAWhile(Bugs bugs) {
  sim::Options options = SmallStore();
  faults::DiskFault full;
  full.node = "n1";
  full.mode = faults::DiskMode::kFull;
  full.lasts = Seconds(1);
  full.files = faults::DiskFiles::kSpill;
  options.faults.Add(faults::At(Duration{}, full));
  Stage stage(options, bugs);
  stage.Run([&] {
    Sleep(Milliseconds(1));
    const std::vector<Ref<std::string>> refs{Put(Megabyte('a')), Put(Megabyte('b')),
                                             Put(Megabyte('c')), Put(Megabyte('d'))};
    stage.Expect(Get(refs[0]) == Megabyte('a'), "what was spilled is read again");
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
