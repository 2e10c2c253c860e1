// SPDX-License-Identifier: Apache-2.0
// Goal: no bytes that arrive as a frame do worse than an error, and what is understood is
// understood in one way. Method: messages of every kind, damaged again and again;
// MOBULA_FUZZ_SECONDS says for how long, and a build with sanitizers (the preset asan) sees what a
// crash does not show.
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "runtime/wire/codec.h"
#include "tests/runtime/wire/random_message.h"

namespace mobula::wire {
namespace {

constexpr int kSecondsByDefault = 1;
constexpr std::uint64_t kSeed = 20261126;

std::string RandomFrame(Rng& rng) {
  link::Frame frame;
  Randomise(rng, frame);
  if (frame.envelope) Randomise(rng, frame.envelope->message);
  std::string bytes;
  Encode(frame, bytes);
  return bytes;
}

/// One of the mistakes that a network, a foreign program or a villain makes.
void Damage(Rng& rng, std::string& bytes, const std::string& other) {
  const std::size_t place = rng.Below(bytes.size() + 1);
  const std::size_t length = std::min<std::size_t>(rng.Below(16), bytes.size() - place);
  switch (rng.Below(7)) {
    case 0:
      if (place < bytes.size())
        bytes[place] = static_cast<char>(bytes[place] ^ (1 << rng.Below(8)));
      break;
    case 1:
      if (place < bytes.size()) bytes[place] = static_cast<char>(rng.Below(256));
      break;
    case 2:
      bytes.resize(place);
      break;
    case 3:
      bytes.erase(place, length);
      break;
    case 4:
      bytes.insert(place, bytes.substr(place, length));
      break;
    case 5:
      // A length or number as large as one can be written, or larger.
      bytes.insert(place, std::string(rng.Below(11), '\xFF') + '\x7F');
      break;
    default:
      bytes = bytes.substr(0, place) + other.substr(rng.Below(other.size() + 1));
  }
}

std::string Encoded(const auto& value) {
  std::string bytes;
  Encode(value, bytes);
  return bytes;
}

/// What was read is written and read again as the same.
template <class Decode>
bool Check(const std::string& bytes, Decode decode) {
  const auto first = decode(bytes);
  if (!first.ok()) return false;
  const std::string written = Encoded(*first);
  const auto second = decode(written);
  EXPECT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(Encoded(*second), written);
  return true;
}

TEST(Fuzz, NothingThatArrivesDoesWorseThanAnError) {
  const char* const text = std::getenv("MOBULA_FUZZ_SECONDS");
  const std::chrono::seconds span(text != nullptr ? std::atoi(text) : kSecondsByDefault);
  const auto end = std::chrono::steady_clock::now() + span;
  Rng rng(kSeed);
  std::uint64_t inputs = 0;
  std::uint64_t understood = 0;
  std::string bytes = RandomFrame(rng);
  while (std::chrono::steady_clock::now() < end && !HasFailure()) {
    // Damage adds up, for a while.
    if (rng.Below(20) == 0) bytes = RandomFrame(rng);
    Damage(rng, bytes, rng.Below(4) == 0 ? RandomFrame(rng) : bytes);
    ++inputs;
    understood += Check(bytes, [](const std::string& from) { return DecodeFrame(from); });
    understood += Check(bytes, [](const std::string& from) { return DecodeEnvelope(from); });
    ASSERT_FALSE(HasFailure()) << "input " << inputs << " of seed " << kSeed;
  }
  std::cout << inputs << " inputs, " << understood << " of them messages" << std::endl;
  EXPECT_GT(inputs, 100u);
  // Otherwise the damage is so coarse that only the first bytes were ever tested.
  EXPECT_GT(understood, inputs / 50);
}

}  // namespace
}  // namespace mobula::wire
