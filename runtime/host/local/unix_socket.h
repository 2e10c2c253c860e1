// SPDX-License-Identifier: Apache-2.0
/// Stream sockets with abstract names: they are on no disk, vanish with their last process, and are
/// reachable by every user of the machine; so both ends check that the other is of the same user.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/ids.h"
#include "runtime/host/local/fd.h"

namespace mobula::host {

/// The daemon's socket, without the leading NUL; one name per incarnation.
[[nodiscard]] std::string DaemonSocketName(NodeId node);
/// Where a process of the node listens for its neighbours.
[[nodiscard]] std::string ProcessSocketName(const std::string& daemon_socket, WorkerId worker);

/// A non-blocking listening socket. AlreadyExists when the name is taken.
[[nodiscard]] absl::StatusOr<Fd> ListenOn(const std::string& name);
/// A connected, non-blocking socket. Unavailable: nobody listens; ResourceExhausted: too many wait
/// to be accepted; PermissionDenied: the listener is another user's.
[[nodiscard]] absl::StatusOr<Fd> ConnectTo(const std::string& name);
/// The next connection, non-blocking; nullopt when there is none. Those of other users are closed.
[[nodiscard]] std::optional<Fd> AcceptFrom(int listener);
/// The process at the other end.
[[nodiscard]] pid_t PeerPid(int socket);

inline constexpr std::size_t kDescriptorsMax = 2;
/// Sends `content` as one message, with copies of `descriptors`. Returns what sendmsg does, and
/// errno. REQUIRES: at most kDescriptorsMax of them, and one at least.
[[nodiscard]] ssize_t SendWithDescriptors(int socket, std::string_view content,
                                          std::span<const int> descriptors);

/// What comes with the next message, whose content goes to `content`.
struct Received {
  std::vector<Fd> descriptors;
  /// Of the content.
  std::size_t bytes = 0;
};
/// Unavailable: nothing has come; Aborted: the other end closed the connection or sent a message
/// with another number of descriptors.
[[nodiscard]] absl::StatusOr<Received> ReceiveDescriptors(int socket, std::span<char> content,
                                                          std::size_t count);

/// The first bytes a daemon sends to each process that connects, together with the descriptors of
/// its store and of the process's own page.
[[nodiscard]] absl::Status SendWelcome(int socket, int store, std::uint64_t store_bytes, int page);
struct Welcome {
  Fd store;
  std::uint64_t store_bytes = 0;
  Fd page;
};
/// Waits for it, some seconds at most.
[[nodiscard]] absl::StatusOr<Welcome> ReceiveWelcome(int socket);

}  // namespace mobula::host
