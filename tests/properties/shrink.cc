// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/shrink.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <variant>

#include "tests/properties/targets.h"

namespace mobula::properties {
namespace {

/// Takes one simpler value.
template <class T>
using Found = std::function<void(T)>;

/// The parts of a list that may be left out: large ones first, then single ones.
void ForParts(std::size_t size, const std::function<void(std::size_t, std::size_t)>& leave_out) {
  for (std::size_t length = size; length > 0; length /= 2) {
    for (std::size_t first = 0; first + length <= size; first += length)
      leave_out(first, first + length);
  }
}

Duration Half(Duration span) {
  // Whole microseconds, so that it ends soon and text says exactly the same.
  return Microseconds(span.nanoseconds / 2000);
}

/// Sizes below this one: none, just stored, half.
void ForSmaller(std::uint64_t size, const Found<std::uint64_t>& add) {
  if (size > 0) add(0);
  if (size > kStored) add(kStored);
  if (size / 2 > kStored) add(size / 2);
}

/// Simpler versions of one action in its place.
void SimplerActions(const Action& action, const Given& given, const Found<Action>& add);

void SimplerPrograms(const Program& program, const Given& given, const Found<Program>& add) {
  const auto with_actions = [&](std::vector<Action> actions) {
    Program simpler = program;
    simpler.actions = std::move(actions);
    add(std::move(simpler));
  };
  ForParts(program.actions.size(),
           [&](std::size_t first, std::size_t end) { add(Without(program, given, first, end)); });
  for (std::size_t i = 0; i < program.actions.size(); ++i) {
    const Action& action = program.actions[i];
    if (!action.body.empty()) {
      // What the task did, done here.
      std::vector<Action> flat = program.actions;
      const auto at = flat.erase(flat.begin() + static_cast<std::ptrdiff_t>(i));
      const auto& inner = action.body.front().actions;
      flat.insert(at, inner.begin(), inner.end());
      with_actions(std::move(flat));
    }
    const Given task = GivenTo(action, InFrontOf(program, given, i));
    SimplerActions(action, task, [&](Action simpler) {
      std::vector<Action> actions = program.actions;
      actions[i] = std::move(simpler);
      with_actions(std::move(actions));
    });
  }
  if (program.returns_references) {
    Program simpler = program;
    simpler.returns_references = false;
    add(std::move(simpler));
  }
  ForSmaller(program.result_size, [&](std::uint64_t size) {
    Program simpler = program;
    simpler.result_size = size;
    add(std::move(simpler));
  });
}

/// `given` to its body.
void SimplerActions(const Action& action, const Given& given, const Found<Action>& add) {
  const auto with = [&](auto change) {
    Action simpler = action;
    change(simpler);
    if (simpler != action) add(std::move(simpler));
  };
  if (action.step == Step::kSubmit || action.step == Step::kAdd || action.step == Step::kCall ||
      action.step == Step::kStream) {
    // A reference it is all the same.
    Action put;
    put.step = Step::kPut;
    add(put);
  }
  for (std::size_t i = 0; i < action.body.size(); ++i) {
    SimplerPrograms(action.body[i], given, [&](Program body) {
      Action simpler = action;
      simpler.body[i] = std::move(body);
      add(std::move(simpler));
    });
  }
  with([](Action& one) { one.a = 0; });
  with([](Action& one) { one.b = 0; });
  if (action.step == Step::kThrow) {
    with([](Action& one) { one.size = 1; });
  } else {
    ForSmaller(action.size,
               [&](std::uint64_t size) { with([=](Action& one) { one.size = size; }); });
  }
  with([](Action& one) { one.lasts = Duration{}; });
  with([](Action& one) { one.lasts = Half(one.lasts); });
  with([](Action& one) { one.retries = 0; });
  with([](Action& one) { one.call_retries = 0; });
  with([](Action& one) { one.retry_exceptions = false; });
  with([](Action& one) { one.lends_actor = false; });
  with([](Action& one) { one.lends_all = false; });
  with([](Action& one) { one.detached = false; });
  with([](Action& one) { one.where = 0; });
  if (action.step == Step::kActor && !action.detached) with([](Action& one) { one.name = 0; });
}

/// Conditions that hold until they are healed, and numbers that are easy to read.
void SimplerKinds(const faults::Kind& kind, const Found<faults::Kind>& add) {
  std::visit(
      [&]<class Fault>(const Fault& fault) {
        const auto with = [&](auto change) {
          Fault simpler = fault;
          change(simpler);
          add(simpler);
        };
        if constexpr (requires { fault.lasts; }) with([](Fault& one) { one.lasts.reset(); });
        if constexpr (requires { fault.factor; }) with([](Fault& one) { one.factor = 10; });
        if constexpr (requires { fault.rate; }) with([](Fault& one) { one.rate = 2; });
        if constexpr (requires { fault.loss; }) {
          if (fault.loss > 0) with([](Fault& one) { one.loss = 1; });
          if (fault.duplicate > 0) with([](Fault& one) { one.duplicate = 1; });
          if (fault.reorder > 0) with([](Fault& one) { one.reorder = 1; });
          if (fault.delay > Duration{}) with([](Fault& one) { one.delay = Seconds(1); });
          with([](Fault& one) { one.jitter = Duration{}; });
          with([](Fault& one) { one.both_ways = false; });
        }
        if constexpr (requires { fault.lose_unsynced; })
          with([](Fault& one) { one.lose_unsynced = false; });
      },
      kind);
}

void SimplerFaults(const faults::Fault& fault, const Found<faults::Fault>& add) {
  const auto with = [&](auto change) {
    faults::Fault simpler = fault;
    change(simpler);
    if (simpler != fault) add(std::move(simpler));
  };
  if (fault.every) {
    // Once, at its first turn.
    with([](faults::Fault& one) {
      one.at = one.every;
      one.every.reset();
      one.until.reset();
      one.times.reset();
      one.probability = 1;
    });
  }
  with([](faults::Fault& one) { one.times.reset(); });
  with([](faults::Fault& one) { one.after = Duration{}; });
  if (fault.on) {
    with([](faults::Fault& one) { one.on->from.clear(); });
    with([](faults::Fault& one) { one.on->to.clear(); });
    with([](faults::Fault& one) { one.on->count = 1; });
  }
  if (fault.at) with([](faults::Fault& one) { one.at = Duration{}; });
  if (fault.at) with([](faults::Fault& one) { one.at = Half(*one.at); });
  if (std::holds_alternative<faults::CrashNode>(fault.kind)) {
    with([](faults::Fault& one) { std::get<faults::CrashNode>(one.kind).silent = false; });
    with([](faults::Fault& one) { std::get<faults::CrashNode>(one.kind).restart_after.reset(); });
  }
  SimplerKinds(fault.kind, [&](faults::Kind kind) {
    with([&](faults::Fault& one) { one.kind = std::move(kind); });
  });
  if (const auto* cut = std::get_if<faults::Partition>(&fault.kind)) {
    with([](faults::Fault& one) { std::get<faults::Partition>(one.kind).one_way = false; });
    // Further than a cut one can't go, and it says more than a bad link.
    if (!cut->b.empty())
      with([](faults::Fault& one) { std::get<faults::Partition>(one.kind).b = {}; });
  }
}

void SimplerPlans(const faults::Plan& plan, const Found<faults::Plan>& add) {
  const auto with_faults = [&](std::vector<faults::Fault> faults) {
    faults::Plan simpler;
    simpler.faults = std::move(faults);
    add(std::move(simpler));
  };
  ForParts(plan.faults.size(), [&](std::size_t first, std::size_t end) {
    std::vector<faults::Fault> fewer = plan.faults;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(first),
                fewer.begin() + static_cast<std::ptrdiff_t>(end));
    with_faults(std::move(fewer));
  });
  for (std::size_t i = 0; i < plan.faults.size(); ++i) {
    SimplerFaults(plan.faults[i], [&](faults::Fault simpler) {
      std::vector<faults::Fault> faults = plan.faults;
      faults[i] = std::move(simpler);
      with_faults(std::move(faults));
    });
  }
}

std::uint64_t CountActions(const Program& program) {
  std::uint64_t count = program.actions.size();
  for (const Action& action : program.actions) {
    for (const Program& body : action.body) count += CountActions(body);
  }
  return count;
}

bool Mentions(const faults::Plan& plan, const std::string& node) {
  const std::string text = "\"" + node + "\"";
  return std::any_of(plan.faults.begin(), plan.faults.end(), [&](const faults::Fault& fault) {
    return ToString(fault).find(text) != std::string::npos;
  });
}

}  // namespace

