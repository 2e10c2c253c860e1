// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "runtime/host/daemon/spawn.h"
#include "runtime/host/local/fd.h"
#include "runtime/host/storage/spill_place.h"

namespace mobula::host {

/// Any place that Python's fsspec can write to, such as s3://bucket/folder. A process of its own
/// does that; it is started when it is first needed, and again after it has died. It speaks lines
/// of JSON over the socket in MOBULA_SPILL_FD, one question at a time:
///
///   daemon -> helper  {"op":"write","file":N,"size":N}, then so many bytes
///                     {"op":"read","file":N,"offset":N,"size":N}  {"op":"delete","file":N}
///   helper -> daemon  {"error":TEXT}, empty when it is done; after a read that is, the bytes
///
/// When the socket closes, however the daemon ended, the helper removes what is left and exits.
class SpillHelper final : public SpillPlace {
 public:
  struct Options {
    /// Its argv; the place and the folder for this node within it are appended.
    std::vector<std::string> command;
    std::string place;
    std::string folder;
    /// Its own output.
    std::string log_file;
  };

  explicit SpillHelper(Options options) : options_(std::move(options)) {}
  ~SpillHelper() override;

  [[nodiscard]] const std::string& Name() const override { return options_.place; }
  [[nodiscard]] absl::Status Write(std::uint64_t file,
                                   const std::vector<std::span<const std::byte>>& parts) override;
  [[nodiscard]] absl::Status Read(std::uint64_t file, std::uint64_t offset,
                                  std::span<std::byte> target) override;
  void Delete(std::uint64_t file) override;
  void Interrupt() override;

 private:
  [[nodiscard]] absl::Status Start();
  [[nodiscard]] absl::Status Ask(const std::string& question,
                                 const std::vector<std::span<const std::byte>>& parts,
                                 std::span<std::byte> target);
  [[nodiscard]] absl::Status Exchange(const std::string& question,
                                      const std::vector<std::span<const std::byte>>& parts,
                                      std::span<std::byte> target);
  [[nodiscard]] absl::Status Send(std::span<const std::byte> bytes);
  [[nodiscard]] absl::Status Receive(std::span<std::byte> bytes);
  /// Lets go of a helper that has died, or should.
  void Abandon();

  Options options_;
  SpawnedProcess process_;
  /// Guards the two below, which `Interrupt` uses.
  std::mutex mutex_;
  Fd socket_;
  bool interrupted_ = false;
};

}  // namespace mobula::host
