// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "runtime/host/local/fd.h"
#include "runtime/host/storage/spill_place.h"

namespace mobula::host {

/// A folder of this host. The files have no names: whatever ends the daemon, nothing is left
/// behind. The folder is made when first needed.
class SpillFolder final : public SpillPlace {
 public:
  explicit SpillFolder(std::string folder) : folder_(std::move(folder)) {}

  [[nodiscard]] const std::string& Name() const override { return folder_; }
  [[nodiscard]] absl::Status Write(std::uint64_t file,
                                   const std::vector<std::span<const std::byte>>& parts) override;
  [[nodiscard]] absl::Status Read(std::uint64_t file, std::uint64_t offset,
                                  std::span<std::byte> target) override;
  void Delete(std::uint64_t file) override { files_.erase(file); }
  /// Local disks answer by themselves.
  void Interrupt() override {}

 private:
  [[nodiscard]] absl::StatusOr<Fd> NewFile() const;

  std::string folder_;
  std::map<std::uint64_t, Fd> files_;
};

}  // namespace mobula::host
