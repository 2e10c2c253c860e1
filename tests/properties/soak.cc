// SPDX-License-Identifier: Apache-2.0
// Runs the properties over many seeds, each twice; or replays one case. tools/soak starts it.
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "faults/bugs.h"
#include "runtime/base/check.h"
#include "tests/properties/apart.h"
#include "tests/properties/case_file.h"
#include "tests/properties/explore.h"
#include "tests/properties/search.h"

namespace mobula::properties {
namespace {

constexpr char kUsage[] =
    "usage: soak [--seeds N] [--first K] [--jobs J] [--most F] [--quiet]\n"
    "       soak --seed K                 print the case of a seed\n"
    "       soak --replay FILE [--hash H] [--trace FILE]\n"
    "       soak --shrink FILE            make a failing case smaller\n"
    "       each with [--bug NAME]        with a deliberate bug of faults/bugs.h, to see it found\n"
    "\n"
    "Runs the cases of N seeds from K on, each in two processes with different memory, J "
    "processes\n"
    "at a time. Ends with status 1 after F failures (5), each with its shrunk case, or at the end "
    "if\n"
    "there was any. --replay runs one case, says what was wrong, and compares its trace hash.\n";

struct Arguments {
  std::uint64_t seeds = 500;
  std::uint64_t first = 0;
  std::uint64_t jobs = 2;
  std::uint64_t most = 5;
  bool quiet = false;
  std::string seed;
  std::string replay;
  std::string shrink;
  std::string bug;
  std::string hash;
  std::string trace;
};

/// The two runs of one seed.
struct Pair {
  std::uint64_t seed = 0;
  std::unique_ptr<Apart> runs[2];
  bool over[2] = {false, false};
};

class Soak {
 public:
  explicit Soak(const Arguments& arguments) : arguments_(arguments) {}

  int Go() {
    std::uint64_t next = arguments_.first;
    const std::uint64_t end = arguments_.first + arguments_.seeds;
    while ((next < end && failures_ < arguments_.most) || !pairs_.empty()) {
      while (next < end && failures_ < arguments_.most && Running() < arguments_.jobs)
        Start(next++);
      Await();
    }
    Progress(true);
    for (const auto& [kind, count] : kinds_) {
      std::printf("%8llu %s\n", static_cast<unsigned long long>(count), kind.c_str());
    }
    return failures_ == 0 ? 0 : 1;
  }

 private:
  [[nodiscard]] std::uint64_t Running() const {
    std::uint64_t count = 0;
    for (const Pair& pair : pairs_) count += !pair.over[0] + !pair.over[1];
    return count;
  }

  void Start(std::uint64_t seed) {
    const Case one = CaseOfSeed(Strategy::kSwarm, seed);
    Pair& pair = pairs_.emplace_back();
    pair.seed = seed;
    pair.runs[0] = Apart::Start(one);
    pair.runs[1] = Apart::Start(one, {.other_memory = true});
  }

  void Await() {
    std::vector<pollfd> wanted;
    for (const Pair& pair : pairs_) {
      for (int i = 0; i < 2; ++i) {
        if (!pair.over[i]) wanted.push_back({pair.runs[i]->Descriptor(), POLLIN, 0});
      }
    }
    poll(wanted.data(), wanted.size(), 1000);
    std::size_t at = 0;
    for (Pair& pair : pairs_) {
      for (int i = 0; i < 2; ++i) {
        if (pair.over[i]) continue;
        if (wanted[at++].revents != 0) pair.over[i] = pair.runs[i]->Advance();
      }
    }
    for (auto pair = pairs_.begin(); pair != pairs_.end();) {
      if (!pair->over[0] || !pair->over[1]) {
        ++pair;
        continue;
      }
      Judge(*pair);
      pair = pairs_.erase(pair);
    }
    Progress(false);
  }

  void Judge(Pair& pair) {
    Outcome outcome = pair.runs[0]->Finish();
    CompareRuns(outcome, pair.runs[1]->Finish());
    ++done_;
    events_ += outcome.events;
    ++kinds_[KindOf(outcome)];
    if (outcome.Passed()) return;
    ++failures_;
    const std::string name = absl::StrCat("seed-", pair.seed);
    const Failure failure = Shrink(CaseOfSeed(Strategy::kSwarm, pair.seed), outcome, {1500, 60});
    std::printf("\n== seed %llu: %s\n\n%s\n", static_cast<unsigned long long>(pair.seed),
                outcome.problems.front().c_str(), Describe(failure, name).c_str());
    std::fflush(stdout);
  }

