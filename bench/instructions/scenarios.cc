// SPDX-License-Identifier: Apache-2.0
/// instruction_scenarios: fixed work to be counted in instructions. `instruction_scenarios NAME N`
/// prepares and then does N operations; what they cost is the difference to N = 0.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "bench/core/process.h"
#include "bench/nothing.h"
#include "bench/sim/run_program.h"

namespace mobula::bench {
namespace {

sim::Options OneNode() {
  sim::Options options;
  options.nodes.resize(1);
  return options;
}

/// Of a class that has its leases: owner, raylet, executor and the simulator between them.
void WarmTasks(int count) {
  RunProgram(OneNode(), [count] {
    for (const int tasks : {50, count}) {
      std::vector<Ref<int>> refs;
      for (int i = 0; i < tasks; ++i) refs.push_back(Task(Nothing).Remote(i));
      Get(refs);
    }
  });
}

/// Of an actor that lives.
void ActorCalls(int count) {
  RunProgram(OneNode(), [count] {
    auto counter = Actor(MakeCounter).Remote();
    for (const int calls : {50, count}) {
      std::vector<Ref<int>> refs;
      for (int i = 0; i < calls; ++i) refs.push_back(counter.Task(&Counter::Add).Remote(1));
      Get(refs);
    }
  });
}

/// A reference is added or removed, of one of 100 objects; half of them go out of scope and are
/// made anew on the way.
void ReferenceOperations(int count) {
  Process process;
  const auto object = [](int number) {
    return PutObject(kRoot, 0, static_cast<std::uint32_t>(number));
  };
  for (int i = 0; i < 100; ++i) process.Handle(worker::ObjectPut{object(i), {}, {}});
  for (int i = 0; i < count / 4; ++i) {
    process.Handle(worker::ReferenceAdded{{object(i % 100), kSelf}, {}, false});
    process.Handle(worker::ObjectPut{object(100 + i), {}, {}});
    process.Handle(worker::ReferenceRemoved{object(i % 100)});
    process.Handle(worker::ReferenceRemoved{object(100 + i)});
  }
}

struct Scenario {
  std::string_view name;
  void (*run)(int count);
};
constexpr Scenario kScenarios[] = {{"warm_tasks", WarmTasks},
                                   {"actor_calls", ActorCalls},
                                   {"reference_operations", ReferenceOperations}};

}  // namespace
}  // namespace mobula::bench

int main(int argc, char** argv) {
  if (argc == 3) {
    for (const auto& [name, run] : mobula::bench::kScenarios) {
      if (name != argv[1]) continue;
      run(std::atoi(argv[2]));
      return 0;
    }
  }
  std::fprintf(stderr, "usage: instruction_scenarios NAME OPERATIONS\n");
  return 2;
}
