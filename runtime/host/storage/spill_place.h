// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace mobula::host {

/// What keeps the files to which one incarnation of a node spills objects; when it ends, they go.
/// All but `Interrupt` is called in one thread, which may wait.
class SpillPlace {
 public:
  SpillPlace() = default;
  SpillPlace(const SpillPlace&) = delete;
  SpillPlace& operator=(const SpillPlace&) = delete;
  virtual ~SpillPlace() = default;

  /// For people: where that is.
  [[nodiscard]] virtual const std::string& Name() const = 0;
  /// The parts, one after the other, become the file. After an error nothing of it is there.
  [[nodiscard]] virtual absl::Status Write(
      std::uint64_t file, const std::vector<std::span<const std::byte>>& parts) = 0;
  [[nodiscard]] virtual absl::Status Read(std::uint64_t file, std::uint64_t offset,
                                          std::span<std::byte> target) = 0;
  virtual void Delete(std::uint64_t file) = 0;
  /// From any thread: what is under way, and all that comes, fails soon.
  virtual void Interrupt() = 0;
};

}  // namespace mobula::host
