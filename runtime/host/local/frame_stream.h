// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "runtime/core/protocol/messages.h"
#include "runtime/host/local/byte_stream.h"

namespace mobula::host {

/// Envelopes over a byte stream, each behind its length (four bytes, little-endian). View: one end
/// of one connection, from when it is open to when either end closes it. Writes are collected by
/// `Queue` and leave in as few pieces as the stream allows. Not thread-safe.
class FrameStream {
 public:
  explicit FrameStream(std::unique_ptr<ByteStream> bytes) : bytes_(std::move(bytes)) {}
  /// Over a connected, non-blocking socket.
  explicit FrameStream(Fd socket)
      : FrameStream(std::make_unique<SocketStream>(std::move(socket))) {}

  [[nodiscard]] int Number() const { return bytes_->Number(); }

  /// Adds an envelope to what `Flush` writes.
  void Queue(const Envelope& envelope);

  enum class Flushed { kAll, kSome, kBroken };
  /// Writes as much as the stream takes.
  Flushed Flush();
  [[nodiscard]] bool HasUnsent() const { return sent_ < outgoing_.size(); }
  /// The frames of which the other end has at most a part.
  [[nodiscard]] std::string TakeUnsent();

  enum class State { kOpen, kClosed };
  /// Reads what is there and hands over each whole envelope. Closed: the other end has closed the
  /// connection, or sent something that is no envelope (`Problem`); what came before was handed
  /// over.
  State Read(absl::FunctionRef<void(Envelope&&)> deliver);
  /// Why the stream closed; empty when the other end did it.
  [[nodiscard]] const std::string& Problem() const { return problem_; }

 private:
  bool DeliverWhole(absl::FunctionRef<void(Envelope&&)> deliver);
  void DropWhole();
  void MakeRoom();

  std::unique_ptr<ByteStream> bytes_;
  /// Encoded frames, of which the first `sent_` bytes are written.
  std::string outgoing_;
  std::size_t sent_ = 0;
  /// Bytes [begin_, end_) have arrived and are not decoded. As large as the largest frame so far.
  std::vector<char> incoming_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::string problem_;
};

/// Decodes what `TakeUnsent` gave.
[[nodiscard]] std::vector<Envelope> DecodeFrames(std::string_view frames);

}  // namespace mobula::host
