// SPDX-License-Identifier: Apache-2.0
#include "faults/schedule.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mobula::faults {
namespace {

constexpr std::string_view kWorkerPrefix = "worker:";

struct Unit {
  std::string_view suffix;
  double seconds;
};
// "s" is a suffix of the others, so it comes last.
constexpr Unit kUnits[] = {{"ms", 1e-3}, {"us", 1e-6}, {"s", 1}};

absl::StatusOr<Duration> ParseTime(std::string_view text) {
  const auto wrong = absl::InvalidArgumentError(
      absl::StrCat("\"", std::string(text),
                   "\" is no time: expected a number and its unit, as in 0.5s, 20ms or 7us"));
  std::string_view number = text;
  double scale = 0;
  for (const Unit& unit : kUnits) {
    if (!number.ends_with(unit.suffix)) continue;
    number.remove_suffix(unit.suffix.size());
    scale = unit.seconds;
    break;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (scale == 0 || error != std::errc() || end != number.data() + number.size()) return wrong;
  if (value < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", std::string(text),
                     "\" lies before the start: times count from the start of the driver"));
  }
  // Where nanoseconds in 64 bits end; this also refuses what is no finite number.
  if (!(value * scale < 9e9)) return wrong;
  return FromSeconds(value * scale);
}

/// NODE@TIME.
struct Place {
  std::string node;
  std::string_view time;
};

absl::StatusOr<Place> ParsePlace(std::string_view text, std::string_view whole) {
  const auto at = text.find('@');
  if (at == 0 || at == std::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat("\"", std::string(whole),
                                                   "\" names no node and time: expected "
                                                   "NODE@TIME, as in n2@0.5s"));
  }
  return Place{std::string(text.substr(0, at)), text.substr(at + 1)};
}

std::string NodeOf(const Fault& fault) {
  return std::visit([](const auto& one) { return one.node; }, fault);
}

}  // namespace

absl::StatusOr<Schedule> ParseCrash(std::string_view text) {
  const bool is_worker = text.starts_with(kWorkerPrefix);
  auto place = ParsePlace(is_worker ? text.substr(kWorkerPrefix.size()) : text, text);
  if (!place.ok()) return place.status();
  std::optional<std::string_view> back_after;
  if (const auto plus = place->time.find('+'); plus != std::string_view::npos) {
    back_after = place->time.substr(plus + 1);
    place->time = place->time.substr(0, plus);
  }
  const auto at = ParseTime(place->time);
  if (!at.ok()) return at.status();
  if (is_worker) {
    if (back_after) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", std::string(text),
                       "\": a worker does not restart; its node starts another when needed"));
    }
    return Schedule{CrashWorker{place->node, *at}};
  }
  Schedule schedule{CrashNode{place->node, *at}};
  if (back_after) {
    const auto after = ParseTime(*back_after);
    if (!after.ok()) return after.status();
    schedule.push_back(RestartNode{place->node, *at + *after});
  }
  return schedule;
}

absl::StatusOr<Fault> ParseRestart(std::string_view text) {
  auto place = ParsePlace(text, text);
  if (!place.ok()) return place.status();
  const auto at = ParseTime(place->time);
  if (!at.ok()) return at.status();
  return RestartNode{place->node, *at};
}

absl::Status Validate(const Schedule& schedule, const std::vector<std::string>& nodes,
                      std::string_view head) {
  for (const Fault& fault : schedule) {
    const std::string node = NodeOf(fault);
    if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "no node is named \"", node, "\"; the nodes are ", absl::StrJoin(nodes, ", ")));
    }
    if (std::holds_alternative<CrashNode>(fault) && node == head) {
      return absl::InvalidArgumentError(
          absl::StrCat(node,
                       " is the head: the GCS and the driver live there, and the program would end "
                       "with it; crash another node"));
    }
  }
  return absl::OkStatus();
}

}  // namespace mobula::faults
