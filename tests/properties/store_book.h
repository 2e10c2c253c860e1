// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "sim/world.h"
#include "tests/properties/case.h"

namespace mobula::properties {

/// What is written in the course of a run, and so whether its stores and disks can have been full.
///
///   the store is full   | true when nothing is spilled (or the disk may be full or fails, or a
///                       | task with its arguments hardly fits, or somebody may have stood still
///                       | with what it had mapped), and all that was ever written can fill it
///   out of disk         | true when a disk fault was on that node, or all that was ever written
///                       | can fill the disk
class StoreBook {
 public:
  StoreBook(const sim::World& world, const ClusterShape& shape) : world_(world), shape_(shape) {}

  /// A value with so many numbers is about to be written.
  void Writes(std::uint64_t numbers);
  /// Empty when the error is true; else why not. REQUIRES: kObjectStoreFull or kOutOfDisk.
  [[nodiscard]] std::string Doubt(const ErrorInfo& error) const;
  /// What was spilled on some node may have become unreadable.
  [[nodiscard]] bool DiskMayHaveLost() const;

 private:
  /// One object more may find no hole, if everything that was ever written is still there, in the
  /// worst places.
  [[nodiscard]] bool StoreMayBeFull() const;
  [[nodiscard]] bool DiskMayBeFull() const { return bytes_ > shape_.DiskBytes(); }
  /// Writes to spill files of the node that the error names may have failed.
  [[nodiscard]] bool DiskMayHaveFailed(const ErrorInfo& error) const;
  [[nodiscard]] bool SomebodyStoodStill() const;

  const sim::World& world_;
  const ClusterShape& shape_;
  // Of values that do not travel inline.
  std::uint64_t count_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace mobula::properties
