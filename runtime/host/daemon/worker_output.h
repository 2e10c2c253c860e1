// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/host/daemon/rotating_file.h"
#include "runtime/host/local/fd.h"

namespace mobula::host {

/// What one process writes to its standard output or error: appended to a file as it is, and handed
/// over line by line (valid UTF-8, without the ends of lines). View: one pipe's, from the process's
/// start.
class WorkerOutput : public std::enable_shared_from_this<WorkerOutput> {
 public:
  using OnLines = std::function<void(std::vector<std::string>)>;

  WorkerOutput(boost::asio::io_context& loop, Fd pipe, RotatingFile file, OnLines on_lines);
  ~WorkerOutput();

  void Start();
  /// Reads what is there, hands over an unfinished last line too, and stops: the process has ended.
  /// (Its own children may keep the pipe open for long.)
  void Finish();

 private:
  void AwaitReadable();
  bool Read();
  void HandOver(bool all);

  Fd pipe_;
  boost::asio::posix::stream_descriptor waiter_;
  RotatingFile file_;
  OnLines on_lines_;
  std::string pending_;
};

/// `text` with each byte that is no part of valid UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string ToValidUtf8(std::string_view text);

}  // namespace mobula::host
