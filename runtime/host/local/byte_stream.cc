// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/local/byte_stream.h"

#include <sys/socket.h>

#include <cerrno>

namespace mobula::host {
namespace {

/// Of a call that failed.
ByteStream::Status StatusOfErrno() {
  return errno == EAGAIN ? ByteStream::Status::kWouldBlock : ByteStream::Status::kClosed;
}

}  // namespace

ByteStream::Moved SocketStream::Write(std::string_view bytes) {
  ssize_t count = 0;
  do {
    count = send(Number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return {StatusOfErrno()};
  return {Status::kMoved, static_cast<std::size_t>(count)};
}

ByteStream::Moved SocketStream::Read(std::span<char> room) {
  ssize_t count = 0;
  do {
    count = recv(Number(), room.data(), room.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return {StatusOfErrno()};
  if (count == 0) return {Status::kClosed};
  return {Status::kMoved, static_cast<std::size_t>(count)};
}

}  // namespace mobula::host
