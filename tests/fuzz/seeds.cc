// SPDX-License-Identifier: Apache-2.0
// Writes what the fuzzers of frames and streams begin with: mobula_fuzz_seeds FRAMES STREAMS, two
// folders. A frame for each kind of message, and streams of a few of them.
#include <fstream>
#include <string>

#include "runtime/base/rng.h"
#include "runtime/wire/codec.h"
#include "tests/runtime/wire/random_message.h"

namespace mobula::wire {
namespace {

constexpr int kSeeds = 400;

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string WithLength(const std::string& bytes) {
  std::string length;
  for (int shift = 0; shift < 32; shift += 8) {
    length.push_back(static_cast<char>(bytes.size() >> shift & 0xFF));
  }
  return length + bytes;
}

void WriteSeeds(const std::string& frames, const std::string& streams) {
  Rng rng(1);
  for (int i = 0; i < kSeeds; ++i) {
    link::Frame frame;
    frame.envelope.emplace();
    Randomise(rng, frame);
    if (frame.envelope) Randomise(rng, frame.envelope->message);
    std::string bytes;
    Encode(frame, bytes);
    WriteFile(frames + "/" + std::to_string(i), bytes);
    if (!frame.envelope) continue;
    std::string envelope;
    Encode(*frame.envelope, envelope);
    const std::string piece(1, static_cast<char>(rng.Below(256)));
    WriteFile(streams + "/" + std::to_string(i), piece + WithLength(envelope));
  }
}

}  // namespace
}  // namespace mobula::wire

int main(int count, char** arguments) {
  if (count != 3) return 2;
  mobula::wire::WriteSeeds(arguments[1], arguments[2]);
  return 0;
}
