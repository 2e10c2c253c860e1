// SPDX-License-Identifier: Apache-2.0
#include "runtime/host/local/frame_stream.h"

#include <algorithm>
#include <boost/endian/conversion.hpp>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"
#include "runtime/wire/codec.h"

namespace mobula::host {
namespace {

constexpr std::size_t kHeaderBytes = 4;
constexpr std::size_t kReadBytes = 64 << 10;
/// Buffers that one large message has blown up are given back beyond this.
constexpr std::size_t kKeepBytes = 1 << 20;

std::size_t LengthAt(const char* header) {
  return boost::endian::load_little_u32(reinterpret_cast<const unsigned char*>(header));
}

}  // namespace

void FrameStream::Queue(const Envelope& envelope) {
  const std::size_t header = outgoing_.size();
  outgoing_.append(kHeaderBytes, '\0');
  wire::Encode(envelope, outgoing_);
  const std::size_t length = outgoing_.size() - header - kHeaderBytes;
  boost::endian::store_little_u32(reinterpret_cast<unsigned char*>(outgoing_.data() + header),
                                  static_cast<std::uint32_t>(length));
}

FrameStream::Flushed FrameStream::Flush() {
  while (HasUnsent()) {
    const ByteStream::Moved moved = bytes_->Write(std::string_view(outgoing_).substr(sent_));
    if (moved.status == ByteStream::Status::kClosed) return Flushed::kBroken;
    sent_ += moved.bytes;
    if (moved.status == ByteStream::Status::kMoved) continue;
    DropWhole();
    return Flushed::kSome;
  }
  if (outgoing_.capacity() > kKeepBytes) {
    std::string().swap(outgoing_);
  } else {
    outgoing_.clear();
  }
  sent_ = 0;
  return Flushed::kAll;
}

/// Forgets the frames that are wholly written.
void FrameStream::DropWhole() {
  std::size_t whole = 0;
  while (whole + kHeaderBytes <= sent_) {
    const std::size_t next = whole + kHeaderBytes + LengthAt(outgoing_.data() + whole);
    if (next > sent_) break;
    whole = next;
  }
  outgoing_.erase(0, whole);
  sent_ -= whole;
}

std::string FrameStream::TakeUnsent() {
  DropWhole();
  sent_ = 0;
  return std::exchange(outgoing_, {});
}

FrameStream::State FrameStream::Read(absl::FunctionRef<void(Envelope&&)> deliver) {
  while (true) {
    MakeRoom();
    const std::size_t room = incoming_.size() - end_;
    const ByteStream::Moved moved = bytes_->Read({incoming_.data() + end_, room});
    if (moved.status == ByteStream::Status::kWouldBlock) return State::kOpen;
    if (moved.status == ByteStream::Status::kClosed) {
      problem_ = bytes_->Problem();
      return State::kClosed;
    }
    end_ += moved.bytes;
    if (!DeliverWhole(deliver)) return State::kClosed;
    // Less than there was room for: the stream is empty, no need to ask it.
    if (moved.bytes < room) return State::kOpen;
  }
}

bool FrameStream::DeliverWhole(absl::FunctionRef<void(Envelope&&)> deliver) {
  while (end_ - begin_ >= kHeaderBytes) {
    const std::size_t length = LengthAt(incoming_.data() + begin_);
    if (length > wire::kMaxEncodedBytes) {
      problem_ = absl::StrCat("a message of ", length, " bytes was announced");
      return false;
    }
    if (end_ - begin_ < kHeaderBytes + length) break;
    absl::StatusOr<Envelope> envelope =
        wire::DecodeEnvelope({incoming_.data() + begin_ + kHeaderBytes, length});
    if (!envelope.ok()) {
      problem_ = std::string(envelope.status().message());
      return false;
    }
    begin_ += kHeaderBytes + length;
    deliver(*std::move(envelope));
  }
  return true;
}

/// Grows with what has really arrived, at most doubling, so that an announced length allocates
/// nothing.
void FrameStream::MakeRoom() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (incoming_.size() > kKeepBytes) std::vector<char>().swap(incoming_);
  }
  if (incoming_.size() - end_ >= kReadBytes / 2) return;
  std::copy(incoming_.begin() + static_cast<std::ptrdiff_t>(begin_),
            incoming_.begin() + static_cast<std::ptrdiff_t>(end_), incoming_.begin());
  end_ -= begin_;
  begin_ = 0;
  if (incoming_.size() - end_ < kReadBytes / 2) incoming_.resize(std::max(kReadBytes, 2 * end_));
}

std::vector<Envelope> DecodeFrames(std::string_view frames) {
  std::vector<Envelope> envelopes;
  while (frames.size() >= kHeaderBytes) {
    const std::size_t length = LengthAt(frames.data());
    absl::StatusOr<Envelope> envelope = wire::DecodeEnvelope(frames.substr(kHeaderBytes, length));
    CHECK(envelope.ok()) << envelope.status().ToString();
    envelopes.push_back(*std::move(envelope));
    frames.remove_prefix(kHeaderBytes + length);
  }
  return envelopes;
}

}  // namespace mobula::host
