// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "faults/injector.h"
#include "runtime/core/protocol/messages.h"

namespace mobula::faults {

/// What a message on its way from one node to another (or within one) tells of: that it was sent,
/// and, of some, a happening of its own. To be called once for each message: not when it is sent
/// again because it was lost.
///
/// Both worlds call it where a message leaves its sender: a process's own `Send`, a daemon's
/// delivery to one of its processes, a new frame on a link. What the GCS and the raylet of the head
/// say to each other inside one daemon is not seen.
std::vector<Observation> ObservationsOf(const Message& message, const std::string& from,
                                        const std::string& to);

}  // namespace mobula::faults
