// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/log_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <map>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/host/local/fd.h"

namespace mobula::host {
namespace {

HttpAnswer List(const std::string& folder) {
  std::map<std::string, std::uint64_t> sizes;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    struct stat facts{};
    if (lstat(entry.path().c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
    sizes[entry.path().filename().string()] = static_cast<std::uint64_t>(facts.st_size);
  }
  boost::json::array files;
  for (const auto& [name, bytes] : sizes) files.push_back({{"name", name}, {"bytes", bytes}});
  return {200, "application/json", boost::json::serialize(files) + "\n"};
}

}  // namespace

HttpAnswer AnswerLogs(const std::string& folder, const std::string& path) {
  if (path == "/logs") return List(folder);
  // "", "logs", the file, the offset.
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  std::uint64_t offset = 0;
  if (parts.size() < 3 || parts.size() > 4 || parts[2].empty() || parts[2][0] == '.' ||
      (parts.size() == 4 && !absl::SimpleAtoi(parts[3], &offset))) {
    return {404, "text/plain", "not here; there are /logs /logs/FILE /logs/FILE/OFFSET\n"};
  }
  const std::string file = absl::StrCat(folder, "/", parts[2]);
  const Fd log(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat facts{};
  if (!log.IsOpen() || fstat(log.Get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return {404, "text/plain", "there is no such log; /logs lists those there are\n"};
  }
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  if (parts.size() == 3) offset = size - std::min(size, kLogPartBytes);
  std::string text(offset < size ? std::min(size - offset, kLogPartBytes) : 0, '\0');
  const ssize_t read = pread(log.Get(), text.data(), text.size(), static_cast<off_t>(offset));
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(read, 0)));
  return {200, "text/plain; charset=utf-8", std::move(text)};
}

}  // namespace mobula::host
