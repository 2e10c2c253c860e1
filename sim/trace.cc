// SPDX-License-Identifier: Apache-2.0
#include "sim/trace.h"

#include "absl/strings/str_cat.h"

namespace mobula::sim {

Trace::Trace(const std::string& path, const std::string& hashes_path)
    : path_(path), hashes_path_(hashes_path) {
  if (!path.empty()) {
    recorder_.emplace(path, trace::Recorder::Pairing::kByCause, "simulation");
  }
  if (!hashes_path.empty()) hashes_.open(hashes_path, std::ios::trunc);
}

std::string Trace::Failure() const {
  if (recorder_ && !recorder_->IsGood()) return absl::StrCat("cannot write the trace to ", path_);
  if (!hashes_.good()) return absl::StrCat("cannot write the hashes to ", hashes_path_);
  return {};
}

void Trace::Chain(Instant now, Place place) {
  hasher_.Mix(now);
  hasher_.Word(place.node);
  hasher_.Mix(place.process);
}

trace::Line Trace::LineOf(Instant now, Place place, trace::Cause cause, std::uint64_t number) {
  node_name_ = absl::StrCat("n", place.node + 1);
  return {number, now, node_name_, place.process, cause, hasher_.Value()};
}

void Trace::RecordWorld(Instant now, Place place, std::string_view what, const std::string& text) {
  Chain(now, place);
  hasher_.Text(what);
  hasher_.Text(text);
  if (hashes_.is_open()) WriteHash(now, place, std::string(what) + " " + text);
  if (recorder_) recorder_->RecordWorld(LineOf(now, place, {}, 0), what, text);
}

void Trace::RecordLoss(Instant now, Place place, trace::Cause cause, std::string_view why) {
  if (recorder_ && cause.event > 0) recorder_->RecordLoss(LineOf(now, place, cause, 0), why);
}

std::string Trace::DetailOf(const worker::Event& event) {
  const auto* received = std::get_if<MessageReceived>(&event);
  if (received == nullptr) return NameOf(event);
  return absl::StrCat(NameOf(event), " ", NameOf(received->message));
}

std::string Trace::DetailOf(const node::Event& event) {
  if (const auto* sent = std::get_if<node::EnvelopeSent>(&event)) {
    return absl::StrCat(NameOf(event), " ", NameOf(sent->envelope.message));
  }
  const auto* frame = std::get_if<node::FrameReceived>(&event);
  if (frame == nullptr || !frame->frame.envelope) return NameOf(event);
  return absl::StrCat(NameOf(event), " ", NameOf(frame->frame.envelope->message));
}

void Trace::WriteHash(Instant now, Place place, const std::string& what) {
  std::string line = HexOf(0, hasher_.Value()).substr(16) + ' ';
  trace::AppendSeconds(line, now.nanoseconds);
  absl::StrAppend(&line, " n", place.node + 1, "/",
                  place.process.IsNil() ? "daemon" : place.process.Short(), " ", what, "\n");
  // A note may have lines of its own.
  for (std::size_t i = 0; i + 1 < line.size(); ++i) {
    if (line[i] == '\n') line[i] = ' ';
  }
  hashes_ << line;
}

}  // namespace mobula::sim
