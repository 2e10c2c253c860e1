// SPDX-License-Identifier: Apache-2.0
#include "runtime/core/gcs/journal.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/core/gcs/outbox.h"

namespace mobula::gcs {
namespace {

constexpr Duration kRetryMin = Milliseconds(100);
constexpr Duration kRetryMax = Seconds(5);

}  // namespace

void Journal::Take(Effects& said, LogRecords& records, Effects& out) {
  if (keeps_log_) {
    gathered_.insert(gathered_.end(), std::make_move_iterator(records.begin()),
                     std::make_move_iterator(records.end()));
  }
  records.clear();
  std::uint64_t needed = gathered_.empty() ? written_ : written_ + 1;
  if (bugs_.Has(Bug::kAcknowledgesUnsynced)) needed = synced_;
  for (Effect& effect : said) {
    if (needed == synced_ || std::holds_alternative<StartTimer>(effect)) {
      out.push_back(std::move(effect));
    } else {
      held_.push_back({needed, std::move(effect)});
    }
  }
  said.clear();
  Write(out);
}

void Journal::Write(Effects& out) {
  if (written_ > synced_ || gathered_.empty()) return;
  under_way_ = std::exchange(gathered_, {});
  out.push_back(WriteLog{++written_, under_way_});
}

void Journal::Synced(std::uint64_t sequence, Effects& out) {
  CHECK(sequence == written_ && sequence == synced_ + 1)
      << "write " << sequence << " is synced, " << written_ << " is under way";
  synced_ = sequence;
  under_way_.clear();
  if (std::exchange(failures_, 0) > 0)
    out.push_back(ClusterEvent{"the log of the GCS can be written again"});
  for (; !held_.empty() && held_.front().sequence <= synced_; held_.pop_front())
    out.push_back(std::move(held_.front().effect));
  Write(out);
}

void Journal::Failed(const LogFailed& failure, Effects& out) {
  CHECK(failure.sequence == written_ && written_ > synced_) << ToString(failure);
  const Duration delay =
      std::min(kRetryMin * (std::int64_t{1} << std::min(failures_, 10u)), kRetryMax);
  ++failures_;
  out.push_back(ClusterEvent{"the log of the GCS cannot be written: " + failure.reason +
                             "; nothing is acknowledged until it can"});
  out.push_back(StartTimer{TimerId{static_cast<std::uint32_t>(TimerKind::kRetryLog), 0}, delay});
}

void Journal::Retry(Effects& out) {
  CHECK(written_ > synced_) << "no write has failed";
  out.push_back(WriteLog{written_, under_way_});
}

void Journal::CheckInvariants() const {
  CHECK(written_ == synced_ || written_ == synced_ + 1) << "two writes at once";
  CHECK(under_way_.empty() == (written_ == synced_)) << "a write without records";
  CHECK(gathered_.empty() || written_ > synced_) << "records that nobody writes";
  CHECK(failures_ == 0 || written_ > synced_) << "no write has failed";
  std::uint64_t last = synced_;
  for (const Held& held : held_) {
    CHECK(held.sequence > synced_) << ToString(held.effect) << " is held for nothing";
    CHECK(held.sequence >= last) << ToString(held.effect) << " is out of order";
    last = held.sequence;
    CHECK(held.sequence <= written_ || !gathered_.empty())
        << ToString(held.effect) << " waits for a write without records";
  }
}

}  // namespace mobula::gcs
