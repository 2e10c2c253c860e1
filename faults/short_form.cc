// SPDX-License-Identifier: Apache-2.0
#include "faults/short_form.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "faults/plan_file.h"

namespace mobula::faults {
namespace {

constexpr std::string_view kWorkerPrefix = "worker:";

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

}  // namespace

absl::StatusOr<Fault> ParseCrash(std::string_view text) {
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
    return At(*at, CrashWorker{.node = place->node, .running = ""});
  }
  CrashNode crash;
  crash.node = place->node;
  if (back_after) {
    const auto after = ParseTime(*back_after);
    if (!after.ok()) return after.status();
    crash.restart_after = *after;
  }
  return At(*at, crash);
}

absl::StatusOr<Fault> ParseRestart(std::string_view text) {
  auto place = ParsePlace(text, text);
  if (!place.ok()) return place.status();
  const auto at = ParseTime(place->time);
  if (!at.ok()) return at.status();
  return At(*at, RestartNode{place->node});
}

}  // namespace mobula::faults
