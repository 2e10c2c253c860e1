// SPDX-License-Identifier: Apache-2.0
/// Between the structs of the protocol and the bytes that runtime/wire/mobula.proto describes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/core/link/frame.h"
#include "runtime/core/protocol/messages.h"

namespace mobula::wire {

/// No message is larger; a larger length on the wire is an error, not an allocation.
inline constexpr std::size_t kMaxEncodedBytes = 512u << 20;

/// Appends the encoding to `out`. REQUIRES: it has at most kMaxEncodedBytes.
void Encode(const Envelope& envelope, std::string& out);
void Encode(const link::Frame& frame, std::string& out);

/// InvalidArgument says which field of which message is wrong: cut short, of the wrong wire type,
/// an unknown enumerator, an id that is not 16 bytes long, or an envelope without a message that is
/// known here. Unknown fields are skipped. Nesting is bounded by the types, none of which contains
/// itself.
[[nodiscard]] absl::StatusOr<Envelope> DecodeEnvelope(std::string_view bytes);
[[nodiscard]] absl::StatusOr<link::Frame> DecodeFrame(std::string_view bytes);

}  // namespace mobula::wire
