// SPDX-License-Identifier: Apache-2.0
/// What test_cross_language.py calls, and a program that calls cross_language_side.py.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/api/mobula.h"

namespace {

constexpr char kSide[] = "cross_language_side";

struct Point {
  int x = 0;
  double y = 0;
  MOBULA_FIELDS(Point, x, y)
};

// Values there and back.
int Add(int a, int b) { return a + b; }
std::string Greet(const std::string& name) { return "hello " + name; }
double Sum(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}
std::vector<std::int64_t> Count(std::int64_t limit) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < limit; ++i) numbers.push_back(i);
  return numbers;
}
std::vector<unsigned char> Reverse(const std::vector<unsigned char>& bytes) {
  return {bytes.rbegin(), bytes.rend()};
}
std::map<std::string, int> Lengths(const std::vector<std::string>& words) {
  std::map<std::string, int> lengths;
  for (const std::string& word : words) lengths[word] = static_cast<int>(word.size());
  return lengths;
}
std::tuple<bool, std::optional<int>, Point> Mixed(bool flag, std::optional<int> maybe, Point at) {
  return {!flag, maybe, Point{at.x + 1, at.y * 2}};
}
void Nothing() {}
int Fail(const std::string& text) { throw std::runtime_error(text); }

// References and actors inside values.
mobula::Ref<int> Later(const std::vector<mobula::Ref<int>>& refs) { return refs.back(); }
int Await(const std::vector<mobula::Ref<int>>& refs) { return mobula::Get(refs.front()); }

class Counter {
 public:
  explicit Counter(int start) : value_(start) {}
  int Add(int amount) { return value_ += amount; }
  int Slow(int milliseconds) {
    mobula::Sleep(mobula::Milliseconds(milliseconds));
    return value_;
  }
  /// Returns when that many calls of it are here at once.
  int Meet(int calls) {
    ++here_;
    while (here_ < calls) mobula::Sleep(mobula::Milliseconds(5));
    return here_;
  }
  bool Restarted() const { return mobula::WasCurrentActorRestarted(); }
  void Leave() { mobula::ExitActor(); }
  std::string Namespace() const { return mobula::GetNamespace(); }

 private:
  int value_;
  std::atomic<int> here_ = 0;
};

Counter* MakeCounter(int start) {
  if (start < 0) throw std::invalid_argument("a counter starts at 0 or above");
  return new Counter(start);
}

class Other {
 public:
  int Add(int amount) { return amount; }
};
Other* MakeOther() { return new Other; }

int AddThrough(const mobula::ActorHandle<Counter>& counter, int amount) {
  return mobula::Get(counter.Task(&Counter::Add).Remote(amount));
}
int AddByName(const std::string& name, int amount) {
  return AddThrough(mobula::GetActor<Counter>(name).value(), amount);
}
mobula::ActorHandle<Counter> Make(int start) { return mobula::Actor(MakeCounter).Remote(start); }

// Python from C++.
int Twice(int x) {
  return mobula::Get(mobula::Task(mobula::PyFunction<int>{kSide, "twice"}).Remote(x));
}
/// What a call of a Python function throws here, which is to return an int.
std::string Caught(const std::string& module, const std::string& function) {
  try {
    mobula::Get(mobula::Task(mobula::PyFunction<int>{module, function}).Remote("from Python"));
  } catch (const mobula::TaskError& error) {
    return error.what();
  }
  return "nothing was thrown";
}
std::string CaughtOfActor(const std::string& class_name, const std::string& method) {
  const auto actor = mobula::Actor(mobula::PyActorClass{kSide, class_name}).Remote(1);
  try {
    mobula::Get(actor.Task(mobula::PyActorMethod<int>{method}).Remote(1));
  } catch (const mobula::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}
/// What is thrown in the place of a value that Python made for itself.
std::string CaughtInList(const std::vector<mobula::Ref<int>>& refs) {
  try {
    mobula::Get(refs.front());
  } catch (const mobula::TaskError& error) {
    return error.what();
  }
  return "nothing was thrown";
}
int AddInPython(const mobula::PyActorHandle& counter, int amount) {
  return mobula::Get(counter.Task(mobula::PyActorMethod<int>{"add"}).Remote(amount));
}
mobula::PyActorHandle MakeInPython(int start) {
  return mobula::Actor(mobula::PyActorClass{kSide, "Counter"}).SetName("of Python").Remote(start);
}

// Where it runs.
std::string Variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}
std::string VariableOfChild(const std::string& name, const std::string& value) {
  return mobula::Get(mobula::Task(Variable)
                         .SetRuntimeEnv(mobula::RuntimeEnv().SetEnvVar(name, value))
                         .Remote(name));
}
std::string NodeName() { return mobula::GetNode().labels["place"]; }
std::string PlaceOf(const std::string& place) {
  return mobula::Get(mobula::Task(NodeName).SetNodeLabel("place", {place}).Remote());
}
std::vector<std::uint32_t> Gpus() { return mobula::GetGpuIds(); }
std::size_t GpusHeld(double amount) {
  return mobula::Get(mobula::Task(Gpus).SetResource("GPU", amount).Remote()).size();
}

MOBULA_REMOTE(Add, Greet, Sum, Count, Reverse, Lengths, Mixed, Nothing, Fail, Later, Await,
              MakeCounter, MakeOther, AddThrough, AddByName, Make, Twice, Caught, CaughtOfActor,
              CaughtInList, AddInPython, MakeInPython, Variable, VariableOfChild, NodeName, PlaceOf,
              Gpus, GpusHeld, &Counter::Add, &Counter::Slow, &Counter::Meet, &Counter::Restarted,
              &Counter::Leave, &Counter::Namespace, &Other::Add)

}  // namespace

MOBULA_MAIN(argc, argv) {
  const auto four = mobula::Task(mobula::PyFunction<int>{kSide, "twice"}).Remote(2);
  // A reference to what Python made, to Python and to C++.
  const auto eight = mobula::Task(mobula::PyFunction<int>{kSide, "twice"}).Remote(four);
  std::printf("%d\n", mobula::Get(mobula::Task(Add).Remote(four, eight)));
  std::printf("%s\n", mobula::Get(mobula::Task(mobula::PyFunction<std::string>{kSide, "join"})
                                      .Remote(std::vector<std::string>{"a", "b"}, "-"))
                          .c_str());
  const auto counter = mobula::Actor(mobula::PyActorClass{kSide, "Counter"}).Remote(10);
  const auto add = mobula::PyActorMethod<int>{"add"};
  mobula::Get(counter.Task(add).Remote(1));
  std::printf("%d\n", mobula::Get(mobula::Task(AddInPython).Remote(counter, 5)));
  std::printf("%s\n", Caught(kSide, "fail").find("ValueError: from Python") == std::string::npos
                          ? "no"
                          : "yes");
  counter.Kill();
  try {
    mobula::Get(counter.Task(add).Remote(1));
  } catch (const mobula::ActorDiedError&) {
    std::printf("dead\n");
  }
  return 0;
}
