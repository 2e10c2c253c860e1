// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "runtime/core/object_store/fan_out.h"
#include "runtime/core/object_store/object_store.h"
#include "runtime/core/object_store/sink.h"

namespace mobula::object_store {

struct PullOptions {
  NodeId node;
  std::uint64_t chunk_bytes = 5ull << 20;
  std::uint32_t chunks_in_flight = 4;
  Duration chunk_timeout = Seconds(2);
  /// How long a pull waits for room in the store; longer while the store is making room.
  Duration room_timeout = Seconds(10);
  FanOutOptions fan_out;
  /// For tests of the tests.
  Bugs bugs;
};

/// Brings copies of objects to this node for processes that fetch them, in chunks from any nodes
/// that have one, and serves the chunks that other nodes ask for. View: one node's.
///
///   process          this node                      peer
///     | FetchObject     |                             |
///     |---------------->| RequestChunk (a window)     |
///     |                 |---------------------------->|
///     |                 |<----- bytes of the chunk ---|  or ChunkUnavailable
///     | ObjectAvailable |                             |
///     |<----------------| ObjectLocationChanged -> owner
///
/// A peer that serves enough others names one of them instead (`FanOut`), its relay for this pull:
/// that is asked while no location serves this node, for chunks that it may have to get itself
/// first. When it fails, or nothing comes of it, the locations are asked again.
///
/// A copy that this node has on disk is brought into memory for a local process; a peer is served
/// from the file.
///
/// State of a pull | meaning                                    | leaves by
/// local           | a process of this node still writes it, or | its seal, or its writer's death;
///                 | the disk reads it                          | HandleRestored
/// waiting         | no room in the store yet                   | room; timeout
/// transferring    | has a buffer, chunks under way             | last chunk; last location gone
/// A pull has at least one waiter; it ends with all of them answered, and is dropped when all of
/// them died.
class PullManager {
 public:
  PullManager(PullOptions options, ObjectStore& store);

  void Fetch(Instant now, const Address& client, const FetchObject& message, Sink& out);
  void HandleChunkReceived(Instant now, const RequestChunk& range, Sink& out);
  void HandleChunkUnavailable(Instant now, NodeId source, const ChunkUnavailable& message,
                              Sink& out);
  void HandleTimer(Instant now, std::uint64_t key, Sink& out);
  /// Answers those that waited for it; or looks for it elsewhere.
  void HandleRestored(Instant now, const ObjectRestored& event, Sink& out);
  void HandleSpilledChunkLost(const SpilledChunkLost& event, Sink& out);
  void HandleNodeDied(Instant now, NodeId node, Sink& out);
  void HandleClientDied(WorkerId client, Sink& out);
  void HandleOwnerDied(WorkerId owner, Sink& out);
  /// The owner freed it: whoever waits is told so.
  void HandleFreed(const Address& owner, ObjectId object, Sink& out);
  /// The id of `object` is used for another incarnation's object from now on: pulls of the old one
  /// fail.
  void HandleSuperseded(const ObjectRef& object, Sink& out);
  /// After anything that changed the store: answers waiters of objects sealed here, and starts
  /// pulls for which there is room now.
  void Update(Instant now, Sink& out);
  /// A peer asks for bytes. Answered after the seal when a process still writes the object: the
  /// word of its completion may have overtaken the seal. Of an object that is being pulled, when
  /// they are here.
  void Serve(Instant now, NodeId peer, const RequestChunk& range, Sink& out);

  void CheckInvariants() const;

 private:
  enum class Phase { kLocal, kWaiting, kTransferring };
  struct Chunk {
    bool received = false;
    /// Nil while nobody is asked.
    NodeId asked;
    Instant asked_at;
  };
  struct Pull {
    std::uint64_t number = 0;
    ObjectRef object;
    std::uint64_t size = 0;
    Phase phase = Phase::kWaiting;
    /// Living nodes said to have a copy, in the order told; removed when one turns out not to.
    std::vector<NodeId> locations;
    std::vector<NodeId> failed_at;
    /// Locations that named somebody else; they are locations again when the relay fails.
    std::vector<NodeId> busy;
    /// Whom the last of them named; nil when none has, or when it failed.
    NodeId relay;
    /// A chunk came since the timer was started.
    bool progressed = false;
    /// One entry per FetchObject.
    std::vector<Address> waiters;
    std::vector<Chunk> chunks;
    std::size_t missing = 0;
    /// The location asked next.
    std::size_t turn = 0;
    /// While it waits for room.
    Instant give_up_at;
  };
  using Table = std::map<ObjectId, Pull>;

  void Advance(Instant now, Table::iterator pull, Sink& out);
  void AwaitRoom(Instant now, Pull& pull, Sink& out);
  void FailForRoom(Table::iterator pull, Sink& out);
  void StartTransfer(Instant now, Pull& pull, Sink& out);
  void AskChunks(Instant now, Pull& pull, Sink& out);
  void Complete(Table::iterator pull, Sink& out);
  void Answer(const Address& client, const Entry& entry, Sink& out);
  void Fail(Table::iterator pull, const ErrorInfo& error, Sink& out);
  void Erase(Table::iterator pull, Sink& out);
  void DropLocation(Instant now, Table::iterator pull, NodeId node, Sink& out);
  void AskInstead(Instant now, Table::iterator pull, NodeId source, NodeId instead, Sink& out);
  static void LeaveRelay(Pull& pull);
  static void TakeBack(Pull& pull, NodeId source);
  [[nodiscard]] bool HasArrived(const Pull& pull, const RequestChunk& range) const;
  void ServeArrived(const Pull& pull, Sink& out);
  void AddLocations(Pull& pull, const std::vector<NodeId>& locations) const;
  void ServeDeferred(Instant now, Sink& out);
  [[nodiscard]] std::uint64_t ChunkLength(const Pull& pull, std::size_t index) const;
  [[nodiscard]] ErrorInfo NowhereError(const Pull& pull) const;

  PullOptions options_;
  ObjectStore& store_;
  /// Added by Fetch of an object that is not complete here; removed when its waiters are answered.
  Table pulls_;
  /// Objects whose pull is local or waiting: what Update looks at.
  std::set<ObjectId> stalled_;
  /// Pulls by number, for timers.
  std::map<std::uint64_t, ObjectId> numbers_;
  /// Chunks asked of objects that a process here still writes. Served by Update.
  std::vector<std::pair<NodeId, RequestChunk>> deferred_;
  /// Chunks asked of objects that are being pulled, which are not here yet. Served as they come.
  std::vector<std::pair<NodeId, RequestChunk>> awaited_;
  FanOut fan_out_;
  /// Added by HandleNodeDied; never removed.
  std::set<NodeId> dead_;
  std::uint64_t next_number_ = 1;
};

}  // namespace mobula::object_store
