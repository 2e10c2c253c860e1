// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/protocol/messages.h"

namespace mobula {

RequestLease RequestLease::For(const TaskHeader& header) {
  RequestLease request;
  request.job = header.job;
  request.resources = header.resources;
  request.strategy = header.strategy;
  request.language = header.function.language;
  request.runtime_env = header.runtime_env;
  request.name = header.name;
  request.retriable = header.max_retries != 0;
  if (header.actor_options) {
    request.placement = header.actor_options->placement_resources;
    request.retriable = header.actor_options->max_restarts != 0;
  }
  return request;
}

Message::Message() = default;
Message::Message(const Message& other) = default;
Message::Message(Message&& other) noexcept = default;
Message& Message::operator=(const Message& other) = default;
Message& Message::operator=(Message&& other) noexcept = default;
Message::~Message() = default;

bool Message::operator==(const Message& other) const {
  return static_cast<const MessageVariant&>(*this) == static_cast<const MessageVariant&>(other);
}

}  // namespace mobula
