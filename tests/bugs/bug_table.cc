// SPDX-License-Identifier: Apache-2.0
// Writes the table of faults/BUGS.md: how long each way of searching needs for each deliberate bug.
// tools/bug_table starts it.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "faults/bugs.h"
#include "tests/bugs/bug_cases.h"
#include "tests/properties/apart.h"
#include "tests/properties/explore.h"
#include "tests/properties/search.h"

namespace mobula::bugs {
namespace {

using properties::Strategy;

constexpr properties::Budget kShrinking{600, 40};

constexpr char kUsage[] =
    "usage: mobula_bug_table [--runs N] [--seconds S] [--searches K] [--bug NAME]\n"
    "\n"
    "Searches for each bug (or one) K times (3) with each strategy, from other seeds each time, "
    "for\n"
    "N runs (100) or S seconds (100) at most, makes the smallest case found smaller, and prints "
    "the\n"
    "table as Markdown.\n";

struct Arguments {
  std::uint64_t runs = 100;
  double seconds = 100;
  std::uint64_t searches = 3;
  std::string bug;
};

/// The searches for one bug with one strategy.
struct Tally {
  std::uint64_t searches = 0;
  /// The fewest runs of those that did not find it.
  std::uint64_t vain_runs = 0;
  /// Of those that found it, fewest first.
  std::vector<std::pair<std::uint64_t, double>> found;
};

struct Row {
  Bug bug;
  std::vector<Tally> tallies;
  std::optional<properties::Failure> smallest;
};

std::uint64_t Total(const properties::CaseSize& size) { return size.actions + size.faults; }
std::string ToText(const properties::CaseSize& size) {
  return absl::StrCat(size.actions, " + ", size.faults);
}

/// The median, where a search in vain counts as one without end.
std::string ToText(const Tally& tally) {
  const std::size_t middle = tally.searches / 2;
  if (tally.found.size() > middle) {
    const auto& [runs, seconds] = tally.found[middle];
    return absl::StrFormat("%d runs, %.1f s", runs, seconds);
  }
  const std::string none = absl::StrCat("not within ", tally.vain_runs);
  if (tally.searches == 0) return "no words for it";
  if (tally.found.empty()) return none;
  return absl::StrCat(none, " (", tally.found.size(), " of ", tally.searches, " did)");
}

/// One search. What fails without the bug, too, shows nothing: then it goes on behind that seed.
properties::SearchResult SearchOnce(Strategy strategy, Bugs bugs, properties::Budget budget,
                                    std::uint64_t first_seed) {
  properties::SearchResult total;
  while (true) {
    properties::SetBugs(bugs);
    properties::SearchResult result = properties::Search(strategy, budget, first_seed, {0, 0});
    total.runs += result.runs;
    total.seconds += result.seconds;
    if (!result.failure) return total;
    properties::SetBugs({});
    if (properties::RunApart(result.failure->found).Passed()) {
      total.failure = std::move(result.failure);
      return total;
    }
    if (result.runs >= budget.runs || result.seconds >= budget.seconds) return total;
    budget.runs -= result.runs;
    budget.seconds -= result.seconds;
    first_seed += result.runs;
  }
}

Row SearchFor(Bug bug, const Arguments& arguments) {
  Bugs bugs;
  bugs.SwitchOn(bug);
  Row row{bug, {}, {}};
  std::optional<properties::Failure> simplest;
  if (CaseOf(bug).is_beyond_programs) {
    row.tallies.resize(3);
    return row;
  }
  for (const Strategy strategy : {Strategy::kRandom, Strategy::kSwarm, Strategy::kExhaustive}) {
    Tally tally;
    for (std::uint64_t search = 0; search < arguments.searches; ++search) {
      ++tally.searches;
      auto result =
          SearchOnce(strategy, bugs, {arguments.runs, arguments.seconds}, 1 + 1'000'000 * search);
      if (!result.failure) {
        const bool is_fewest = tally.vain_runs == 0 || result.runs < tally.vain_runs;
        tally.vain_runs = is_fewest ? result.runs : tally.vain_runs;
        continue;
      }
      tally.found.emplace_back(result.runs, result.seconds);
      const auto size = Total(properties::SizeOf(result.failure->found));
      if (!simplest || size < Total(properties::SizeOf(simplest->found))) {
        simplest = std::move(result.failure);
      }
    }
    std::sort(tally.found.begin(), tally.found.end());
    row.tallies.push_back(std::move(tally));
  }
  if (!simplest) return row;
  properties::SetBugs(bugs);
  row.smallest = properties::Shrink(simplest->found, simplest->outcome, kShrinking);
  return row;
}

void Print(const Row& row) {
  std::string line = absl::StrCat("| `", faults::Describe(row.bug).name, "` |");
  for (const Tally& tally : row.tallies) {
    absl::StrAppend(&line, " ", ToText(tally), " |");
  }
  const std::string shrunk = row.smallest ? ToText(properties::SizeOf(row.smallest->shrunk)) : "-";
  const std::string how = row.smallest ? properties::KindOf(row.smallest->outcome) : "-";
  absl::StrAppend(&line, " ", shrunk, " | ", ToText(CaseOf(row.bug).size), " | ", how, " |");
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

int Main(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    const bool good = (name == "--runs" && absl::SimpleAtoi(value, &arguments.runs)) ||
                      (name == "--seconds" && absl::SimpleAtod(value, &arguments.seconds)) ||
                      (name == "--searches" && absl::SimpleAtoi(value, &arguments.searches)) ||
                      (name == "--bug" && faults::FindBug(arguments.bug = value).ok());
    if (!good) {
      std::fputs(kUsage, stderr);
      return 2;
    }
  }
  std::printf(
      "| bug | random | swarm | exhaustive | shrunk | by hand | caught as |\n"
      "|---|---|---|---|---|---|---|\n");
  for (const faults::BugEntry& entry : faults::AllBugs()) {
    if (!arguments.bug.empty() && entry.name != arguments.bug) continue;
    Print(SearchFor(entry.bug, arguments));
  }
  return 0;
}

}  // namespace
}  // namespace mobula::bugs

int main(int argc, char** argv) { return mobula::bugs::Main(argc, argv); }
