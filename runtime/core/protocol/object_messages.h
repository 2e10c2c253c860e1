// SPDX-License-Identifier: Apache-2.0
/// What owners and borrowers say to each other, and processes and raylets about copies in stores.
#pragma once

#include <string>
#include <vector>

#include "runtime/core/protocol/address.h"
#include "runtime/core/protocol/error.h"

namespace mobula {

// Ownership.

enum class ObjectPhase {
  kPending,  ///< Its task has not finished.
  kInline,   ///< `value` is the value (or its error).
  kStored,   ///< In the stores of `locations`.
};
BOOST_DESCRIBE_ENUM(ObjectPhase, kPending, kInline, kStored)

/// What an owner knows of an object's value.
struct ObjectStatus {
  ObjectPhase phase = ObjectPhase::kPending;
  Payload value;
  /// Of a stored object: kValue or kException, bytes, and nodes with a complete copy.
  PayloadKind kind = PayloadKind::kValue;
  std::uint64_t size = 0;
  std::vector<NodeId> locations;
  MOBULA_FIELDS(ObjectStatus, phase, value, kind, size, locations)
};

/// A borrower asks the owner for a value. Answered once it is there.
struct GetObjectStatus {
  ObjectId object;
  /// Nodes from which the asker could not get it: the owner checks them off, and recovers the
  /// object when no copy is left.
  std::vector<NodeId> failed_at;
  MOBULA_FIELDS(GetObjectStatus, object, failed_at)
};
struct ObjectStatusReply {
  ObjectId object;
  ObjectStatus status;
  MOBULA_FIELDS(ObjectStatusReply, object, status)
};
/// `borrower` holds a reference. Sent while the object is surely alive (the sender holds what it
/// came in), which it holds on to until `BorrowerAdded` is back.
struct AddBorrower {
  ObjectId object;
  Address borrower;
  /// Unique per sender; comes back in the answer.
  std::uint64_t request = 0;
  MOBULA_FIELDS(AddBorrower, object, borrower, request)
};
struct BorrowerAdded {
  std::uint64_t request = 0;
  ObjectId object;
  /// The object was no longer known: the reference dangles (its owner is another incarnation).
  bool gone = false;
  MOBULA_FIELDS(BorrowerAdded, request, object, gone)
};
/// Registrations of one borrower that `sponsor` made on its behalf (for a result it would receive).
struct SponsoredCount {
  Address sponsor;
  std::uint64_t count = 0;
  MOBULA_FIELDS(SponsoredCount, sponsor, count)
};
/// `borrower` holds no reference any more.
struct RemoveBorrower {
  ObjectId object;
  Address borrower;
  /// How many registrations (AddBorrower or `retained`) the borrower had heard of when it let go;
  /// the owner ignores the message when more have come since.
  std::uint64_t registrations = 0;
  /// Those among them that others made.
  std::vector<SponsoredCount> sponsored;
  MOBULA_FIELDS(RemoveBorrower, object, borrower, registrations, sponsored)
};
/// Owner to borrower: `sponsor`, which registered the receiver for a result, is dead. Did the
/// result come? Answered by `BorrowerChecked`, as soon as the receiver knows of the death, too.
struct CheckBorrower {
  ObjectId object;
  Address sponsor;
  MOBULA_FIELDS(CheckBorrower, object, sponsor)
};
/// How many of the dead sponsor's registrations the borrower has heard of and not given back. It
/// will hear of no others: the owner strikes those off.
struct BorrowerChecked {
  ObjectId object;
  Address sponsor;
  std::uint64_t registrations = 0;
  MOBULA_FIELDS(BorrowerChecked, object, sponsor, registrations)
};
/// A raylet tells the owner that its node gained or lost a complete copy.
struct ObjectLocationChanged {
  ObjectId object;
  NodeId node;
  bool added = true;
  MOBULA_FIELDS(ObjectLocationChanged, object, node, added)
};

// Object store of a node.

/// A process asks its daemon for room. Answered when there is room; the process writes there and
/// seals.
struct CreateObject {
  std::uint64_t request = 0;
  ObjectRef object;
  std::uint64_t size = 0;
  MOBULA_FIELDS(CreateObject, request, object, size)
};
struct ObjectCreated {
  std::uint64_t request = 0;
  ObjectId object;
  std::uint64_t offset = 0;
  /// kObjectStoreFull, kOutOfDisk, kOwnerDied, or kInvalid when it exists already.
  ErrorInfo error;
  MOBULA_FIELDS(ObjectCreated, request, object, offset, error)
};
/// The content is complete and will not change. This node holds the primary copy until the owner
/// frees it. The writer may wait with it until somebody else can ask for the object.
struct SealObject {
  ObjectId object;
  MOBULA_FIELDS(SealObject, object)
};
/// Gets a copy to this node, from any of `locations`, and pins it for the sender. Answered by
/// `ObjectAvailable`, or by `ObjectUnavailable` when every location failed, or (kObjectStoreFull,
/// kOutOfDisk) when there was no room here for too long.
struct FetchObject {
  ObjectRef object;
  std::uint64_t size = 0;
  std::vector<NodeId> locations;
  MOBULA_FIELDS(FetchObject, object, size, locations)
};
/// Pinned for the receiver until it sends `ReleaseObject`.
struct ObjectAvailable {
  ObjectId object;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  MOBULA_FIELDS(ObjectAvailable, object, offset, size)
};
struct ObjectUnavailable {
  ObjectId object;
  std::vector<NodeId> failed_at;
  ErrorInfo error;
  MOBULA_FIELDS(ObjectUnavailable, object, failed_at, error)
};
/// Ends one pin (one `ObjectAvailable`).
struct ReleaseObject {
  ObjectId object;
  MOBULA_FIELDS(ReleaseObject, object)
};
/// Owner to raylet: no reference is left anywhere. The copy goes as soon as nobody has it mapped.
struct FreeObject {
  ObjectId object;
  MOBULA_FIELDS(FreeObject, object)
};

/// To the processes that have mapped or are writing objects: the store is full, and nothing else
/// can be done about it than that they let go of what they do not need yet, and seal what they have
/// written.
struct RoomWanted {
  MOBULA_FIELDS(RoomWanted)
};

/// Raylet to raylet: send these bytes of a sealed object. The bytes come on the chunk stream.
struct RequestChunk {
  ObjectId object;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  MOBULA_FIELDS(RequestChunk, object, offset, length)
};
/// There is no such copy here; or there is, and others are being served.
struct ChunkUnavailable {
  ObjectId object;
  /// Nil: no such copy. Else one of those others, which passes on what it gets.
  NodeId instead;
  MOBULA_FIELDS(ChunkUnavailable, object, instead)
};

}  // namespace mobula
