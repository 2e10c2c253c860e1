// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/object_store/spill_manager.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace mobula::object_store {

SpillManager::SpillManager(SpillOptions options)
    : options_(options), file_bytes_(options.file_bytes_min) {}

void SpillManager::Begin(std::vector<SpillPart> parts, Sink& out) {
  CHECK(MayWrite() && !parts.empty());
  Write& write = writing_.emplace(Write{});
  write.file = ++last_file_;
  for (const SpillPart& part : parts) {
    write.places.push_back({write.file, write.bytes});
    write.bytes += part.size;
  }
  out.Spill({write.file, std::move(parts)});
}

std::vector<DiskPlace> SpillManager::End(const ObjectsSpilled& event, Sink& out) {
  CHECK(writing_ && writing_->file == event.file) << "file " << event.file << " is not written";
  const Write write = *std::exchange(writing_, std::nullopt);
  statistics_.failure = event.failure;
  if (!event.failure.empty() && !options_.bugs.Has(Bug::kTrustsFailedWrites)) {
    file_bytes_ = std::min(file_bytes_, write.bytes) / 2;
    resting_ = true;
    Duration delay = options_.retry_min;
    for (std::uint32_t i = 0; i < failures_ && delay < options_.retry_max; ++i) {
      delay = delay + delay;
    }
    ++failures_;
    out.StartSpillTimer(std::min(delay, options_.retry_max));
    return {};
  }
  failures_ = 0;
  file_bytes_ = options_.file_bytes_min;
  files_.emplace(write.file, File{write.bytes, write.places.size()});
  ++statistics_.files;
  statistics_.bytes += write.bytes;
  statistics_.spilled_objects += write.places.size();
  statistics_.spilled_bytes += write.bytes;
  return write.places;
}

void SpillManager::NoteRestored(std::uint64_t bytes) {
  ++statistics_.restored_objects;
  statistics_.restored_bytes += bytes;
}

void SpillManager::DropCopy(const DiskPlace& place) {
  const auto file = files_.find(place.file);
  CHECK(file != files_.end() && file->second.objects > 0) << "file " << place.file;
  --file->second.objects;
  if (options_.bugs.Has(Bug::kDeletesSpilledEarly)) unused_.push_back(place.file);
  if (file->second.objects > 0) return;
  --statistics_.files;
  statistics_.bytes -= file->second.bytes;
  if (!options_.bugs.Has(Bug::kKeepsSpilledFiles)) unused_.push_back(place.file);
  files_.erase(file);
}

void SpillManager::DeleteUnused(Sink& out) {
  for (const std::uint64_t file : std::exchange(unused_, {})) out.Delete({file});
}

std::map<std::uint64_t, std::size_t> SpillManager::Files() const {
  std::map<std::uint64_t, std::size_t> files;
  for (const auto& [number, file] : files_) files.emplace(number, file.objects);
  return files;
}

void SpillManager::CheckInvariants() const {
  CHECK(!(writing_ && resting_));
  CHECK(unused_.empty()) << "file " << unused_.front() << " should have been deleted";
  std::uint64_t bytes = 0;
  for (const auto& [number, file] : files_) {
    CHECK(file.objects > 0) << "file " << number << " is kept for nobody";
    CHECK(!writing_ || number != writing_->file) << "file " << number;
    bytes += file.bytes;
  }
  CHECK(bytes == statistics_.bytes && files_.size() == statistics_.files);
}

}  // namespace mobula::object_store
