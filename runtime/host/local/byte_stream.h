// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/host/local/fd.h"

namespace mobula::host {

/// The bytes of a connection between two processes of a node, in both directions. Never blocks.
class ByteStream {
 public:
  enum class Status { kMoved, kWouldBlock, kClosed };
  struct Moved {
    Status status = Status::kMoved;
    std::size_t bytes = 0;
  };

  virtual ~ByteStream() = default;
  /// For polling: readable when there is something to read (unless the stream says otherwise), or
  /// the other end is gone.
  [[nodiscard]] virtual int Number() const = 0;
  [[nodiscard]] virtual Moved Write(std::string_view bytes) = 0;
  [[nodiscard]] virtual Moved Read(std::span<char> room) = 0;
  /// Why it closed; empty when the other end did it.
  [[nodiscard]] virtual std::string_view Problem() const { return {}; }
};

/// Over a connected, non-blocking socket.
class SocketStream final : public ByteStream {
 public:
  explicit SocketStream(Fd socket) : socket_(std::move(socket)) {}

  int Number() const override { return socket_.Get(); }
  Moved Write(std::string_view bytes) override;
  Moved Read(std::span<char> room) override;

 private:
  Fd socket_;
};

}  // namespace mobula::host
