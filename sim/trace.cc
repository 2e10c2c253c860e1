// SPDX-License-Identifier: Apache-2.0
#include "sim/trace.h"

#include <iomanip>

namespace mobula::sim {
namespace {

/// `text` as a JSON string, quotes included. Bytes that are not ASCII become their code as in
/// Latin-1.
std::string Quoted(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte > 0x7E) {
      quoted += "\\u00";
      quoted += kDigits[byte >> 4];
      quoted += kDigits[byte & 15];
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace

Trace::Trace(const std::string& path) : writing_(!path.empty()) {
  if (writing_) out_.open(path, std::ios::trunc);
}

void Trace::Chain(Instant now, Place place) {
  hasher_.Mix(now);
  hasher_.Word(place.node);
  hasher_.Mix(place.process);
}

void Trace::RecordWorld(Instant now, Place place, std::string_view what, const std::string& text) {
  Chain(now, place);
  hasher_.Text(what);
  hasher_.Text(text);
  if (writing_) Write(now, place, what, text, {});
}

void Trace::Write(Instant now, Place place, std::string_view event, const std::string& text,
                  const std::vector<std::string>& effects) {
  const std::string process = place.process.IsNil() ? "daemon" : place.process.Hex();
  out_ << "{\"t\": " << now.nanoseconds / 1'000'000'000 << '.' << std::setw(9) << std::setfill('0')
       << now.nanoseconds % 1'000'000'000 << ", \"node\": \"n" << place.node + 1
       << "\", \"process\": \"" << process << "\", \"event\": " << Quoted(event)
       << ", \"text\": " << Quoted(text) << ", \"effects\": [";
  const char* separator = "";
  for (const std::string& effect : effects) {
    out_ << separator << Quoted(effect);
    separator = ", ";
  }
  // At once: a hub may leave the process without unwinding, and after a crash a trace is wanted
  // most.
  out_ << "]}\n" << std::flush;
}

}  // namespace mobula::sim
