// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/core/object_store/spill.h"
#include "runtime/host/local/store_segment.h"
#include "runtime/host/storage/disk_faults.h"
#include "runtime/host/storage/spill_place.h"

namespace mobula::host {

/// Spilled objects between the store's memory and the place that keeps them, written and read by a
/// thread of its own, in the order asked for. Called in the thread of the loop, and calls back
/// there.
class SpillStorage {
 public:
  using Done = std::function<void(absl::Status)>;
  using DoneReading = std::function<void(absl::StatusOr<std::string>)>;

  /// `store` and `faults` must outlive it.
  SpillStorage(boost::asio::io_context& loop, std::unique_ptr<SpillPlace> place,
               const StoreSegment& store, const DiskFaults& faults)
      : loop_(loop), place_(std::move(place)), store_(store), faults_(faults) {}
  /// Waits for what is under way; the rest is dropped.
  ~SpillStorage();

  /// After an error nothing of the file is there.
  void Write(object_store::SpillObjects write, Done done);
  /// Into the store's memory.
  void Read(const object_store::RestoreObject& read, Done done);
  void ReadChunk(std::uint64_t file, std::uint64_t offset, std::uint64_t length, DoneReading done);
  void Delete(std::uint64_t file);

 private:
  // In the thread.
  [[nodiscard]] absl::Status WriteFile(const object_store::SpillObjects& write);
  [[nodiscard]] absl::Status ReadInto(std::uint64_t file, std::uint64_t offset,
                                      std::span<std::byte> target);

  boost::asio::io_context& loop_;
  std::unique_ptr<SpillPlace> place_;
  const StoreSegment& store_;
  const DiskFaults& faults_;
  boost::asio::thread_pool thread_{1};
};

}  // namespace mobula::host
