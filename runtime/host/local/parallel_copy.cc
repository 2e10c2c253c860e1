// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/local/parallel_copy.h"

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

namespace mobula::host {
namespace {

/// A thread takes some 30 us to start, in which it would have copied a fraction of this.
constexpr std::size_t kLeastPerThread = std::size_t{8} << 20;
/// Few threads fill the memory bus; more of them only take processors from workers.
constexpr std::size_t kMostThreads = 8;

}  // namespace

void ParallelCopy(std::span<std::byte> target, std::span<const std::byte> source) {
  const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t parts = std::clamp(source.size() / kLeastPerThread, std::size_t{1},
                                       std::min(processors, kMostThreads));
  // The last part takes what does not divide, and is copied here.
  const std::size_t part = source.size() / parts;
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i + 1 < parts; ++i) {
    threads.emplace_back([to = target.data() + i * part, from = source.data() + i * part, part] {
      std::memcpy(to, from, part);
    });
  }
  const std::size_t rest = source.size() - (parts - 1) * part;
  if (rest > 0) std::memcpy(target.last(rest).data(), source.last(rest).data(), rest);
}

}  // namespace mobula::host
