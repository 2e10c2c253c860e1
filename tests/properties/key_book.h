// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/core/protocol/messages.h"

namespace mobula::properties {

/// What the tasks of a run asked the key-value store of the GCS, and what it answered.
///
/// There must be one order of the questions about a key in which each has its effect between the
/// asking and the answer, and that explains all answers (Herlihy and Wing, *Linearizability*,
/// TOPLAS 1990). A question whose answer nobody saw has its effect at any time, or never.
class KeyBook {
 public:
  struct Ticket {
    std::string key;
    std::size_t index = 0;
  };
  /// Somebody is about to ask this. What a put writes becomes a value that nobody else writes.
  /// REQUIRES: kPut, kGet or kDelete.
  Ticket Asks(KvRequest& question);
  void Answered(const Ticket& ticket, const KvReply& answer);

  [[nodiscard]] bool IsEmpty() const { return questions_.empty(); }
  /// A line for each key whose answers no order explains.
  [[nodiscard]] std::vector<std::string> Problems() const;

  struct Question {
    KvOperation operation = KvOperation::kGet;
    std::string value;
    bool overwrite = true;
    std::uint64_t asked = 0;
    /// 0 for never, or not yet.
    std::uint64_t answered = 0;
    /// Of the answer.
    bool found = false;
  };

 private:
  std::map<std::string, std::vector<Question>> questions_;
  std::uint64_t moments_ = 0;
};

}  // namespace mobula::properties
