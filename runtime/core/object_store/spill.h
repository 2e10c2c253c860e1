// SPDX-License-Identifier: Apache-2.0
/// What a node's store says to its disk, and hears from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/core/protocol/messages.h"

namespace mobula::object_store {

// Effects. A host carries them out in the order in which they come.

/// A range of the store's memory that holds an object.
struct SpillPart {
  ObjectId object;
  std::uint64_t store_offset = 0;
  std::uint64_t size = 0;
  MOBULA_FIELDS(SpillPart, object, store_offset, size)
};
/// Write the parts, one after the other, to a new file. `ObjectsSpilled` follows; the memory stays
/// as it is until then.
struct SpillObjects {
  /// A number that this node has never used before; above 0.
  std::uint64_t file = 0;
  std::vector<SpillPart> parts;
  MOBULA_FIELDS(SpillObjects, file, parts)
};
/// Read [file_offset, +size) of the file into the store's memory. `ObjectRestored` follows.
struct RestoreObject {
  ObjectId object;
  /// Comes back with the answer.
  std::uint64_t copy = 0;
  std::uint64_t file = 0;
  std::uint64_t file_offset = 0;
  std::uint64_t size = 0;
  std::uint64_t store_offset = 0;
  MOBULA_FIELDS(RestoreObject, object, copy, file, file_offset, size, store_offset)
};
/// Nothing in the file is needed any more. Not answered: the next write comes after it.
struct DeleteSpilled {
  std::uint64_t file = 0;
  MOBULA_FIELDS(DeleteSpilled, file)
};

// Events.

/// The file is written; or nothing of it is there, and `failure` says to people what happened to
/// which file.
struct ObjectsSpilled {
  std::uint64_t file = 0;
  std::string failure;
  MOBULA_FIELDS(ObjectsSpilled, file, failure)
};
/// The memory is filled; or `failure` says why not.
struct ObjectRestored {
  ObjectId object;
  std::uint64_t copy = 0;
  std::string failure;
  MOBULA_FIELDS(ObjectRestored, object, copy, failure)
};
/// A chunk that was to be sent to `target` from a file could not be read. (Nothing is said of those
/// that could.)
struct SpilledChunkLost {
  NodeId target;
  ObjectId object;
  std::uint64_t file = 0;
  std::string failure;
  MOBULA_FIELDS(SpilledChunkLost, target, object, file, failure)
};

}  // namespace mobula::object_store
