// SPDX-License-Identifier: Apache-2.0
/// How much memory is used: of this machine, of the control groups that confine this process, and
/// by single processes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mobula::host {

struct MemoryUse {
  std::uint64_t used = 0;
  std::uint64_t limit = 0;
};

class MemoryGauge {
 public:
  /// `root` is where /proc and /sys/fs/cgroup are looked for.
  explicit MemoryGauge(std::string root = "") : root_(std::move(root)) {}

  /// Of the machine or the control group, whichever is nearer to its end. What the kernel gives
  /// back when it needs room, such as files that were read, does not count.
  [[nodiscard]] MemoryUse Tightest() const;
  /// The least that the machine or a control group allows; 0 if nothing tells.
  [[nodiscard]] std::uint64_t Limit() const;
  /// What the process alone has; 0 when there is no such process.
  [[nodiscard]] std::uint64_t OfProcess(pid_t pid) const;

 private:
  [[nodiscard]] std::vector<MemoryUse> All() const;
  [[nodiscard]] MemoryUse OfMachine() const;

  std::string root_;
};

}  // namespace mobula::host