  void Progress(bool is_last) {
    const auto now = std::chrono::steady_clock::now();
    if (!is_last && (arguments_.quiet || now - told_ < std::chrono::seconds(5))) return;
    told_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double rate = static_cast<double>(done_) / seconds;
    std::printf(
        "%llu of %llu seeds, %llu failed, %.1f s, %.1f cases/s (each twice), %.0f events/s, "
        "%.0f s left\n",
        static_cast<unsigned long long>(done_), static_cast<unsigned long long>(arguments_.seeds),
        static_cast<unsigned long long>(failures_), seconds, rate,
        2 * static_cast<double>(events_) / seconds,
        rate > 0 ? static_cast<double>(arguments_.seeds - done_) / rate : 0.0);
    std::fflush(stdout);
  }

  const Arguments& arguments_;
  std::deque<Pair> pairs_;
  std::uint64_t done_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t events_ = 0;
  std::map<std::string, std::uint64_t> kinds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point told_ = start_;
};

/// Ends the process when there is none.
Case CaseIn(const std::string& file) {
  auto one = ReadCase(file);
  if (one.ok()) return *std::move(one);
  std::fprintf(stderr, "soak: %s\n", std::string(one.status().message()).c_str());
  std::exit(2);
}

int ShrinkFile(const Arguments& arguments) {
  const Case one = CaseIn(arguments.shrink);
  const Outcome outcome = RunApart(one);
  if (outcome.Passed()) {
    std::printf("passed: there is nothing to shrink\n");
    return 0;
  }
  std::printf("%s\n", Describe(Shrink(one, outcome, {10'000, 600}), "shrunk").c_str());
  return 1;
}

int Replay(const Arguments& arguments) {
  const Case one = CaseIn(arguments.replay);
  RunOptions options;
  options.trace_file = arguments.trace;
  const Outcome outcome = RunHere(one, options);
  for (const std::string& problem : outcome.problems) std::printf("%s\n", problem.c_str());
  const std::string hash = absl::StrCat(absl::Hex(outcome.trace_hash));
  std::printf("%s: %llu events, %llu tasks, %llu faults, trace hash %s\n", KindOf(outcome).c_str(),
              static_cast<unsigned long long>(outcome.events),
              static_cast<unsigned long long>(outcome.tasks),
              static_cast<unsigned long long>(outcome.faults), hash.c_str());
  if (!arguments.hash.empty() && arguments.hash != hash) {
    std::printf("another run than the one with trace hash %s\n", arguments.hash.c_str());
    return 1;
  }
  return outcome.Passed() ? 0 : 1;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  const std::map<std::string_view, std::uint64_t*> numbers = {{"--seeds", &arguments.seeds},
                                                              {"--first", &arguments.first},
                                                              {"--jobs", &arguments.jobs},
                                                              {"--most", &arguments.most}};
  const std::map<std::string_view, std::string*> texts = {
      {"--seed", &arguments.seed}, {"--replay", &arguments.replay}, {"--shrink", &arguments.shrink},
      {"--bug", &arguments.bug},   {"--hash", &arguments.hash},     {"--trace", &arguments.trace}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    const auto number = numbers.find(name);
    const auto text = texts.find(name);
    if (name == "--quiet") {
      arguments.quiet = true;
    } else if (number != numbers.end() && absl::SimpleAtoi(value, number->second)) {
      ++i;
    } else if (text != texts.end() && !value.empty()) {
      *text->second = value;
      ++i;
    } else {
      std::fputs(kUsage, stderr);
      return 2;
    }
  }
  if (!arguments.bug.empty()) {
    const auto bug = faults::FindBug(arguments.bug);
    if (!bug.ok()) {
      std::fprintf(stderr, "soak: %s\n", std::string(bug.status().message()).c_str());
      return 2;
    }
    Bugs bugs;
    bugs.SwitchOn(*bug);
    SetBugs(bugs);
  }
  if (arguments.jobs == 0) arguments.jobs = 1;
  if (!arguments.shrink.empty()) return ShrinkFile(arguments);
  if (!arguments.replay.empty()) return Replay(arguments);
  if (!arguments.seed.empty()) {
    const Case one =
        CaseOfSeed(Strategy::kSwarm, std::strtoull(arguments.seed.c_str(), nullptr, 10));
    std::printf("%s", FormatCase(one).c_str());
    return 0;
  }
  return Soak(arguments).Go();
}

}  // namespace
}  // namespace mobula::properties

int main(int argc, char** argv) { return mobula::properties::Main(argc, argv); }
