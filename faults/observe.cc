// SPDX-License-Identifier: Apache-2.0
#include "faults/observe.h"

namespace mobula::faults {

std::vector<Observation> ObservationsOf(const Message& message, const std::string& from,
                                        const std::string& to) {
  std::vector<Observation> seen{{Happening::kMessageSent, NameOf(message), from, to}};
  const auto* location = std::get_if<ObjectLocationChanged>(&message);
  if (std::holds_alternative<SealObject>(message) || (location != nullptr && location->added)) {
    seen.push_back({Happening::kObjectSealed, "", from, ""});
  } else if (std::holds_alternative<LeaseGranted>(message)) {
    seen.push_back({Happening::kLeaseGranted, "", from, ""});
  } else if (std::holds_alternative<NodeRegistered>(message)) {
    seen.push_back({Happening::kNodeJoined, "", to, ""});
  }
  return seen;
}

}  // namespace mobula::faults
