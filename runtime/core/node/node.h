// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/core/gcs/gcs.h"
#include "runtime/core/link/link.h"
#include "runtime/core/raylet/raylet.h"

namespace mobula::node {

// Events: besides the raylet's own.

/// A process of this node wrote to somebody.
struct EnvelopeSent {
  Envelope envelope;
  MOBULA_FIELDS(EnvelopeSent, envelope)
};
struct FrameReceived {
  link::Frame frame;
  MOBULA_FIELDS(FrameReceived, frame)
};
/// The transport to `peer` broke or could not be made. `refused`: its host answered that nobody
/// listens.
struct LinkBroken {
  NodeId peer;
  std::string reason;
  bool refused = false;
  MOBULA_FIELDS(LinkBroken, peer, reason, refused)
};

/// The GCS of this node is gone, without the rest of the daemon (a fault; in the real world it has
/// a process of its own). Until GcsStarted, what is sent to it is lost.
struct GcsCrashed {
  MOBULA_FIELDS(GcsCrashed)
};
/// The log of the GCS was read: it begins with these records. Comes first on a node whose GCS has a
/// log, and after each GcsCrashed.
struct GcsStarted {
  gcs::LogRecords records;
  MOBULA_FIELDS(GcsStarted, records)
};

using Event =
    std::variant<EnvelopeSent, FrameReceived, LinkBroken, TimerFired, raylet::NodeStarted,
                 raylet::ProcessExited, raylet::ProcessOutput, raylet::ChunkReceived,
                 raylet::StopRequested, object_store::ObjectsSpilled, object_store::ObjectRestored,
                 object_store::SpilledChunkLost, raylet::MemoryMeasured, GcsCrashed, GcsStarted,
                 gcs::LogSynced, gcs::LogFailed>;

// Effects.

/// Hand it to a process of this node.
struct DeliverLocal {
  WorkerId worker;
  Envelope envelope;
  MOBULA_FIELDS(DeliverLocal, worker, envelope)
};
/// To the daemon at `address` (host:port in the real world), over the stream that is open or a new
/// one. No address: only over the stream on which that daemon was heard.
struct SendFrame {
  std::string address;
  link::Frame frame;
  MOBULA_FIELDS(SendFrame, address, frame)
};
/// Bytes of an object for the daemon at `address`.
struct SendChunkTo {
  std::string address;
  raylet::SendChunk chunk;
  MOBULA_FIELDS(SendChunkTo, address, chunk)
};
/// The peer is dead for ever: close what is open to it.
struct CloseLink {
  NodeId peer;
  MOBULA_FIELDS(CloseLink, peer)
};

using Effect =
    std::variant<DeliverLocal, SendFrame, SendChunkTo, CloseLink, StartTimer, raylet::StartProcess,
                 raylet::KillProcess, raylet::DiscardMemory, object_store::SpillObjects,
                 object_store::RestoreObject, object_store::DeleteSpilled, raylet::MeasureMemory,
                 raylet::Fenced, raylet::Stopped, gcs::ClusterEvent, gcs::WriteLog>;
using Effects = std::vector<Effect>;

/// The link to one other daemon, for tools.
struct LinkView {
  NodeId peer;
  std::string name;
  /// Envelopes given to the link, and those of them that the peer has not acknowledged.
  std::uint64_t sent = 0;
  std::uint64_t unacknowledged = 0;
  /// Envelopes of the peer that were delivered here, and those that wait for one before them.
  std::uint64_t delivered = 0;
  std::uint64_t early = 0;
  bool dead = false;
  MOBULA_FIELDS(LinkView, peer, name, sent, unacknowledged, delivered, early, dead)
};

struct Options {
  /// Also where raylet-less nodes (a GCS in a process of its own) say who they are.
  raylet::Options raylet;
  bool has_raylet = true;
  bool has_gcs = false;
  /// Its `node` and `address` are this node's.
  gcs::Options gcs;
  link::Options link;
  /// The node whose daemon holds the GCS, and its address.
  NodeId gcs_node;
  std::string gcs_address;
};

/// The daemon of one node: its raylet, on the head node the GCS, and the links to other daemons.
/// Routes envelopes among them and the node's processes. The unit that the real daemon and the
/// simulator host.
///
/// A message to a process of this node that does not exist is answered with `WorkerDied`; one to a
/// node that is dead for ever likewise, by the sender's own daemon. When the GCS comes back in
/// another daemon, the link to the old one is dropped with what was under way.
class Node {
 public:
  explicit Node(Options options);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// The only mutator. Appends to `out`, which the caller clears.
  void Handle(Instant now, const Event& event, Effects& out);
  void CheckInvariants() const;

  [[nodiscard]] NodeId Self() const;
  /// Null without one.
  [[nodiscard]] const raylet::Raylet* FindRaylet() const;
  [[nodiscard]] const gcs::Gcs* FindGcs() const;
  [[nodiscard]] std::vector<LinkView> Links() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace mobula::node
