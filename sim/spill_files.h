// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "runtime/core/object_store/spill.h"
#include "sim/store_memory.h"

namespace mobula::sim {

/// The files to which one incarnation of a node has spilled objects. They end with it.
class SpillFiles {
 public:
  /// `keeps` is false on a disk that lies: the file is there, and cannot be read.
  void Write(const object_store::SpillObjects& write, StoreMemory& memory, bool keeps);
  /// Nothing when the file cannot be read there.
  [[nodiscard]] std::optional<std::vector<std::byte>> Read(std::uint64_t file, std::uint64_t offset,
                                                           std::uint64_t size) const;
  void Delete(std::uint64_t file);
  [[nodiscard]] bool IsEmpty() const { return files_.empty(); }
  [[nodiscard]] std::uint64_t Bytes() const { return bytes_; }

 private:
  struct File {
    std::uint64_t bytes = 0;
    /// Empty when it was not kept.
    std::vector<std::byte> content;
  };

  std::map<std::uint64_t, File> files_;
  std::uint64_t bytes_ = 0;
};

/// What a write takes of a disk.
[[nodiscard]] std::uint64_t BytesOf(const object_store::SpillObjects& write);

}  // namespace mobula::sim
