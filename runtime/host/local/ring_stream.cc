// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/local/ring_stream.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/host/local/unix_socket.h"

namespace mobula::host {

absl::StatusOr<std::unique_ptr<RingStream>> RingStream::Connect(const std::string& name) {
  absl::StatusOr<Fd> socket = ConnectTo(name);
  if (!socket.ok()) return socket.status();
  absl::StatusOr<RingPair> rings = RingPair::Create();
  if (!rings.ok()) return rings.status();
  auto stream = std::make_unique<RingStream>(*std::move(socket));
  const Fd file = rings->TakeFile();
  const int number = file.Get();
  if (SendWithDescriptors(stream->Number(), "R", {&number, 1}) != 1)
    return absl::ErrnoToStatus(errno, "cannot send the memory of a connection");
  stream->rings_.emplace(*std::move(rings));
  return stream;
}

ByteStream::Moved RingStream::Write(std::string_view bytes) {
  CHECK(rings_) << "a process is written to before it said who it is";
  Ring& ring = rings_->Outgoing();
  const std::size_t count = ring.Write(bytes);
  if (count > 0) {
    if (ring.WakesReader()) RingOther();
    return {Status::kMoved, count};
  }
  if (is_closed_) return {Status::kClosed};
  return {ring.AwaitRoom() ? Status::kWouldBlock : Status::kMoved};
}

ByteStream::Moved RingStream::Read(std::span<char> room) {
  if (rings_) {
    const std::optional<std::size_t> count = rings_->Incoming().Read(room);
    if (!count) {
      is_closed_ = true;
      problem_ = "the memory of the connection is damaged";
    } else if (*count > 0) {
      if (rings_->Incoming().WakesWriter()) RingOther();
      return {Status::kMoved, *count};
    }
  }
  return {is_closed_ ? Status::kClosed : Status::kWouldBlock};
}

void RingStream::TakeRings() {
  if (!rings_ && !is_closed_) TakeMemory();
  std::array<char, 64> ignored;
  while (!is_closed_) {
    const ssize_t count = recv(Number(), ignored.data(), ignored.size(), 0);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) is_closed_ = true;
    if (count < 0 && errno == EAGAIN) return;
    if (count > 0 && static_cast<std::size_t>(count) < ignored.size()) return;
  }
}

/// One that does not fit into the socket's buffer is not needed: others are in it.
void RingStream::RingOther() {
  [[maybe_unused]] const ssize_t sent = send(Number(), "B", 1, MSG_NOSIGNAL);
}

void RingStream::TakeMemory() {
  std::array<char, 1> content;
  const absl::StatusOr<Received> received = ReceiveDescriptors(Number(), content, 1);
  if (!received.ok()) {
    // Nothing has come yet.
    if (absl::IsUnavailable(received.status())) return;
    is_closed_ = true;
    problem_ = std::string(received.status().message());
    return;
  }
  absl::StatusOr<RingPair> rings = RingPair::Map(received->descriptors[0]);
  if (rings.ok()) {
    rings_.emplace(*std::move(rings));
  } else {
    is_closed_ = true;
    problem_ = std::string(rings.status().message());
  }
}

}  // namespace mobula::host
