// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/host/local/fd.h"

namespace mobula::host {

/// How much of a log is kept.
struct LogLimits {
  /// Of one file; 0: it grows without end.
  std::uint64_t bytes_max = 64 << 20;
  /// Files with what came before.
  std::uint32_t older_max = 3;
};

/// Makes room for a new log under that name: it becomes PATH.1, what was PATH.1 becomes PATH.2, and
/// the oldest goes.
void MoveAside(const std::string& path, std::uint32_t older_max);

/// A log that is appended to until it is full, and then continued in a new file of the same name.
/// No line is divided between files, unless it is longer than a file may be.
class RotatingFile {
 public:
  RotatingFile(std::string path, const LogLimits& limits);

  /// What cannot be written, on a full disk, is lost.
  void Write(std::string_view text);

 private:
  void Open();
  [[nodiscard]] bool IsFull(std::size_t more) const;
  void Append(std::string_view text) const;

  std::string path_;
  LogLimits limits_;
  Fd file_;
  std::uint64_t bytes_ = 0;
  bool at_line_start_ = true;
};

/// The same for this process's standard output and error, where they are a file: it is looked at
/// now, and moved aside when it is full.
void RotateOwnLog(const LogLimits& limits);

}  // namespace mobula::host
