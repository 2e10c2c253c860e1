// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>

#include "runtime/core/worker/context.h"

namespace mobula::worker {

/// Requests to the GCS, which may restart and forget: each is numbered and repeated, with a growing
/// delay, until its answer comes. Refuses questions without a `request` field (CHECK).
class GcsClient {
 public:
  /// A question that is under way.
  struct Question {
    Message message;
    Duration delay;
    /// The language layer's number; nothing for a question of the machine itself.
    std::optional<RequestId> request;
    /// The actor creation that asks (RegisterActor); else nil.
    TaskId creation;
  };

  explicit GcsClient(Context& context) : context_(context) {}

  /// Numbers `message` and sends it.
  void Ask(Message message, std::optional<RequestId> request, TaskId creation = {});
  /// As `Ask`, for the language layer, which waits that long.
  void AskFor(const GcsRequested& event);
  /// The language layer has waited long enough: it is given the question back. Nothing when the
  /// request is not here.
  void OnTimeout(RequestId request);
  /// Forgets the question with this number, whose answer came; nothing when it was answered before.
  std::optional<Question> Answered(std::uint64_t number);
  void Repeat(std::uint64_t number);
  /// The GCS came back, and may not have heard them.
  void RepeatAll();
  /// The language layer lost interest: the answer will be dropped.
  void Abandon(RequestId request);

 private:
  Context& context_;
  std::uint64_t last_number_ = 0;
  /// From `Ask` to `Answered`, or to `Abandon`.
  std::map<std::uint64_t, Question> questions_;
};

/// The `request` field of an answer; nothing for messages that have none.
std::optional<std::uint64_t> RequestNumberOf(const Message& message);

}  // namespace mobula::worker
