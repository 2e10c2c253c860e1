// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "runtime/host/daemon/credentials.h"
#include "runtime/host/daemon/stream_ends.h"

namespace mobula::host {

/// gRPC stays up to the end of the process, from the first call on. Its last user would shut it
/// down in a thread of gRPC's own, and a process that ended at that moment was aborted by gRPC's
/// counts of references.
void KeepGrpcUp();

/// A channel of its own for each stream, so that no back-off of an earlier one is inherited.
[[nodiscard]] std::shared_ptr<grpc::Channel> NewChannel(const std::string& address,
                                                        const Credentials& credentials,
                                                        int message_bytes_max = kMessageBytesMax);
[[nodiscard]] std::shared_ptr<grpc::ServerCredentials> ServerCredentials(
    const Credentials& credentials);

/// Why a server could not listen there, which gRPC does not say, and what to do.
[[nodiscard]] absl::Status WhyNotBound(const std::string& host, std::uint16_t port);

}  // namespace mobula::host
