// SPDX-License-Identifier: Apache-2.0
/// One end of a gRPC stream between daemons: what client and server have in common, on gRPC's
/// threads.
#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "runtime/host/daemon/credentials.h"
#include "runtime/host/daemon/node_link.grpc.pb.h"
#include "runtime/wire/codec.h"

namespace mobula::host {

/// What is written at once: more frames wait, and a larger one goes in parts.
inline constexpr std::size_t kWriteBytes = 4 << 20;
/// No message of gRPC is larger, a chunk of an object included; gRPC refuses a larger one before it
/// is read.
inline constexpr int kMessageBytesMax = 16 << 20;

inline void Show(const Credentials& credentials, grpc::ClientContext& context) {
  if (!credentials.token.empty()) {
    context.AddMetadata("authorization", "Bearer " + credentials.token);
  }
}

/// An open stream as its user sees it. Thread-safe; does nothing once closed.
class FrameEnd {
 public:
  virtual ~FrameEnd() = default;
  virtual void Send(std::string frame) = 0;
  virtual void Close() = 0;
  /// Blocks until nothing waits to be written, or the time is over.
  virtual void WaitUntilWritten(std::chrono::steady_clock::time_point deadline) = 0;
};

/// Where an end reports, from gRPC's threads.
struct FrameEndEvents {
  /// Whole frames. An error says that one of them is none.
  std::function<absl::Status(const protocol::Frames&)> on_frames;
  /// Nonsense arrived; the stream closes.
  std::function<void(const absl::Status&)> on_malformed;
  /// The other side has answered for the first time.
  std::function<void()> on_open;
  /// The last call.
  std::function<void(const grpc::Status&)> on_closed;
};

/// Collects what is sent while a write is under way into the next write. `Reactor` is the client's
/// or the server's bidirectional reactor of gRPC.
template <class Reactor>
class FrameReactor : public Reactor, public FrameEnd {
 public:
  explicit FrameReactor(FrameEndEvents events) : events_(std::move(events)) {}

  void Send(std::string frame) override {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    queued_.push_back(std::move(frame));
    if (!writing_) WriteQueued();
  }
  void WaitUntilWritten(std::chrono::steady_clock::time_point deadline) override {
    std::unique_lock lock(mutex_);
    written_all_.wait_until(lock, deadline, [this] { return closed_ || !writing_; });
  }

  void OnReadDone(bool ok) override {
    if (!ok) return EndOfReading();
    absl::Status status = JoinParts();
    if (status.ok()) status = events_.on_frames(incoming_);
    if (!status.ok()) {
      events_.on_malformed(status);
      Close();
      return EndOfReading();
    }
    this->StartRead(&incoming_);
  }
  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (closed_) {
      EndOfWriting();
    } else if (ok && !queued_.empty()) {
      WriteQueued();
    }
    if (!writing_) written_all_.notify_all();
  }

 protected:
  /// No read and no write is under way, and none will be.
  virtual void AllDone() = 0;

  FrameEndEvents events_;
  std::mutex mutex_;
  protocol::Frames incoming_;
  bool closed_ = false;

 private:
  void WriteQueued() {
    written_.Clear();
    for (std::size_t room = kWriteBytes; room > 0 && !queued_.empty();) {
      std::string& first = queued_.front();
      const std::size_t length = std::min(room, first.size() - written_of_first_);
      const bool is_whole = length == first.size();
      written_.add_frame(is_whole ? std::move(first) : first.substr(written_of_first_, length));
      written_of_first_ += length;
      room -= length;
      written_.set_continues(!is_whole && written_of_first_ < first.size());
      if (written_.continues()) continue;
      queued_.pop_front();
      written_of_first_ = 0;
    }
    writing_ = true;
    this->StartWrite(&written_);
  }
  /// Leaves whole frames in `incoming_`.
  absl::Status JoinParts() {
    if (!part_.empty() && incoming_.frame_size() > 0) {
      std::string& first = *incoming_.mutable_frame(0);
      if (part_.size() + first.size() > wire::kMaxEncodedBytes) {
        return absl::InvalidArgumentError("a frame is larger than any can be");
      }
      part_ += first;
      first = std::exchange(part_, {});
    }
    if (incoming_.continues() && incoming_.frame_size() > 0) {
      part_ = std::move(*incoming_.mutable_frame(incoming_.frame_size() - 1));
      incoming_.mutable_frame()->RemoveLast();
    }
    return absl::OkStatus();
  }
  void EndOfReading() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    written_all_.notify_all();
    if (!writing_) EndOfWriting();
  }
  void EndOfWriting() {
    if (!std::exchange(ended_, true)) AllDone();
  }

  std::deque<std::string> queued_;
  /// Of the first in `queued_`, if it is larger than one message.
  std::size_t written_of_first_ = 0;
  protocol::Frames written_;
  /// Of a frame whose end has not arrived.
  std::string part_;
  std::condition_variable written_all_;
  bool writing_ = false;
  bool ended_ = false;
};

