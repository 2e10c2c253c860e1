// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/core/protocol/messages.h"
#include "runtime/host/daemon/page_book.h"
#include "runtime/host/local/frame_stream.h"
#include "runtime/host/local/store_segment.h"

namespace mobula::host {

/// The socket at which the processes of a node reach their daemon. View: one incarnation's. A
/// process is whoever its first envelope, a RegisterWorker, says; from then on all that it sends is
/// from there.
class LocalServer {
 public:
  struct Handlers {
    /// The source is verified; the host part of the target is as the process wrote it.
    std::function<void(Envelope)> on_envelope;
    /// After everything that the process has sent. `undelivered` had not reached its socket.
    std::function<void(WorkerId worker, std::vector<Envelope> undelivered)> on_closed;
    /// A batch of envelopes was handled.
    std::function<void()> on_settle;
  };

  LocalServer(boost::asio::io_context& loop, NodeId node, const StoreSegment& store,
              PageBook& pages, Handlers handlers);
  ~LocalServer();

  [[nodiscard]] absl::Status Listen();

  /// Queues an envelope for a process; `Flush` writes. False when it has no socket here.
  bool Deliver(WorkerId worker, const Envelope& envelope);
  void Flush();
  /// Handles all that the process has sent so far, and closes its socket. `on_closed` is not
  /// called.
  std::vector<Envelope> DrainAndClose(WorkerId worker);
  /// The process at the other end; 0 when there is none.
  [[nodiscard]] pid_t PidOf(WorkerId worker) const;

 private:
  struct Session;
  using SessionPointer = std::shared_ptr<Session>;

  void AwaitConnection();
  void Welcome(Fd socket);
  void AwaitReadable(const SessionPointer& session);
  bool Read(Session& session);
  void Receive(Session& session, Envelope envelope);
  void FlushSession(const SessionPointer& session);
  void CloseSession(const SessionPointer& session);

  boost::asio::io_context& loop_;
  NodeId node_;
  const StoreSegment& store_;
  PageBook& pages_;
  Handlers handlers_;
  boost::asio::posix::stream_descriptor listener_;
  /// Handlers that are under way when the server goes find it gone.
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  /// Connected, whether or not they have said who they are.
  std::map<int, SessionPointer> sessions_;
  std::map<WorkerId, SessionPointer> by_worker_;
  std::vector<SessionPointer> dirty_;
};

}  // namespace mobula::host
