// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/search.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "faults/bugs.h"
#include "tests/properties/apart.h"
#include "tests/properties/case_file.h"
#include "tests/properties/explore.h"
#include "tests/properties/generator.h"
#include "tests/properties/shrink.h"

namespace mobula::properties {
namespace {

constexpr char kFolder[] = "build/failures";

class Stopwatch {
 public:
  [[nodiscard]] double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// What a replay must be told besides the case.
std::string BugsOnTheCommandLine() {
  std::string text;
  for (const faults::BugEntry& entry : faults::AllBugs()) {
    if (GetBugs().Has(entry.bug)) absl::StrAppend(&text, " --bug ", entry.name);
  }
  return text;
}

/// Seeds in turn get larger cases, so that a failure that small ones show is found in a small one,
/// and every third must give its answer.
Shape ShapeOf(Strategy strategy, std::uint64_t seed) {
  Shape shape;
  shape.swarm = strategy == Strategy::kSwarm;
  shape.size = static_cast<int>(10 + seed * 37 % 91);
  shape.answer_must_come = seed % 3 == 0;
  return shape;
}

/// Small enough to be run some hundred times.
Case SmallCase(std::uint64_t seed) {
  Rng rng(seed);
  Shape shape;
  shape.size = 12;
  shape.faults = false;
  Case one = DrawCase(rng, shape);
  one.cluster.nodes = 2 + static_cast<std::uint32_t>(seed % 2);
  return one;
}

/// The crash as a fault at the time of its event, which can be shrunk further; the case itself when
/// that does not fail alike.
Case WithoutStrike(const Case& one, const Outcome& outcome, Duration at, std::uint64_t& runs) {
  Case timed = one;
  const Strike strike = *timed.strike;
  timed.strike.reset();
  faults::Kind kind = faults::CrashNode{strike.node, false, strike.restart_after};
  if (strike.worker) kind = faults::CrashWorker{strike.node, ""};
  timed.plan.Add(faults::At(at, std::move(kind)));
  ++runs;
  return KindOf(RunApart(timed)) == KindOf(outcome) ? timed : one;
}

/// When the event of a strike happens, after the start of the driver.
Duration TimeOf(const Case& one) {
  Case probe = one;
  const std::uint64_t event = one.strike->event;
  probe.strike.reset();
  std::optional<Instant> start;
  Duration at;
  RunOptions run;
  run.check_invariants = false;
  run.before_event = [&](sim::World& world, std::uint64_t number) {
    if (!start) start = world.Now();
    if (number == event) at = world.Now() - *start;
  };
  RunHere(probe, run);
  return at;
}

SearchResult SearchExhaustively(const Budget& budget, std::uint64_t first_seed,
                                const Budget& shrinking) {
  const Stopwatch watch;
  SearchResult result;
  const auto is_over = [&] {
    return result.runs >= budget.runs || watch.Seconds() >= budget.seconds;
  };
  for (std::uint64_t seed = first_seed; !is_over() && !result.failure; ++seed) {
    Case one = SmallCase(seed);
    // Apart: what fails without a crash may end the process that explores.
    const Outcome alone = RunApart(one);
    ++result.runs;
    if (!alone.Passed()) {
      result.seconds = watch.Seconds();
      result.failure = Shrink(one, alone, shrinking);
      return result;
    }
    const auto exploration = Explore(one, {}, [&](const Placement& placement) {
      ++result.runs;
      return !placement.outcome.Passed() || is_over();
    });
    result.seconds = watch.Seconds();
    if (exploration.failures.empty()) continue;
    const Outcome& failed = exploration.failures.front().outcome;
    one.strike = exploration.failures.front().strike;
    std::uint64_t runs = 0;
    one = WithoutStrike(one, failed, TimeOf(one), runs);
    result.failure = Shrink(one, failed, shrinking);
    result.failure->shrink_runs += runs;
  }
  return result;
}

}  // namespace

Case CaseOfSeed(Strategy strategy, std::uint64_t seed) {
  return CaseOf(ShapeOf(strategy, seed), seed).value();
}

SearchResult Search(Strategy strategy, const Budget& budget, std::uint64_t first_seed,
                    const Budget& shrinking) {
  if (strategy == Strategy::kExhaustive) return SearchExhaustively(budget, first_seed, shrinking);
  const Stopwatch watch;
  SearchResult result;
  while (result.runs < budget.runs && watch.Seconds() < budget.seconds) {
    const Case one = CaseOfSeed(strategy, first_seed + result.runs);
    const Outcome outcome = RunApart(one);
    ++result.runs;
    result.seconds = watch.Seconds();
    if (outcome.Passed()) continue;
    result.failure = Shrink(one, outcome, shrinking);
    break;
  }
  return result;
}

Failure Shrink(const Case& found, const Outcome& outcome, const Budget& budget) {
  const Stopwatch watch;
  const std::string kind = KindOf(outcome);
  Failure failure{found, found, outcome, 0, 0};
  std::vector<Case> candidates = Simpler(found);
  // What did not help a moment ago seldom does now: it goes on behind it, and around until nothing
  // helps any more.
  std::size_t next = 0;
  std::size_t in_vain = 0;
  while (in_vain < candidates.size()) {
    if (failure.shrink_runs >= budget.runs || watch.Seconds() >= budget.seconds) break;
    if (next >= candidates.size()) next = 0;
    const Case& candidate = candidates[next];
    ++failure.shrink_runs;
    Outcome again = kind == "not deterministic" ? RunTwiceApart(candidate) : RunApart(candidate);
    if (again.Passed() || KindOf(again) != kind) {
      ++next;
      ++in_vain;
      continue;
    }
    failure.shrunk = candidate;
    failure.outcome = std::move(again);
    candidates = Simpler(failure.shrunk);
    in_vain = 0;
  }
  failure.shrink_seconds = watch.Seconds();
  return failure;
}

std::string Describe(const Failure& failure, const std::string& name) {
  const std::string text = FormatCase(failure.shrunk);
  const std::string file = absl::StrCat(kFolder, "/", name, ".textproto");
  std::error_code ignored;
  std::filesystem::create_directories(kFolder, ignored);
  std::ofstream(file) << "# " << failure.outcome.problems.front() << "\n" << text;
  return absl::StrCat(absl::StrJoin(failure.outcome.problems, "\n"), "\n\n// Shrunk in ",
                      failure.shrink_runs, " runs. As a test:\nTEST(Regression, ",
                      absl::StrJoin(absl::StrSplit(name, '-'), ""), ") {\n  ExpectPasses(R\"(\n",
                      text, ")\");\n}\n\nReplay: bash tools/soak --replay ", file, " --hash ",
                      absl::Hex(failure.outcome.trace_hash), BugsOnTheCommandLine(), "\n");
}

}  // namespace mobula::properties
