// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/grpc_channels.h"

#include <grpc/grpc.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"

namespace mobula::host {
namespace {

std::shared_ptr<grpc::ChannelCredentials> ClientCredentials(const Credentials& credentials) {
  if (!credentials.HasTls()) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({credentials.authority, credentials.key, credentials.certificate});
}

}  // namespace

void KeepGrpcUp() {
  static const bool kept = [] {
    grpc_init();
    return true;
  }();
  CHECK(kept);
}

std::shared_ptr<grpc::Channel> NewChannel(const std::string& address,
                                          const Credentials& credentials, int message_bytes_max) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // However long the other was away, it is found soon after it is back.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  // How long a connection may take to be made: on a busy machine, or to one far away.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetMaxReceiveMessageSize(message_bytes_max);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  if (credentials.HasTls()) arguments.SetSslTargetNameOverride(kTlsName);
  return grpc::CreateCustomChannel(address, ClientCredentials(credentials), arguments);
}

std::shared_ptr<grpc::ServerCredentials> ServerCredentials(const Credentials& credentials) {
  if (!credentials.HasTls()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = credentials.authority;
  options.pem_key_cert_pairs.push_back({credentials.key, credentials.certificate});
  return grpc::SslServerCredentials(options);
}

absl::Status WhyNotBound(const std::string& host, std::uint16_t port) {
  boost::asio::io_context loop;
  boost::asio::ip::tcp::acceptor acceptor(loop);
  boost::system::error_code error;
  const auto address =
      boost::asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  const boost::asio::ip::tcp::endpoint endpoint(address, port);
  if (!error) acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.bind(endpoint, error);
  const std::string where = absl::StrCat("cannot listen on ", host, ":", port);
  if (error == boost::asio::error::address_in_use) {
    return absl::UnavailableError(absl::StrCat(
        where,
        ": the port is in use; end what uses it (`mobula stop`, if that is a node of mobula), "
        "or choose another --port, or 0 for any"));
  }
  if (error == boost::system::errc::address_not_available) {
    return absl::UnavailableError(
        absl::StrCat(where, ": that is no address of this host; `ip address` shows those it has"));
  }
  return absl::UnavailableError(absl::StrCat(where, ": ",
                                             error ? error.message()
                                                   : "gRPC refuses, perhaps because of the "
                                                     "certificates in --tls-dir"));
}

}  // namespace mobula::host
