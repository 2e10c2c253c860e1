// SPDX-License-Identifier: Apache-2.0
#include "tests/properties/key_book.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/check.h"

namespace mobula::properties {
namespace {

using Question = KeyBook::Question;
/// Of a key; nothing when it is not there.
using Content = std::optional<std::string>;

/// What the key holds after the question; nothing when the answer was another one.
std::optional<Content> After(const Question& question, const Content& content) {
  const bool is_answered = question.answered > 0;
  switch (question.operation) {
    case KvOperation::kGet:
      if (is_answered && question.found != content.has_value()) return std::nullopt;
      if (is_answered && content && question.value != *content) return std::nullopt;
      return content;
    case KvOperation::kDelete:
      if (is_answered && question.found != content.has_value()) return std::nullopt;
      return Content();
    default:
      if (is_answered && question.found == content.has_value()) return std::nullopt;
      return content && !question.overwrite ? content : Content(question.value);
  }
}

/// Looks for an order that explains all answers.
class Order {
 public:
  explicit Order(const std::vector<Question>& questions)
      : questions_(questions), placed_(questions.size(), false) {}

  bool ExistsFrom(const Content& content) {
    if (!seen_.emplace(placed_, content).second) return false;
    std::uint64_t first_answer = kNever;
    for (std::size_t i = 0; i < questions_.size(); ++i) {
      if (!placed_[i] && questions_[i].answered > 0)
        first_answer = std::min(first_answer, questions_[i].answered);
    }
    if (first_answer == kNever) return true;
    for (std::size_t i = 0; i < questions_.size(); ++i) {
      if (placed_[i] || questions_[i].asked > first_answer) continue;
      const auto after = After(questions_[i], content);
      if (!after) continue;
      placed_[i] = true;
      if (ExistsFrom(*after)) return true;
      placed_[i] = false;
    }
    return false;
  }

 private:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  const std::vector<Question>& questions_;
  std::vector<bool> placed_;
  std::set<std::pair<std::vector<bool>, Content>> seen_;
};

std::string Show(const Question& question) {
  std::string text = absl::StrCat(" [", question.asked, ",", question.answered, "] ",
                                  boost::describe::enum_to_string(question.operation, "?") + 1, " ",
                                  question.value);
  if (question.answered > 0) absl::StrAppend(&text, question.found ? " found" : " none");
  return text;
}

}  // namespace

KeyBook::Ticket KeyBook::Asks(KvRequest& question) {
  CHECK(question.operation != KvOperation::kKeys && question.operation != KvOperation::kExists);
  std::vector<Question>& questions = questions_[question.key];
  Question& asked = questions.emplace_back();
  asked.operation = question.operation;
  asked.overwrite = question.overwrite;
  asked.asked = ++moments_;
  if (question.operation == KvOperation::kPut) {
    asked.value = absl::StrCat("v", asked.asked);
    question.value = Bytes(asked.value);
  }
  return {question.key, questions.size() - 1};
}

void KeyBook::Answered(const Ticket& ticket, const KvReply& answer) {
  Question& question = questions_.at(ticket.key).at(ticket.index);
  question.answered = ++moments_;
  question.found = answer.found;
  if (question.operation == KvOperation::kGet) question.value = std::string(answer.value.View());
}

std::vector<std::string> KeyBook::Problems() const {
  std::vector<std::string> problems;
  for (const auto& [key, questions] : questions_) {
    if (Order(questions).ExistsFrom({})) continue;
    std::string text = absl::StrCat("wrong key: no order explains what was heard of ", key, ":");
    for (const Question& question : questions) absl::StrAppend(&text, Show(question), ";");
    problems.push_back(std::move(text));
  }
  return problems;
}

}  // namespace mobula::properties
