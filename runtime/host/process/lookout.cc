// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/process/lookout.h"

#include <algorithm>

namespace mobula::host {
namespace {

/// To look at those of which nothing comes any more would cost all others time.
constexpr int kIdleSleepsMax = 16;

}  // namespace

void Lookout::Add(RingStream& ring) {
  const bool known =
      std::ranges::any_of(rings_, [&](const Entry& entry) { return entry.ring == &ring; });
  if (known) return;
  ring.Wake();
  rings_.push_back({&ring});
}

void Lookout::Remove(const RingStream& ring) {
  std::erase_if(rings_, [&](const Entry& entry) { return entry.ring == &ring; });
}

bool Lookout::HasNews() const {
  return std::ranges::any_of(rings_, [](const Entry& entry) { return entry.ring->HasData(); });
}

std::span<const int> Lookout::WithNews() {
  with_news_.clear();
  for (Entry& entry : rings_) {
    if (!entry.ring->HasData()) continue;
    entry.idle_sleeps = 0;
    with_news_.push_back(entry.ring->Number());
  }
  return with_news_;
}

bool Lookout::Sleep() {
  for (const Entry& entry : rings_) {
    if (entry.ring->Sleep()) continue;
    Wake();
    return false;
  }
  std::erase_if(rings_, [](Entry& entry) { return ++entry.idle_sleeps > kIdleSleepsMax; });
  return true;
}

void Lookout::Wake() {
  for (const Entry& entry : rings_) entry.ring->Wake();
}

}  // namespace mobula::host
