// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/store_book.h"

#include <algorithm>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mobula::properties {
namespace {

// What a value has besides its numbers, its references above all.
constexpr std::uint64_t kRest = 8 << 10;
// Of a store that has room for a task's two arguments, its result, and the holes between them.
constexpr std::uint64_t kRoomyFor = 5;

template <class Holds>
bool AnyOf(const faults::Plan& plan, Holds holds) {
  return std::ranges::any_of(plan.faults, [&](const auto& fault) { return holds(fault.kind); });
}

const faults::DiskFault* SpillFault(const faults::Kind& kind) {
  const auto* fault = std::get_if<faults::DiskFault>(&kind);
  return fault != nullptr && fault->Concerns(faults::DiskFiles::kSpill) ? fault : nullptr;
}

/// What is lost is sent again much later.
bool IsSlowLink(const faults::Kind& kind) {
  const auto* fault = std::get_if<faults::LinkFault>(&kind);
  return fault != nullptr &&
         (fault->loss > 0 || fault->delay > Duration{} || fault->bytes_per_second > 0);
}

}  // namespace

void StoreBook::Writes(std::uint64_t numbers) {
  const std::uint64_t bytes = 8 * numbers + kRest;
  if (bytes <= Payload::kInlineLimit) return;
  ++count_;
  bytes_ += bytes;
  largest_ = std::max(largest_, bytes);
}

std::string StoreBook::Doubt(const ErrorInfo& error) const {
  const std::uint64_t capacity = shape_.StoreBytes();
  if (absl::StrContains(error.message, "larger than the whole store")) {
    return largest_ > capacity ? "" : "every object fits into a store";
  }
  if (!StoreMayBeFull()) return "there is room for all that was ever written";
  if (DiskMayBeFull() || DiskMayHaveFailed(error)) return "";
  if (error.kind == ErrorKind::kOutOfDisk) return "the disk has room, and works";
  if (capacity < kRoomyFor * largest_ || SomebodyStoodStill()) return "";
  return "others could have been spilled";
}

bool StoreBook::StoreMayBeFull() const {
  return bytes_ + (count_ + 1) * largest_ > shape_.StoreBytes();
}

bool StoreBook::DiskMayHaveLost() const {
  return AnyOf(world_.FaultsHappened(), [](const faults::Kind& kind) {
    const auto* fault = SpillFault(kind);
    return fault != nullptr && fault->mode == faults::DiskMode::kFail;
  });
}

bool StoreBook::DiskMayHaveFailed(const ErrorInfo& error) const {
  return AnyOf(world_.FaultsHappened(), [&](const faults::Kind& kind) {
    const auto* fault = SpillFault(kind);
    return fault != nullptr && fault->mode != faults::DiskMode::kSlow &&
           absl::StrContains(error.message, absl::StrCat("store of node ", fault->node, ":"));
  });
}

bool StoreBook::SomebodyStoodStill() const {
  return AnyOf(world_.FaultsHappened(), [](const faults::Kind& kind) {
    return std::holds_alternative<faults::PauseNode>(kind) ||
           std::holds_alternative<faults::PauseWorker>(kind) ||
           std::holds_alternative<faults::SlowCpu>(kind) ||
           std::holds_alternative<faults::ClockDrift>(kind) ||
           std::holds_alternative<faults::Partition>(kind) || IsSlowLink(kind);
  });
}

}  // namespace mobula::properties