/// The end that opened the stream. Keeps itself until it is closed.
class ClientFrameEnd final
    : public FrameReactor<grpc::ClientBidiReactor<protocol::Frames, protocol::Frames>> {
 public:
  ClientFrameEnd(std::shared_ptr<grpc::Channel> channel, const Credentials& credentials,
                 FrameEndEvents events)
      : FrameReactor(std::move(events)), stub_(protocol::NodeLink::NewStub(channel)) {
    Show(credentials, context_);
  }

  /// `self` is this object.
  void Open(std::shared_ptr<ClientFrameEnd> self) {
    self_ = std::move(self);
    stub_->async()->Exchange(&context_, this);
    this->StartRead(&incoming_);
    // Writes start outside of gRPC's callbacks as well.
    this->AddHold();
    this->StartCall();
  }
  void Close() override { context_.TryCancel(); }

  void OnReadInitialMetadataDone(bool ok) override {
    if (ok) events_.on_open();
  }
  void OnDone(const grpc::Status& status) override {
    events_.on_closed(status);
    const std::shared_ptr<ClientFrameEnd> keep = std::move(self_);
  }

 private:
  void AllDone() override { this->RemoveHold(); }

  grpc::ClientContext context_;
  std::unique_ptr<protocol::NodeLink::Stub> stub_;
  std::shared_ptr<ClientFrameEnd> self_;
};

/// The end that was called. Keeps itself until it is closed.
class ServerFrameEnd final
    : public FrameReactor<grpc::ServerBidiReactor<protocol::Frames, protocol::Frames>> {
 public:
  ServerFrameEnd(grpc::CallbackServerContext* context, FrameEndEvents events)
      : FrameReactor(std::move(events)), context_(context) {}

  void Open(std::shared_ptr<ServerFrameEnd> self) {
    self_ = std::move(self);
    this->StartSendInitialMetadata();
    this->StartRead(&incoming_);
  }
  void Close() override {
    const std::lock_guard lock(mutex_);
    if (!closed_) context_->TryCancel();
  }

  void OnDone() override {
    events_.on_closed(grpc::Status::OK);
    const std::shared_ptr<ServerFrameEnd> keep = std::move(self_);
  }

 private:
  void AllDone() override { this->Finish(grpc::Status::OK); }

  grpc::CallbackServerContext* context_;
  std::shared_ptr<ServerFrameEnd> self_;
};

/// The end of a stream that is not to be: nothing of it is read. Deletes itself.
template <class Reactor>
class RefusedEnd final : public Reactor {
 public:
  explicit RefusedEnd(const grpc::Status& why) { this->Finish(why); }
  void OnDone() override { delete this; }
};

/// The sending end of a stream of object content.
class ChunkSender final : public grpc::ClientWriteReactor<protocol::ObjectChunk> {
 public:
  ChunkSender(std::shared_ptr<grpc::Channel> channel, const Credentials& credentials,
              std::function<void()> on_closed)
      : stub_(protocol::NodeLink::NewStub(channel)), on_closed_(std::move(on_closed)) {
    Show(credentials, context_);
  }

  void Open(std::shared_ptr<ChunkSender> self) {
    self_ = std::move(self);
    stub_->async()->SendChunks(&context_, &answer_, this);
    this->AddHold();
    this->StartCall();
  }
  void Send(protocol::ObjectChunk chunk) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    queue_.push_back(std::move(chunk));
    if (queue_.size() == 1) this->StartWrite(&queue_.front());
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    context_.TryCancel();
    if (queue_.empty()) End();
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    queue_.pop_front();
    if (!ok) return End();
    if (!queue_.empty()) this->StartWrite(&queue_.front());
  }
  void OnDone(const grpc::Status&) override {
    on_closed_();
    const std::shared_ptr<ChunkSender> keep = std::move(self_);
  }

 private:
  void End() {
    if (std::exchange(closed_, true)) return;
    this->RemoveHold();
  }

  std::mutex mutex_;
  grpc::ClientContext context_;
  protocol::ChunksReceived answer_;
  std::unique_ptr<protocol::NodeLink::Stub> stub_;
  std::function<void()> on_closed_;
  /// The first is being written.
  std::deque<protocol::ObjectChunk> queue_;
  bool closed_ = false;
  std::shared_ptr<ChunkSender> self_;
};

/// The receiving end.
class ChunkReceiver final : public grpc::ServerReadReactor<protocol::ObjectChunk> {
 public:
  explicit ChunkReceiver(std::function<void(protocol::ObjectChunk)> on_chunk)
      : on_chunk_(std::move(on_chunk)) {
    this->StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::OK);
    on_chunk_(std::move(incoming_));
    incoming_.Clear();
    this->StartRead(&incoming_);
  }
  void OnDone() override { delete this; }

 private:
  std::function<void(protocol::ObjectChunk)> on_chunk_;
  protocol::ObjectChunk incoming_;
};

}  // namespace mobula::host
