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

/// Whether it is to be done, whether anybody waits for the answer or not.
bool IsMeant(const Message& message) {
  return std::holds_alternative<KillActor>(message) ||
         std::holds_alternative<CreatePlacementGroup>(message) ||
         std::holds_alternative<RemovePlacementGroup>(message);
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

void GcsClient::AskFor(const GcsRequested& event) {
  Ask(event.question, event.request);
  if (event.timeout) context_.Start(TimerKind::kRequestTimeout, event.request, *event.timeout);
}

void GcsClient::OnTimeout(RequestId request) {
  const auto is_meant = [&](const auto& entry) { return entry.second.request == request; };
  const auto found = std::find_if(questions_.begin(), questions_.end(), is_meant);
  if (found == questions_.end()) return;
  context_.Emit(FulfilGcs{request, std::move(found->second.message), /*timed_out=*/true});
  questions_.erase(found);
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
    if (IsMeant(current->second.message)) {
      current->second.request.reset();
    } else {
      questions_.erase(current);
    }
  }
}

}  // namespace mobula::worker
