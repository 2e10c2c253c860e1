// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "runtime/host/local/frame_stream.h"
#include "runtime/host/local/process_page.h"
#include "runtime/host/local/store_segment.h"
#include "runtime/host/process/poller.h"

namespace mobula::host {

/// The sockets of one process: to its daemon, and to other processes of the node.
///
///   process A --- peer, connected by whoever writes first ---> process B   (same node)
///   process A ---> daemon ---> everybody else
///
/// Peers write to each other through shared memory, and ring by the socket: `RingStream`.
///
/// All envelopes from one process to another take one way as long as both live, which keeps their
/// order. A peer whose socket closes is dead; what was not sent to it goes through the daemon,
/// which answers `WorkerDied`. Between processes only the first envelope of each direction carries
/// addresses: those after it go from and to the same, and are written without. Before a
/// `WorkerDied` from the daemon is delivered, everything that the dead process had written is. Not
/// thread-safe.
class ProcessNetwork {
 public:
  using Deliver = absl::FunctionRef<void(Envelope&&)>;

  /// Connects to the daemon, receives its store, and listens for neighbours.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<ProcessNetwork>> Connect(
      const std::string& daemon_socket, WorkerId self, Poller& poller);

  [[nodiscard]] const StoreSegment& Store() const { return store_; }
  /// What the daemon reads of this process.
  [[nodiscard]] const ProcessPage& Page() const { return page_; }
  /// The node becomes known with the registration; until then everything goes to the daemon.
  void SetNode(NodeId node) { self_.node = node; }
  [[nodiscard]] const Address& Self() const { return self_; }

  /// Queues the message for its way; `Flush` writes. REQUIRES: the target is not this process.
  void Send(const Address& target, Message&& message);
  void Flush();
  /// Blocks until everything is written or the time is over; for the end of a process.
  void FlushBeforeExit(Duration patience);
  /// Closes every socket. Only the destructor may follow.
  void CloseAll();

  /// Reads and writes what the poller found ready. Descriptors that are not the network's are
  /// ignored.
  void HandleReady(const epoll_event& event, Deliver deliver);
  /// Reads what has come without a descriptor that tells of it.
  void ReadRings(Deliver deliver);
  /// Why nothing works any more; empty while the daemon's socket is open.
  [[nodiscard]] const std::string& Failure() const { return failure_; }

 private:
  struct Connection {
    explicit Connection(Fd socket) : stream(std::move(socket)) {}
    explicit Connection(std::unique_ptr<RingStream> rings)
        : ring(rings.get()), stream(std::move(rings)) {}
    /// Null for the daemon.
    RingStream* ring = nullptr;
    FrameStream stream;
    /// Nil for the daemon, and for a connection that was accepted and has said nothing yet.
    WorkerId peer;
    /// Of what comes, once something has.
    Address source;
    /// The other end has been told, or will be by what is queued, who writes to it.
    bool introduced = false;
    bool dirty = false;
    bool waits_writable = false;
  };

  ProcessNetwork(std::string daemon_socket, WorkerId self, Poller& poller)
      : poller_(poller), daemon_socket_(std::move(daemon_socket)), self_{NodeId{}, self} {}

  Connection& Add(std::unique_ptr<Connection> connection, WorkerId peer);
  Connection& RouteTo(const Address& target);
  void FlushConnection(Connection& connection);
  /// Puts back the addresses of an envelope of a peer, which may have come without.
  void Complete(Connection& connection, Envelope& envelope);
  void GiveUpPeer(Connection& connection);
  void AcceptAll();
  void Read(Connection& connection, Deliver deliver);
  void Hear(Connection& connection);
  void DrainPeer(WorkerId peer, Deliver deliver);
  void Close(Connection& connection);

  Poller& poller_;
  std::string daemon_socket_;
  Address self_;
  StoreSegment store_;
  ProcessPage page_;
  Fd listener_;
  Connection* daemon_ = nullptr;
  /// Every open connection by its descriptor.
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
  /// The connection over which a peer is written to; chosen at the first message, never changed.
  std::unordered_map<WorkerId, Connection*> routes_;
  /// Peers to which no socket leads: dead ones, mostly. The daemon knows better.
  std::set<WorkerId> unreachable_;
  std::vector<int> dirty_;
  std::string failure_;
};

}  // namespace mobula::host
