// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "runtime/core/protocol/messages.h"

namespace mobula::link {

/// What daemons exchange. The network under it may lose, repeat, delay and reorder frames.
struct Frame {
  NodeId source;
  NodeId target;
  /// Counts the envelopes from source to target from 1; 0 for a bare acknowledgement and for a
  /// notice, which is an envelope outside of the numbering (Links::SendNotice).
  std::uint64_t sequence = 0;
  /// Every envelope of the other direction up to this one has arrived.
  std::uint64_t acknowledged = 0;
  std::optional<Envelope> envelope;
  MOBULA_FIELDS(Frame, source, target, sequence, acknowledged, envelope)
};

}  // namespace mobula::link
