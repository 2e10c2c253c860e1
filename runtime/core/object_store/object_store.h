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
#include "runtime/core/object_store/spill_manager.h"

namespace mobula::object_store {

struct Options {
  NodeId node;
  /// For error messages.
  std::string node_name;
  std::uint64_t capacity = 0;
  std::uint64_t alignment = 64;
  Duration create_timeout = Seconds(10);
  SpillOptions spill;
  /// For tests of the tests.
  Bugs bugs;
};

enum class ObjectState {
  kWriting,    ///< A process of this node fills the buffer.
  kPulling,    ///< Chunks from another node fill it.
  kSealed,     ///< Complete; does not change any more.
  kSpilled,    ///< Complete, on disk only.
  kRestoring,  ///< The disk fills the buffer.
};

/// What to tell a user of an object that failed.
inline ErrorInfo ObjectError(ErrorKind kind, ObjectId object, std::string message) {
  ErrorInfo error;
  error.kind = kind;
  error.object = object;
  error.message = std::move(message);
  return error;
}

inline ErrorInfo OwnerDiedError(ObjectId object, WorkerId owner) {
  return ObjectError(ErrorKind::kOwnerDied, object,
                     "The owner of object " + object.Hex() + " died: worker " + owner.Hex() + ".");
}

/// One object of this node's store.
struct Entry {
  ObjectRef object;
  /// Tells this copy from others that the id had here.
  std::uint64_t copy = 0;
  /// Of the buffer; meaningless while spilled.
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
  /// The disk writes its buffer to a file or fills it from one: it stays where it is until then.
  bool disk_at_work = false;
  /// Since it was spilled: what is in memory is a copy of that from then on.
  std::optional<DiskPlace> on_disk;
  /// Grows with each use; the key in the orders of eviction and spilling.
  std::uint64_t last_use = 0;

  [[nodiscard]] bool HasBuffer() const { return state != ObjectState::kSpilled; }
  [[nodiscard]] bool IsInUse() const { return !pins.empty() || disk_at_work; }
};

/// The index of a node's object store: which ranges of the segment hold which objects, and who uses
/// them. View: one node's. Pure: it never touches the bytes.
///
/// State of an entry | meaning                       | leaves by
/// writing           | buffer handed to a process    | Seal; freed when the writer dies
/// pulling           | buffer of a pull              | FinishPull; AbandonPull
/// sealed            | complete                      | Free (owner), owner's death, eviction
/// spilled           | complete, on disk only        | StartRestore; Free, owner's death
/// restoring         | a read of the disk fills it   | FinishRestore
///
///   create, pull or restore without room -> SpillObjects -> ObjectsSpilled -> evictable
///   a process fetches it -> RestoreObject -> ObjectRestored -> pinned, then evictable
///
/// Who needs room gets it from, in this order: free memory; copies that may be evicted, the least
/// recently used first: sealed, used by nobody, and either secondary or on disk as well; spilling,
/// which makes more of those: primary copies that nobody uses are written to a file; processes,
/// which are asked to let go of what they have mapped before they need it. An object in use
/// (pinned, or the disk is at work on it) keeps its buffer. A primary copy is in memory, on disk,
/// freed by its owner, or its owner was told that it is lost (it could not be read from there).
///
/// Ray counterpart: plasma's object lifecycle manager with the create request queue, and
/// LocalObjectManager.
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
  /// The same for `first` and all later returns of its task that are complete: what is being
  /// written belongs to another attempt.
  void FreeItems(const Address& owner, ObjectId first, Sink& out);
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
  /// Has a spilled object read into memory; false when there is no room now. REQUIRES: spilled.
  bool StartRestore(ObjectId object, Sink& out);
  /// Sealed again; or lost here, of which its owner is told. Whoever waits for it takes it before
  /// `ServeWaiting`, or its room may be given away.
  void FinishRestore(const ObjectRestored& event, Sink& out);
  void HandleSpilled(const ObjectsSpilled& event, Sink& out);
  void HandleSpillTimer(Sink& out);
  /// The copy in this file cannot be read.
  void LoseOnDisk(ObjectId object, std::uint64_t file, Sink& out);
  /// Gives room to those that wait for it, in order.
  void ServeWaiting(Sink& out);
  /// At the end of an event: deletes files that nobody needs; if somebody found no room, spills, or
  /// asks those who have objects mapped.
  void UseDisk(Sink& out);
  /// Marks a use, for the eviction order.
  void Touch(ObjectId object);
  /// Offers free ranges of at least `size_min` bytes to the operating system.
  void DiscardFree(std::uint64_t size_min, Sink& out) const;

  /// Null when it is not here.
  [[nodiscard]] const Entry* Find(ObjectId object) const;
  [[nodiscard]] const std::map<ObjectId, Entry>& Entries() const { return entries_; }
  /// Whether a copy, perhaps of an earlier incarnation, is kept for this process.
  [[nodiscard]] bool IsPinned(ObjectId object, WorkerId client) const;
  /// Objects are being spilled, so that there will be more room soon.
  [[nodiscard]] bool IsMakingRoom() const { return spills_.IsMakingRoom(); }
  [[nodiscard]] const SpillStatistics& Spilling() const { return spills_.Statistics(); }
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
  /// After any change of a complete entry: frees it when it is doomed and unused, else puts it into
  /// or takes it out of the orders of eviction and spilling.
  void Settle(Table::iterator entry);
  void Remove(Table::iterator entry);
  void Lose(Table::iterator entry, Sink& out);
  /// Gives back what the entry takes of memory and disk.
  void GiveBack(const Entry& entry);
  void TakeFromOrders(const Entry& entry);
  /// Whatever nobody uses.
  void Spill(Sink& out);
  void AskForRoom(Sink& out);
  void MoveAside(Table::iterator entry);
  void DropUnusedAside();
  /// The end when the copy was put aside.
  Table::iterator FindCopy(ObjectId object, std::uint64_t copy);
  /// The disk is done with a copy; REQUIRES: it was at work on it.
  Entry& EndDiskWork(ObjectId object, std::uint64_t copy);
  void SettleAfterDisk(ObjectId object, std::uint64_t copy);

  Options options_;
  Allocator allocator_;
  Table entries_;
  /// Sealed copies in memory that nobody uses by last use: the secondary and the spilled ones, and
  /// the others. Kept by Settle.
  std::map<std::uint64_t, ObjectId> evictable_;
  std::uint64_t evictable_bytes_ = 0;
  std::map<std::uint64_t, ObjectId> spillable_;
  /// Copies of a dead incarnation's objects whose id was created again while they were still
  /// mapped. Added by MoveAside; removed with their last pin.
  std::vector<Entry> aside_;
  /// Processes were asked to let go of what they have mapped and to seal what they have written,
  /// and none has been given anything since.
  bool room_asked_ = false;
  CreateQueue waiting_;
  SpillManager spills_;
  /// What the write under way writes: objects and their copies. Added by UseDisk.
  std::vector<std::pair<ObjectId, std::uint64_t>> spilling_;
  /// In this event somebody found no room.
  bool needs_room_ = false;
  std::uint64_t uses_ = 0;
  std::uint64_t copies_ = 0;
};

}  // namespace mobula::object_store
