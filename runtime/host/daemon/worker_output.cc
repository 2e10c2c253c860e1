// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/daemon/worker_output.h"

#include <array>
#include <cerrno>
#include <cstdint>

namespace mobula::host {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

/// A line is handed over in pieces beyond this.
constexpr std::size_t kLineBytesMax = 1 << 20;

/// Length of the valid UTF-8 sequence that `text` begins with; 0 when there is none.
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xC2 && first < 0xE0 ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, beyond U+10FFFF.
  if (length == 3 && ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) >= 0xA0)))
    return 0;
  if (length == 4 && ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) >= 0x90)))
    return 0;
  return length;
}

}  // namespace

std::string ToValidUtf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    if (length == 0) {
      valid += "\xEF\xBF\xBD";
    } else {
      valid += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

WorkerOutput::WorkerOutput(boost::asio::io_context& loop, Fd pipe, RotatingFile file,
                           OnLines on_lines)
    : pipe_(std::move(pipe)),
      waiter_(loop, pipe_.Get()),
      file_(std::move(file)),
      on_lines_(std::move(on_lines)) {}

WorkerOutput::~WorkerOutput() { waiter_.release(); }

void WorkerOutput::Start() { AwaitReadable(); }

void WorkerOutput::AwaitReadable() {
  waiter_.async_wait(Descriptor::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (error || !self->pipe_.IsOpen()) return;
                       if (self->Read()) {
                         self->HandOver(false);
                         self->AwaitReadable();
                       } else {
                         self->HandOver(true);
                       }
                     });
}

/// Until the pipe is empty; false at its end.
bool WorkerOutput::Read() {
  std::array<char, 16384> buffer;
  while (true) {
    const ssize_t count = read(pipe_.Get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 && errno == EAGAIN;
    const auto size = static_cast<std::size_t>(count);
    file_.Write({buffer.data(), size});
    pending_.append(buffer.data(), size);
    if (pending_.size() > kLineBytesMax) return true;
  }
}

void WorkerOutput::HandOver(bool all) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end; (end = pending_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(ToValidUtf8(std::string_view(pending_).substr(begin, end - begin)));
  }
  pending_.erase(0, begin);
  if (!pending_.empty() && (all || pending_.size() > kLineBytesMax)) {
    lines.push_back(ToValidUtf8(pending_));
    pending_.clear();
  }
  if (!lines.empty()) on_lines_(std::move(lines));
}

void WorkerOutput::Finish() {
  if (!pipe_.IsOpen()) return;
  (void)Read();
  HandOver(true);
  waiter_.cancel();
  waiter_.release();
  pipe_.Reset();
}

}  // namespace mobula::host
