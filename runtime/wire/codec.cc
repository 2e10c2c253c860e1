// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/codec.h"

#include "absl/strings/str_cat.h"
#include "runtime/wire/decoder.h"
#include "runtime/wire/encoder.h"

namespace mobula::wire {
namespace {

/// One per thread, for the memory it keeps between messages.
Encoder& ThreadEncoder() {
  static thread_local Encoder encoder;
  return encoder;
}

template <class T>
absl::StatusOr<T> Decode(std::string_view bytes) {
  if (bytes.size() > kMaxEncodedBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a message of ", bytes.size(), " bytes; at most ", kMaxEncodedBytes));
  }
  absl::StatusOr<T> decoded(absl::in_place);
  const absl::Status status = Decoder(bytes).Read(*decoded);
  if (!status.ok()) decoded = status;
  return decoded;
}

}  // namespace

void Encode(const Envelope& envelope, std::string& out) { ThreadEncoder().Append(envelope, out); }
void Encode(const link::Frame& frame, std::string& out) { ThreadEncoder().Append(frame, out); }

absl::StatusOr<Envelope> DecodeEnvelope(std::string_view bytes) { return Decode<Envelope>(bytes); }
absl::StatusOr<link::Frame> DecodeFrame(std::string_view bytes) {
  return Decode<link::Frame>(bytes);
}

}  // namespace mobula::wire
