// SPDX-License-Identifier: Apache-2.0
#include "bench/scheduler/message_meter.h"

#include <variant>

namespace mobula::bench {
namespace {

template <class... Kinds>
bool IsOneOf(const Message& message) {
  return (std::holds_alternative<Kinds>(message) || ...);
}

}  // namespace

void MessageMeter::Count(const Message& message) {
  ++all;
  of_leases += IsOneOf<RequestLease, LeaseGranted, LeaseSpilled, LeaseRefused, LeaseInfeasible,
                       CancelLeaseRequest, ReturnLease, ReclaimLease>(message);
  of_views += IsOneOf<NodeReport, ClusterChanged>(message);
  grants += IsOneOf<LeaseGranted>(message);
  spillbacks += IsOneOf<LeaseSpilled>(message);
  if (const auto* chunk = std::get_if<RequestChunk>(&message)) bytes_moved += chunk->length;
}

}  // namespace mobula::bench
