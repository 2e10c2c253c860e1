// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/worker/gcs_client.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace mobula::worker {
namespace {

template <class T>
concept HasRequest = requires(T value) { value.request; };

bool SetRequestNumber(Message& message, std::uint64_t number) {
  return std::visit(
      [&]<class T>(T& member) {
        if constexpr (HasRequest<T>) {
          member.request = number;
          return true;
        } else {
          return false;
        }
      },
      message);
}

}  // namespace

std::optional<std::uint64_t> RequestNumberOf(const Message& message) {
  return std::visit(
      []<class T>(const T& member) -> std::optional<std::uint64_t> {
        if constexpr (HasRequest<T>) {
          return member.request;
        } else {
          return std::nullopt;
        }
      },
      message);
}

void GcsClient::Ask(Message message, std::optional<RequestId> request, TaskId creation) {
  const std::uint64_t number = ++last_number_;
  CHECK(SetRequestNumber(message, number)) << NameOf(message) << " cannot be numbered";
  context_.TellGcs(message);
  const Duration delay = context_.options.gcs_retry_min;
  context_.Start(TimerKind::kGcsRetry, number, delay);
  questions_.emplace(number, Question{std::move(message), delay, request, creation});
}

std::optional<GcsClient::Question> GcsClient::Answered(std::uint64_t number) {
  const auto found = questions_.find(number);
  if (found == questions_.end()) return std::nullopt;
  Question question = std::move(found->second);
  questions_.erase(found);
  return question;
}

void GcsClient::Repeat(std::uint64_t number) {
  const auto found = questions_.find(number);
  if (found == questions_.end()) return;
  Question& question = found->second;
  question.delay = std::min(question.delay * 2, context_.options.gcs_retry_max);
  context_.TellGcs(question.message);
  context_.Start(TimerKind::kGcsRetry, number, question.delay);
}

void GcsClient::RepeatAll() {
  for (const auto& [number, question] : questions_) context_.TellGcs(question.message);
}

void GcsClient::Abandon(RequestId request) {
  for (auto entry = questions_.begin(); entry != questions_.end();) {
    const auto current = entry++;
    if (current->second.request != request) continue;
    // A kill is meant, whether anybody waits for it or not.
    if (std::holds_alternative<KillActor>(current->second.message)) {
      current->second.request.reset();
    } else {
      questions_.erase(current);
    }
  }
}

}  // namespace mobula::worker
