// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/deliberate_bugs.h"
#include "runtime/core/object_store/allocator.h"
#include "runtime/core/object_store/create_queue.h"
#include "runtime/core/object_store/sink.h"

namespace mobula::object_store {

struct Options {
  NodeId node;
  /// For error messages.
  std::string node_name;
  std::uint64_t capacity = 0;
  std::uint64_t alignment = 64;
  Duration create_timeout = Seconds(10);
  /// For tests of the tests.
  Bugs bugs;
};

enum class ObjectState {
  kWriting,  ///< A process of this node fills the buffer.
  kPulling,  ///< Chunks from another node fill it.
  kSealed,   ///< Complete; does not change any more.
};

/// What to tell a user of an object that failed.
inline ErrorInfo ObjectError(ErrorKind kind, ObjectId object, std::string message) {
  ErrorInfo error;
  error.kind = kind;
  error.object = object;
  error.message = std::move(message);
  return error;
}

/// One object of this node's store.
struct Entry {
  ObjectRef object;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  ObjectState state = ObjectState::kWriting;
  /// Sealed here rather than pulled: stays until the owner frees it.
  bool primary = false;
  /// The owner freed it, or is dead: it goes with the last pin.
  bool doomed = false;
  /// Who writes it; nil otherwise.
  WorkerId writer;
  /// Pins per process. Added by Pin, removed by Release and the process's death.
  std::map<WorkerId, std::uint32_t> pins;
  /// Grows with each use; the key in the eviction order.
  std::uint64_t last_use = 0;
};

/// The index of a node's object store: which ranges of the segment hold which objects, and who uses
/// them. View: one node's. Pure: it never touches the bytes.
///
/// State of an entry | meaning                       | leaves by
/// writing           | buffer handed to a process    | Seal; freed when the writer dies
/// pulling           | buffer of a pull              | FinishPull; AbandonPull
/// sealed            | complete                      | Free (owner), owner's death, eviction
///
/// Only a sealed, unpinned copy that is not primary may be evicted; the least recently used goes
/// first. Ray counterpart: plasma's object lifecycle manager with the create request queue.
class ObjectStore {
 public:
  explicit ObjectStore(Options options);

  /// Answers with `ObjectCreated` now, or once there is room, or with an error at the timeout.
  void Create(const Address& client, const CreateObject& message, Sink& out);
  void HandleCreateTimer(std::uint64_t key, Sink& out);
  /// Ignored, and false, when `client` is not its writer.
  bool Seal(WorkerId client, ObjectId object, Sink& out);
  /// From the owner: the copy goes once it is written and unpinned.
  void Free(const Address& owner, ObjectId object, Sink& out);
  /// Keeps the copy until a Release of the same client. REQUIRES: sealed.
  void Pin(WorkerId client, ObjectId object);
  void Release(WorkerId client, ObjectId object, Sink& out);
  void HandleClientDied(WorkerId client, Sink& out);
  void HandleOwnerDied(WorkerId owner, Sink& out);

  /// Makes place for `object` when its id is taken by a copy that its owner freed or that belongs
  /// to another incarnation of the owner. REQUIRES: that copy is not being pulled.
  void Supersede(const ObjectRef& object);
  /// Room for a pulled copy; false when there is none now. REQUIRES: not in the store.
  bool StartPull(const ObjectRef& object, std::uint64_t size, Sink& out);
  void FinishPull(ObjectId object);
  void AbandonPull(ObjectId object, Sink& out);
  /// Marks a use, for the eviction order.
  void Touch(ObjectId object);
  /// Offers free ranges of at least `size_min` bytes to the operating system.
  void DiscardFree(std::uint64_t size_min, Sink& out) const;

  /// Null when it is not here.
  [[nodiscard]] const Entry* Find(ObjectId object) const;
  [[nodiscard]] const std::map<ObjectId, Entry>& Entries() const { return entries_; }
  /// Whether a copy, perhaps of an earlier incarnation, is kept for this process.
  [[nodiscard]] bool IsPinned(ObjectId object, WorkerId client) const;
  /// Whether an empty store would have room.
  [[nodiscard]] bool CanHold(std::uint64_t size) const;
  /// What to tell a user for whom there was no room, and what would help.
  [[nodiscard]] ErrorInfo FullError(ObjectId object, std::uint64_t size) const;
  void CheckInvariants() const;

 private:
  using Table = std::map<ObjectId, Entry>;

  Entry& Add(const ObjectRef& object, std::uint64_t offset, std::uint64_t size);
  bool AnswerExisting(const Address& client, const CreateObject& message, Sink& out);
  bool TryCreate(const Address& client, const CreateObject& message, Sink& out);
  std::optional<std::uint64_t> AllocateEvicting(std::uint64_t size, Sink& out);
  void EvictOldest(Sink& out);
  void ServeWaiting(Sink& out);
  /// After any change of a sealed entry: frees it when it is doomed and unused, else puts it into
  /// or takes it out of the eviction order.
  void Settle(Table::iterator entry);
  void Remove(Table::iterator entry);
  void TakeFromEvictable(const Entry& entry);
  void MoveAside(Table::iterator entry);
  void DropUnusedAside();

  Options options_;
  Allocator allocator_;
  Table entries_;
  /// Sealed, unpinned secondary copies by last use. Kept by Settle.
  std::map<std::uint64_t, ObjectId> evictable_;
  std::uint64_t evictable_bytes_ = 0;
  /// Copies of a dead incarnation's objects whose id was created again while they were still
  /// mapped. Added by MoveAside; removed with their last pin.
  std::vector<Entry> aside_;
  CreateQueue waiting_;
  std::uint64_t uses_ = 0;
};

}  // namespace mobula::object_store
