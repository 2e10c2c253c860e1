// SPDX-License-Identifier: Apache-2.0
// Tests run side by side, some of them twice on one machine, so none may write to a fixed path.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "runtime/base/check.h"

namespace mobula {

/// A new, empty folder below TMPDIR that nobody else uses; removed, with what is in it, at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(std::filesystem::temp_directory_path() / "mobula-test-XXXXXX") {
    CHECK(mkdtemp(path_.data()) != nullptr) << "no temporary folder " << path_;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::string& Path() const { return path_; }
  [[nodiscard]] std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace mobula
