// SPDX-License-Identifier: Apache-2.0
#include "sim/spill_files.h"

#include <utility>

namespace mobula::sim {

void SpillFiles::Write(const object_store::SpillObjects& write, StoreMemory& memory, bool keeps) {
  File file{BytesOf(write), {}};
  if (keeps) file.content.reserve(file.bytes);
  for (const object_store::SpillPart& part : write.parts) {
    const std::byte* const begin = memory.At(part.store_offset, part.size);
    if (keeps) file.content.insert(file.content.end(), begin, begin + part.size);
  }
  bytes_ += file.bytes;
  files_[write.file] = std::move(file);
}

std::optional<std::vector<std::byte>> SpillFiles::Read(std::uint64_t file, std::uint64_t offset,
                                                       std::uint64_t size) const {
  const auto found = files_.find(file);
  if (found == files_.end() || found->second.content.size() < offset + size) return std::nullopt;
  const auto begin = found->second.content.begin() + static_cast<std::ptrdiff_t>(offset);
  return std::vector<std::byte>(begin, begin + static_cast<std::ptrdiff_t>(size));
}

void SpillFiles::Delete(std::uint64_t file) {
  const auto found = files_.find(file);
  if (found == files_.end()) return;
  bytes_ -= found->second.bytes;
  files_.erase(found);
}

std::uint64_t BytesOf(const object_store::SpillObjects& write) {
  std::uint64_t bytes = 0;
  for (const object_store::SpillPart& part : write.parts) bytes += part.size;
  return bytes;
}

}  // namespace mobula::sim
