// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "runtime/host/local/process_page.h"

namespace mobula::host {

/// Measures how long the process waits for what it asks of others: one entry for each question that
/// is open. Not thread-safe.
class RpcWatch {
 public:
  explicit RpcWatch(const ProcessPage& page) : page_(page) {}

  /// Numbers grow; one that is asked again counts from the first time.
  void Asked(Instant now, Rpc what, std::uint64_t number) {
    auto& open = open_[static_cast<std::size_t>(what)];
    open.emplace(number, now);
    // Nobody says when a question is given up.
    if (open.size() > kOpenMax) open.erase(open.begin());
  }
  void Answered(Instant now, Rpc what, std::uint64_t number) {
    const auto entry = open_[static_cast<std::size_t>(what)].extract(number);
    if (!entry.empty()) page_.Waited(what).Observe(now - entry.mapped());
  }

 private:
  static constexpr std::size_t kOpenMax = 1000;

  const ProcessPage& page_;
  std::array<std::map<std::uint64_t, Instant>, kRpcs> open_;
};

}  // namespace mobula::host
