// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "runtime/host/local/fd.h"

namespace mobula::host {

/// The memory of a node's object store: an anonymous file that the daemon creates, passes to each
/// process through its socket, and that vanishes with the last of them. Sparse: pages come when
/// written. Which bytes mean what is known to the raylet machine only.
class StoreSegment {
 public:
  /// A new one of `bytes`, rounded up to pages.
  [[nodiscard]] static absl::StatusOr<StoreSegment> Create(std::uint64_t bytes);
  /// Somebody else's.
  [[nodiscard]] static absl::StatusOr<StoreSegment> Map(Fd file, std::uint64_t bytes);

  StoreSegment() = default;
  StoreSegment(StoreSegment&& other) noexcept;
  StoreSegment& operator=(StoreSegment&& other) noexcept;
  ~StoreSegment();

  /// REQUIRES: offset + size <= Size().
  [[nodiscard]] std::byte* At(std::uint64_t offset, std::uint64_t size) const;
  [[nodiscard]] std::uint64_t Size() const { return bytes_; }
  [[nodiscard]] int File() const { return file_.Get(); }

  /// Gives the whole pages within the range back to the operating system; they read as zero
  /// afterwards.
  void Discard(std::uint64_t offset, std::uint64_t size) const;

 private:
  StoreSegment(Fd file, std::byte* base, std::uint64_t bytes)
      : file_(std::move(file)), base_(base), bytes_(bytes) {}

  Fd file_;
  std::byte* base_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace mobula::host
