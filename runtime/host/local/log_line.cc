// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/local/log_line.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <mutex>
#include <string>

namespace mobula::host {
namespace {

std::mutex mutex;
std::string node_tag;

/// UTC, to the millisecond.
std::string Now() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> date;
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 48> text;
  std::snprintf(text.data(), text.size(), "%s.%03dZ ", date.data(), static_cast<int>(milliseconds));
  return text.data();
}

}  // namespace

void SetLogNode(NodeId node) {
  const std::lock_guard lock(mutex);
  node_tag = "node=" + node.Hex() + " ";
}

void LogLine(std::string_view text) {
  const std::lock_guard lock(mutex);
  std::string line = Now() + node_tag + "mobulad: ";
  line.append(text).append("\n");
  // In one piece: others write there, too.
  std::cerr << line << std::flush;
}

}  // namespace mobula::host