std::vector<Case> Simpler(const Case& one) {
  std::vector<Case> cases;
  const auto with = [&](auto change) {
    Case simpler = one;
    change(simpler);
    if (simpler != one) cases.push_back(std::move(simpler));
  };
  SimplerPlans(one.plan, [&](faults::Plan plan) { with([&](Case& c) { c.plan = plan; }); });
  SimplerPrograms(one.program, {},
                  [&](Program program) { with([&](Case& c) { c.program = program; }); });
  const std::string last = "n" + std::to_string(one.cluster.nodes);
  const bool is_struck = one.strike && one.strike->node == last;
  if (one.cluster.nodes > 1 && !Mentions(one.plan, last) && !is_struck) {
    with([](Case& c) { --c.cluster.nodes; });
  }
  with([](Case& c) { c.cluster.jitter = 0; });
  with([](Case& c) { c.seed = 0; });
  with([](Case& c) { c.chaos = Case{}.chaos; });
  with([](Case& c) { c.cluster.lineage_bytes_max = 0; });
  with([](Case& c) { c.cluster.store_kilobytes = ClusterShape{}.store_kilobytes; });
  with([](Case& c) { c.cluster.disk_kilobytes = ClusterShape{}.disk_kilobytes; });
  with([](Case& c) { c.cluster.spill_file_kilobytes = ClusterShape{}.spill_file_kilobytes; });
  with([](Case& c) { c.cluster.chunk_kilobytes = ClusterShape{}.chunk_kilobytes; });
  if (one.cluster.cpus > 1) with([](Case& c) { --c.cluster.cpus; });
  return cases;
}

CaseSize SizeOf(const Case& one) {
  return {CountActions(one.program), one.plan.faults.size() + (one.strike ? 1 : 0)};
}

}  // namespace mobula::properties
