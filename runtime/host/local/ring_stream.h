// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/host/local/byte_stream.h"
#include "runtime/host/local/ring.h"

namespace mobula::host {

/// Through shared memory, between two processes that are connected by a socket. The socket carries
/// the memory's descriptor first, then a byte whenever one end has to ring the other, and its end
/// tells that the other process is gone.
///
/// State of the accepting end | leaves by
/// waits for the memory       | its descriptor, with the first byte
/// open                       | the socket's end, or bytes that cannot be; what was written
///                            | before is read to its end
/// closed                     | -
class RingStream final : public ByteStream {
 public:
  /// Of the end that connects, to the process that listens under that name: makes the memory and
  /// sends it. Errors: as of `ConnectTo`; ResourceExhausted when there is no memory for it.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<RingStream>> Connect(const std::string& name);
  /// Of the end that accepted. REQUIRES: nothing is written before something was read.
  explicit RingStream(Fd socket) : socket_(std::move(socket)) {}

  int Number() const override { return socket_.Get(); }
  Moved Write(std::string_view bytes) override;
  Moved Read(std::span<char> room) override;
  std::string_view Problem() const override { return problem_; }

  /// Takes note of what the socket says. To be called when it is readable, before `Read`.
  void TakeRings();

  // For a reader that looks by itself; the socket need not be polled for data then.
  [[nodiscard]] bool HasData() const { return rings_ && rings_->Incoming().HasData(); }
  /// From here on the socket is readable when there is data. False when there is some already.
  [[nodiscard]] bool Sleep() { return !rings_ || rings_->Incoming().Sleep(); }
  void Wake() {
    if (rings_) rings_->Incoming().Wake();
  }

 private:
  void RingOther();
  void TakeMemory();

  Fd socket_;
  std::optional<RingPair> rings_;
  bool is_closed_ = false;
  std::string problem_;
};

}  // namespace mobula::host
