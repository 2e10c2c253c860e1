// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/local/unix_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"

namespace mobula::host {
namespace {

constexpr int kBacklog = 4096;
constexpr int kWelcomeTimeoutMs = 10'000;
constexpr std::uint64_t kMagic = 0x3241'414C'5542'4F4D;

struct WelcomeBytes {
  std::uint64_t magic = kMagic;
  std::uint64_t store_bytes = 0;
};

union ControlBuffer {
  char bytes[CMSG_SPACE(kDescriptorsMax * sizeof(int))];
  cmsghdr align;
};

socklen_t AbstractAddress(const std::string& name, sockaddr_un& address) {
  CHECK(name.size() + 1 < sizeof(address.sun_path)) << name;
  std::memset(&address, 0, sizeof(address));
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
}

std::optional<ucred> PeerCredentials(int socket) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return credentials;
}

bool IsSameUser(int socket) {
  const std::optional<ucred> peer = PeerCredentials(socket);
  return peer && peer->uid == geteuid();
}

absl::StatusOr<Fd> NewSocket() {
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.IsOpen()) return absl::ErrnoToStatus(errno, "cannot open a Unix socket");
  return fd;
}

}  // namespace

std::string DaemonSocketName(NodeId node) { return "mobula-" + node.Hex(); }

std::string ProcessSocketName(const std::string& daemon_socket, WorkerId worker) {
  return absl::StrCat(daemon_socket, "-", worker.Hex());
}

absl::StatusOr<Fd> ListenOn(const std::string& name) {
  absl::StatusOr<Fd> fd = NewSocket();
  if (!fd.ok()) return fd;
  sockaddr_un address;
  const socklen_t size = AbstractAddress(name, address);
  if (bind(fd->Get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      listen(fd->Get(), kBacklog) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot listen on the abstract socket ", name));
  }
  return fd;
}

absl::StatusOr<Fd> ConnectTo(const std::string& name) {
  absl::StatusOr<Fd> fd = NewSocket();
  if (!fd.ok()) return fd;
  sockaddr_un address;
  const socklen_t size = AbstractAddress(name, address);
  if (connect(fd->Get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    if (errno == EAGAIN)
      return absl::ResourceExhaustedError(absl::StrCat(name, " does not accept"));
    return absl::UnavailableError(
        absl::StrCat("nobody listens on the abstract socket ", name, ": ", std::strerror(errno)));
  }
  if (!IsSameUser(fd->Get())) {
    return absl::PermissionDeniedError(absl::StrCat("the socket ", name, " is another user's"));
  }
  return fd;
}

std::optional<Fd> AcceptFrom(int listener) {
  while (true) {
    Fd fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd.IsOpen() && IsSameUser(fd.Get())) return fd;
    if (!fd.IsOpen() && errno != EINTR && errno != ECONNABORTED) return std::nullopt;
  }
}

pid_t PeerPid(int socket) {
  const std::optional<ucred> peer = PeerCredentials(socket);
  return peer ? peer->pid : 0;
}

ssize_t SendWithDescriptors(int socket, std::string_view content,
                            std::span<const int> descriptors) {
  CHECK(descriptors.size() <= kDescriptorsMax) << descriptors.size();
  iovec part{const_cast<char*>(content.data()), content.size()};
  ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

absl::Status SendWelcome(int socket, int store, std::uint64_t store_bytes, int page) {
  const WelcomeBytes content{.store_bytes = store_bytes};
  const std::string_view bytes(reinterpret_cast<const char*>(&content), sizeof(content));
  const std::array<int, 2> files = {store, page};
  if (SendWithDescriptors(socket, bytes, files) != static_cast<ssize_t>(sizeof(content))) {
    return absl::ErrnoToStatus(errno, "cannot welcome a process");
  }
  return absl::OkStatus();
}

absl::StatusOr<Received> ReceiveDescriptors(int socket, std::span<char> content,
                                            std::size_t count) {
  iovec part{content.data(), content.size()};
  ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof(control.bytes);
  const ssize_t bytes = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
    return absl::UnavailableError("nothing has come yet");
  Received received;
  const cmsghdr* const header = bytes < 0 ? nullptr : CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= header->cmsg_len; at += sizeof(int)) {
      int descriptor = -1;
      std::memcpy(&descriptor, reinterpret_cast<const char*>(header) + at, sizeof(int));
      received.descriptors.emplace_back(descriptor);
    }
  }
  if (received.descriptors.size() != count)
    return absl::AbortedError("the connection ended, or something else than descriptors came");
  received.bytes = static_cast<std::size_t>(bytes);
  return received;
}

absl::StatusOr<Welcome> ReceiveWelcome(int socket) {
  pollfd readable{socket, POLLIN, 0};
  if (poll(&readable, 1, kWelcomeTimeoutMs) <= 0) {
    return absl::UnavailableError("the daemon accepted the connection but does not answer");
  }
  WelcomeBytes content;
  absl::StatusOr<Received> received =
      ReceiveDescriptors(socket, {reinterpret_cast<char*>(&content), sizeof(content)}, 2);
  if (!received.ok()) return absl::UnavailableError("the daemon closed the connection");
  if (received->bytes != sizeof(content) || content.magic != kMagic) {
    return absl::FailedPreconditionError(
        "what listens there is not a daemon of this version of mobula");
  }
  return Welcome{std::move(received->descriptors[0]), content.store_bytes,
                 std::move(received->descriptors[1])};
}

}  // namespace mobula::host
