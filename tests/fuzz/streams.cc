// SPDX-License-Identifier: Apache-2.0
// Goal: whatever arrives at a Unix socket, in whatever pieces, hands over envelopes or closes the
// stream with a reason. The first byte says how long the pieces are.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "runtime/base/check.h"
#include "runtime/host/local/frame_stream.h"

using mobula::host::Fd;
using mobula::host::FrameStream;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  Fd writer(ends[0]);
  FrameStream stream((Fd(ends[1])));
  const std::size_t piece = 1 + data[0] * std::size_t{16};
  const auto ignore = [](mobula::Envelope&&) {};
  for (std::size_t at = 1; at < size; at += piece) {
    const std::size_t length = std::min(piece, size - at);
    CHECK(write(writer.Get(), data + at, length) == static_cast<ssize_t>(length));
    if (stream.Read(ignore) == FrameStream::State::kClosed) {
      CHECK(!stream.Problem().empty()) << "closed without a reason";
      return 0;
    }
  }
  writer.Reset();
  while (stream.Read(ignore) != FrameStream::State::kClosed) continue;
  return 0;
}
