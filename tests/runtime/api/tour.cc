// SPDX-License-Identifier: Apache-2.0
/// A tour of the C++ API: on real processes and in the simulator it prints what tour.txt says.
#include <atomic>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/api/mobula.h"

namespace {

using mobula::Actor;
using mobula::Get;
using mobula::Milliseconds;
using mobula::Seconds;
using mobula::Task;

struct Point {
  int x = 0;
  double y = 0;
  MOBULA_FIELDS(Point, x, y)
};

int Add(int a, int b) { return a + b; }
int Fail(const std::string& text) { throw std::out_of_range(text); }
int Slow(int seconds) {
  mobula::Sleep(Seconds(seconds));
  return seconds;
}
int Pass(int value) { return value; }
Point Mirror(const Point& point, const std::optional<int>& shift) {
  return {-point.x + shift.value_or(0), -point.y};
}
std::map<std::string, std::set<int>> Places(const std::unordered_map<std::string, int>& words) {
  std::map<std::string, std::set<int>> places;
  for (const auto& [word, place] : words) places[word.substr(0, 1)].insert(place);
  return places;
}
std::vector<double> Large(int count) { return std::vector<double>(count, 0.5); }
double Sum(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}
mobula::NodeId WhichNode() { return mobula::GetNode().node; }
bool IsSameJob(mobula::JobId job) { return mobula::GetJobId() == job && mobula::IsInitialized(); }

class Counter {
 public:
  explicit Counter(int start) : value_(start) {}
  int Add(int amount) { return value_ += amount; }
  bool Restarted() const { return mobula::WasCurrentActorRestarted(); }
  void Leave() { mobula::ExitActor(); }
  /// Returns when two calls of it are here at once.
  int Meet() {
    ++here_;
    while (here_ < 2) mobula::Sleep(Milliseconds(5));
    return here_;
  }

