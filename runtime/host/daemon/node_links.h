// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/core/link/frame.h"
#include "runtime/host/daemon/credentials.h"

namespace mobula::host {

/// Who answers under an address.
struct ClusterIdentity {
  NodeId gcs_node;
  std::string gcs_address;
  std::string session_name;
  NodeId node;
};

/// A part of an object on its way between two stores.
struct ObjectBytes {
  NodeId source;
  NodeId target;
  ObjectId object;
  std::uint64_t offset = 0;
  std::string data;
};

/// What a tool gets for its question: a status as in HTTP, and the text.
struct QueryResult {
  int status = 0;
  std::string body;
};

/// The gRPC connections of one daemon to others: a bidirectional stream for frames per pair of
/// nodes, made by whoever sends first and made again when it breaks, and one for object content in
/// each direction. May lose whatever is under way when a stream breaks: the Link machine and the
/// pull machine repeat. Who does not show the cluster's token is told why it is refused, and
/// nothing it sends is read.
///
/// Called and calls back in the thread of the loop only; gRPC's own threads stay inside.
class NodeLinks {
 public:
  struct Handlers {
    std::function<void(link::Frame)> on_frame;
    std::function<void(ObjectBytes)> on_chunk;
    /// The way to a peer broke, or could not be made. `refused`: nobody listens there.
    std::function<void(NodeId peer, const std::string& reason, bool refused)> on_broken;
    /// A tool asks; without it, it is told that nothing is known.
    std::function<QueryResult(const std::string& path)> on_query = {};
  };

  NodeLinks(boost::asio::io_context& loop, Handlers handlers);
  /// Closes everything, after giving what is queued half a second to leave.
  ~NodeLinks();

  /// From now on; REQUIRES: nothing was sent, and `Listen` was not called.
  void SetCredentials(Credentials credentials);
  /// Starts to serve and returns "host:port". Unavailable when the port is taken.
  [[nodiscard]] absl::StatusOr<std::string> Listen(const std::string& host, std::uint16_t port);
  /// What `Ask` answers from now on; before that it says that the daemon is starting.
  void SetIdentity(const ClusterIdentity& identity);

  /// Without an address: only over the stream on which the target was heard, if that is open.
  void SendFrame(const std::string& address, const link::Frame& frame);
  void SendChunk(const std::string& address, ObjectBytes chunk);
  void Close(NodeId peer);

  /// Asks the daemon at `address` who it is. Blocks for some seconds at most. Unavailable: nobody
  /// there; Unauthenticated: the token is not the cluster's; FailedPrecondition: another version,
  /// or not a daemon.
  [[nodiscard]] static absl::StatusOr<ClusterIdentity> Ask(const std::string& address,
                                                           const Credentials& credentials = {});
  /// For tools; the same errors.
  [[nodiscard]] static absl::StatusOr<QueryResult> Query(const std::string& address,
                                                         const std::string& path,
                                                         const Credentials& credentials);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mobula::host
