// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/memory_use.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace mobula::host {
namespace {

constexpr std::uint64_t kKibibyte = 1024;

/// The number in a file that holds one; nothing also for "max".
std::optional<std::uint64_t> ReadNumber(const std::filesystem::path& file) {
  std::uint64_t number = 0;
  if (std::ifstream(file) >> number) return number;
  return std::nullopt;
}

/// The number behind a name, in a file with a name and a number in each line.
std::uint64_t ReadField(const std::filesystem::path& file, const std::string& name) {
  std::ifstream lines(file);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string word;
    std::uint64_t number = 0;
    if (words >> word && word == name && words >> number) return number;
  }
  return 0;
}

/// Of one control group: how its version calls what is asked.
struct Names {
  const char* limit;
  const char* used;
  /// In memory.stat: the part that is given back first.
  const char* reclaimable;
};
constexpr Names kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
constexpr Names kVersion2{"memory.max", "memory.current", "inactive_file"};

std::optional<MemoryUse> OfGroup(const std::filesystem::path& folder, const Names& names) {
  const auto limit = ReadNumber(folder / names.limit);
  const auto used = ReadNumber(folder / names.used);
  if (!limit || !used) return std::nullopt;
  return MemoryUse{*used - std::min(*used, ReadField(folder / "memory.stat", names.reclaimable)),
                   *limit};
}

}  // namespace

MemoryUse MemoryGauge::OfMachine() const {
  const std::string file = root_ + "/proc/meminfo";
  const std::uint64_t total = ReadField(file, "MemTotal:") * kKibibyte;
  return {total - std::min(total, ReadField(file, "MemAvailable:") * kKibibyte), total};
}

std::vector<MemoryUse> MemoryGauge::All() const {
  std::vector<MemoryUse> all = {OfMachine()};
  std::ifstream lines(root_ + "/proc/self/cgroup");
  std::string line;
  // Such as 4:memory:/a/b, and for version 2: 0::/a/b
  while (std::getline(lines, line)) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string kind = line.substr(first + 1, second - first - 1);
    if (!kind.empty() && kind != "memory") continue;
    const std::string base = root_ + (kind.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory");
    // Each group that it is within may have a limit; a container may see its own as the root only.
    for (std::filesystem::path group = line.substr(second + 1);; group = group.parent_path()) {
      const auto use = OfGroup(base + group.string(), kind.empty() ? kVersion2 : kVersion1);
      if (use) all.push_back(*use);
      if (!group.has_relative_path()) break;
    }
  }
  // Without a limit, a group of version 1 has a number beyond all memory.
  std::erase_if(all, [&](const MemoryUse& use) { return use.limit > all.front().limit; });
  return all;
}

MemoryUse MemoryGauge::Tightest() const {
  const std::vector<MemoryUse> all = All();
  const auto share = [](const MemoryUse& use) {
    return static_cast<double>(use.used) /
           static_cast<double>(std::max<std::uint64_t>(use.limit, 1));
  };
  return *std::ranges::max_element(all, {}, share);
}

std::uint64_t MemoryGauge::Limit() const {
  return std::ranges::min(All(), {}, &MemoryUse::limit).limit;
}

std::uint64_t MemoryGauge::OfProcess(pid_t pid) const {
  return ReadField(absl::StrCat(root_, "/proc/", pid, "/status"), "RssAnon:") * kKibibyte;
}

}  // namespace mobula::host
