// SPDX-License-Identifier: Apache-2.0
// What `NodeLinks` asks other daemons without being linked to them.
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "runtime/host/daemon/grpc_channels.h"
#include "runtime/host/daemon/id_bytes.h"
#include "runtime/host/daemon/node_links.h"
#include "runtime/host/daemon/version.h"

namespace mobula::host {
namespace {

constexpr auto kAskTimeout = std::chrono::seconds(5);
constexpr auto kQueryTimeout = std::chrono::seconds(10);

/// Whether anybody accepts connections there; for a message.
bool SomebodyListens(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return false;
  boost::asio::io_context loop;
  boost::asio::ip::tcp::resolver resolver(loop);
  boost::system::error_code error;
  const auto found = resolver.resolve(address.substr(0, colon), address.substr(colon + 1), error);
  if (error) return false;
  boost::asio::ip::tcp::socket socket(loop);
  bool connected = false;
  boost::asio::async_connect(
      socket, found,
      [&](const boost::system::error_code& failed, const auto&) { connected = !failed; });
  loop.run_for(std::chrono::seconds(1));
  return connected;
}

/// What went wrong with a question, and what to do.
absl::Status Explain(const std::string& address, const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
    return absl::UnauthenticatedError(
        absl::StrCat("the cluster at ", address, " refuses: ", status.error_message()));
  }
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    return absl::FailedPreconditionError(absl::StrCat(
        "what listens at ", address, " is not a mobula daemon of this version; correct --address"));
  }
  if (SomebodyListens(address)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "something listens at ", address, ", but it does not answer as a mobula daemon does; ",
        "either it is another program (correct --address), or one side only uses TLS, or with "
        "certificates of another authority (name the folder that the head uses with --tls-dir)"));
  }
  return absl::UnavailableError(absl::StrCat("no mobula daemon answers at ", address,
                                             "; start the head there with `mobula start --head`, "
                                             "correct --address, or see whether the host "
                                             "is up and no firewall is between"));
}

/// Which cluster is at the other end; FailedPrecondition for another version.
absl::StatusOr<ClusterIdentity> Describe(protocol::ClusterInfo::Stub& stub,
                                         const std::string& address,
                                         const Credentials& credentials) {
  grpc::ClientContext context;
  Show(credentials, context);
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + kAskTimeout);
  protocol::ClusterDescription answer;
  const grpc::Status status = stub.Describe(&context, {}, &answer);
  if (!status.ok()) return Explain(address, status);
  if (answer.version() != kVersion) {
    return absl::FailedPreconditionError(absl::StrCat("the cluster at ", address, " runs mobula ",
                                                      answer.version(), ", this is ", kVersion,
                                                      "; all nodes need the same version"));
  }
  return ClusterIdentity{IdFromBytes<NodeId>(answer.gcs_node()), answer.gcs_address(),
                         answer.session_name(), IdFromBytes<NodeId>(answer.node())};
}

}  // namespace

absl::StatusOr<ClusterIdentity> NodeLinks::Ask(const std::string& address,
                                               const Credentials& credentials) {
  KeepGrpcUp();
  const auto stub = protocol::ClusterInfo::NewStub(NewChannel(address, credentials));
  return Describe(*stub, address, credentials);
}

absl::StatusOr<QueryResult> NodeLinks::Query(const std::string& address, const std::string& path,
                                             const Credentials& credentials) {
  KeepGrpcUp();
  const auto stub = protocol::ClusterInfo::NewStub(NewChannel(address, credentials, -1));
  const absl::StatusOr<ClusterIdentity> cluster = Describe(*stub, address, credentials);
  if (!cluster.ok()) return cluster.status();
  grpc::ClientContext context;
  Show(credentials, context);
  context.set_deadline(std::chrono::system_clock::now() + kQueryTimeout);
  protocol::QueryRequest request;
  request.set_path(path);
  protocol::QueryAnswer answer;
  const grpc::Status status = stub->Query(&context, request, &answer);
  if (!status.ok()) return Explain(address, status);
  return QueryResult{static_cast<int>(answer.status()), std::move(*answer.mutable_body())};
}

}  // namespace mobula::host