 private:
  int value_;
  std::atomic<int> here_ = 0;
};

Counter* MakeCounter(int start) {
  if (start < 0) throw std::invalid_argument("a counter starts at 0 or above");
  return new Counter(start);
}

int AddThrough(const mobula::ActorHandle<Counter>& counter, int amount) {
  return Get(counter.Task(&Counter::Add).Remote(amount));
}
/// Fails until it has been run `times` times.
int FailAtFirst(const mobula::ActorHandle<Counter>& runs, int times) {
  const int run = AddThrough(runs, 1);
  if (run < times) throw std::runtime_error("not yet");
  return run;
}

MOBULA_REMOTE(Add, Fail, Slow, Pass, Mirror, Places, Large, Sum, WhichNode, IsSameJob, MakeCounter,
              AddThrough, FailAtFirst, &Counter::Add, &Counter::Restarted, &Counter::Leave,
              &Counter::Meet)

void Show(const char* what, const std::string& value) {
  std::printf("%s: %s\n", what, value.c_str());
}
void Show(const char* what, bool value) { Show(what, std::string(value ? "yes" : "no")); }
void Show(const char* what, double value) { std::printf("%s: %g\n", what, value); }
template <std::integral Number>
void Show(const char* what, Number value) {
  Show(what, static_cast<double>(value));
}

/// The text of what it throws, which must be an `Expected`.
template <class Expected, class Code>
std::string Thrown(Code code) {
  try {
    code();
  } catch (const Expected& thrown) {
    return thrown.what();
  }
  return "nothing";
}
/// Whether it throws an `Expected`, whose text may name what differs from run to run.
template <class Expected, class Code>
bool Throws(Code code) {
  return Thrown<Expected>(code) != "nothing";
}

void ShowValues() {
  std::printf("-- values\n");
  const auto five = mobula::Put(5);
  Show("references as arguments", Get(Task(Add).Remote(five, Task(Add).Remote(1, 2))));
  const Point mirrored = Get(Task(Mirror).Remote(Point{1, 2.5}, std::optional<int>(3)));
  Show("a struct's x", mirrored.x);
  Show("a struct's y", mirrored.y);
  const auto places = Get(Task(Places).Remote(
      std::unordered_map<std::string, int>{{"manta", 1}, {"mobula", 2}, {"ray", 3}}));
  Show("places of m", places.at("m").size());
  Show("through the store", Get(Task(Sum).Remote(Task(Large).Remote(100'000))));
  const auto texts = mobula::Put(std::vector<std::string>{"a", "", "\xFF"});
  Show("texts", Get(texts).size());

  std::vector<mobula::Ref<int>> refs{Task(Add).Remote(1, 1), Task(Add).Remote(2, 2)};
  Show("both", Get(refs).at(0) + Get(refs).at(1));
  refs.push_back(Task(Slow).Remote(60));
  const auto waited = mobula::Wait(refs, 3, Milliseconds(1500));
  Show("ready", waited.ready.size());
  Show("unready", waited.unready.size());
  Show("too late", Throws<mobula::GetTimeoutError>([&] { Get(refs.back(), Milliseconds(10)); }));
  mobula::Cancel(refs.back(), /*force=*/true);
  Show("cancelled", Throws<mobula::TaskCancelledError>([&] { Get(refs.back()); }));
}

void ShowErrors() {
  std::printf("-- errors\n");
  const auto failed = Task(Fail).SetName("named").Remote("no such place");
  Show("thrown", Thrown<mobula::TaskError>([&] { Get(failed); }));
  // As it was: it is not wrapped again by who only waits for it.
  Show("passed on", Thrown<mobula::TaskError>([&] { Get(Task(Pass).Remote(failed)); }));
  const auto runs = Actor(MakeCounter).Remote(0);
  Show("retried", Get(Task(FailAtFirst).SetMaxRetries(3).SetRetryExceptions(true).Remote(runs, 3)));
  Show("outside", Thrown<mobula::Error>([] { mobula::ExitActor(); }));
  Show("no actor", Thrown<mobula::Error>([] { mobula::WasCurrentActorRestarted(); }));
  Show("concurrency",
       Thrown<std::invalid_argument>([] { Actor(MakeCounter).SetMaxConcurrency(0); }));
  // What is a list of numbers is no number.
  Show("another type", Thrown<mobula::SerializationError>([&] {
         mobula::Decode<int>({mobula::Encode(std::vector<int>{1}).data, {}, false});
       }));
}

void ShowActors() {
  std::printf("-- actors\n");
  const auto counter = Actor(MakeCounter).SetName("counter").Remote(10);
  Show("added", AddThrough(counter, 1));
  Show("by a task", Get(Task(AddThrough).Remote(counter, 1)));
  Show("by name", AddThrough(mobula::GetActor<Counter>("counter").value(), 1));
  Show("no such name", mobula::GetActor<Counter>("nobody").has_value());
  const auto elsewhere = Actor(MakeCounter).SetName("counter", "elsewhere").Remote(0);
  Show("in another namespace",
       AddThrough(mobula::GetActor<Counter>("counter", "elsewhere").value(), 1));
  Show("restarted", Get(counter.Task(&Counter::Restarted).Remote()));

  const auto lasting = Actor(MakeCounter).SetMaxRestarts(1).SetMaxTaskRetries(-1).Remote(5);
  AddThrough(lasting, 1);
  lasting.Kill(/*no_restart=*/false);
  Show("after a restart", AddThrough(lasting, 1));
  Show("restarted", Get(lasting.Task(&Counter::Restarted).Remote()));
  lasting.Kill();
  Show("killed", Throws<mobula::ActorDiedError>([&] { AddThrough(lasting, 1); }));

  const auto leaving = Actor(MakeCounter).SetMaxRestarts(-1).Remote(0);
  Show("left", Thrown<mobula::ActorDiedError>([&] {
                 Get(leaving.Task(&Counter::Leave).Remote());
               }).find("ExitActor") != std::string::npos);
  Show("is gone", Throws<mobula::ActorDiedError>([&] { AddThrough(leaving, 1); }));
  const auto impossible = Actor(MakeCounter).Remote(-1);
  Show("not made", Thrown<mobula::ActorDiedError>([&] {
                     AddThrough(impossible, 1);
                   }).find("a counter starts at 0 or above") != std::string::npos);

  std::optional held = Actor(MakeCounter).SetName("held").Remote(0);
  AddThrough(*held, 1);
  const auto found = mobula::GetActor<Counter>("held").value();
  held.reset();
  while (!Throws<mobula::ActorDiedError>([&] { AddThrough(found, 1); })) {
    mobula::Sleep(Milliseconds(10));
  }
  Show("looked up", std::string("keeps nothing alive"));

  const auto meeting = Actor(MakeCounter).SetMaxConcurrency(2).Remote(0);
  const auto first = meeting.Task(&Counter::Meet).Remote();
  Show("met", Get(meeting.Task(&Counter::Meet).Remote()) + Get(first));
}

void ShowPlaces() {
  std::printf("-- places\n");
  const mobula::NodeId here = mobula::GetNode().node;
  Show("nodes", mobula::GetNodes().size());
  Show("of the job", Get(Task(IsSameJob).Remote(mobula::GetJobId())));
  Show("on the node", Get(Task(WhichNode).SetNode(here).Remote()) == here);
  Show("spread", Get(Task(WhichNode).SetSpread().SetResources({{"CPU", 2}}).Remote()) == here);

  const auto group = mobula::CreatePlacementGroup({.bundles = {{{"CPU", 1}}, {{"CPU", 1}}},
                                                   .strategy = mobula::PlacementStrategy::kPack,
                                                   .name = "pair"});
  Show("placed", group.Wait(Seconds(60)));
  Show("bundles", group.View().spec.bundles.size());
  Show("found by its name", mobula::GetPlacementGroup("pair").value().Id() == group.Id());
  Show("found by its id", mobula::GetPlacementGroupById(group.Id()).has_value());
  Show("all", mobula::GetAllPlacementGroups().size());
  Show("in a bundle", Get(Task(Add).SetPlacementGroup(group, 1).Remote(2, 2)));
  const auto inside = Actor(MakeCounter).SetPlacementGroup(group).Remote(7);
  Show("an actor in it", AddThrough(inside, 1));
  mobula::RemovePlacementGroup(group);
  Show("removed", Throws<mobula::TaskPlacementGroupRemoved>(
                      [&] { Get(Task(Add).SetPlacementGroup(group).Remote(2, 2)); }));
  Show("its actor", Throws<mobula::ActorError>([&] { AddThrough(inside, 1); }));
  Show("no bundle", Thrown<std::invalid_argument>([] { mobula::CreatePlacementGroup({}); }));
}

}  // namespace

MOBULA_MAIN(argc, argv) {
  ShowValues();
  ShowErrors();
  ShowActors();
  ShowPlaces();
  return 0;
}
