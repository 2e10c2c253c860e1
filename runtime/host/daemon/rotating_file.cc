// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/rotating_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"

namespace mobula::host {
namespace {

constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
constexpr mode_t kMode = 0644;

}  // namespace

void MoveAside(const std::string& path, std::uint32_t older_max) {
  const auto older = [&](std::uint32_t number) { return absl::StrCat(path, ".", number); };
  for (std::uint32_t number = older_max; number > 1; --number) {
    (void)std::rename(older(number - 1).c_str(), older(number).c_str());
  }
  if (older_max > 0) {
    (void)std::rename(path.c_str(), older(1).c_str());
  } else {
    (void)unlink(path.c_str());
  }
}

RotatingFile::RotatingFile(std::string path, const LogLimits& limits)
    : path_(std::move(path)), limits_(limits) {
  Open();
}

void RotatingFile::Open() {
  file_ = Fd(open(path_.c_str(), kFlags, kMode));
  struct stat facts{};
  bytes_ = fstat(file_.Get(), &facts) == 0 ? static_cast<std::uint64_t>(facts.st_size) : 0;
}

void RotatingFile::Write(std::string_view text) {
  std::size_t begin = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const std::size_t next = std::min(text.find('\n', end), text.size() - 1) + 1;
    if (IsFull(next - end)) {
      Append(text.substr(begin, end - begin));
      MoveAside(path_, limits_.older_max);
      Open();
      begin = end;
    }
    bytes_ += next - end;
    at_line_start_ = text[next - 1] == '\n';
    end = next;
  }
  Append(text.substr(begin));
}

bool RotatingFile::IsFull(std::size_t more) const {
  if (limits_.bytes_max == 0 || bytes_ == 0) return false;
  // Whoever never ends a line has it divided.
  return at_line_start_ ? bytes_ + more > limits_.bytes_max : bytes_ > 2 * limits_.bytes_max;
}

void RotatingFile::Append(std::string_view text) const {
  if (text.empty()) return;
  [[maybe_unused]] const ssize_t written = write(file_.Get(), text.data(), text.size());
}

void RotateOwnLog(const LogLimits& limits) {
  struct stat facts{};
  if (limits.bytes_max == 0 || fstat(STDERR_FILENO, &facts) != 0 || !S_ISREG(facts.st_mode) ||
      static_cast<std::uint64_t>(facts.st_size) <= limits.bytes_max) {
    return;
  }
  std::array<char, PATH_MAX> path;
  const ssize_t size = readlink("/proc/self/fd/2", path.data(), path.size());
  if (size <= 0 || size == static_cast<ssize_t>(path.size())) return;
  const std::string name(path.data(), static_cast<std::size_t>(size));
  struct stat named{};
  // It may have been removed, or somebody else may have put another in its place.
  if (stat(name.c_str(), &named) != 0 || named.st_ino != facts.st_ino) return;
  MoveAside(name, limits.older_max);
  const Fd file(open(name.c_str(), kFlags, kMode));
  if (!file.IsOpen()) return;
  struct stat output{};
  if (fstat(STDOUT_FILENO, &output) == 0 && output.st_ino == facts.st_ino) {
    (void)dup2(file.Get(), STDOUT_FILENO);
  }
  (void)dup2(file.Get(), STDERR_FILENO);
}

}  // namespace mobula::host
